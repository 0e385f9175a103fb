"""From a QuerySpec to SQL, through ibis: the same spec for every engine, values always as literals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import words
from .catalog import Catalog
from .expressions import COMPARE, Expressions
from .joins import refs
from .restate import dim_words, measure_words
from .source import Query
from .spec import ColumnRef, QuerySpec, refs_of

if TYPE_CHECKING:
    from .source import Source


def query(expression: Any, source: Source) -> Query:
    """Return the SQL of an ibis expression in the source's dialect."""
    import ibis

    return Query(str(ibis.to_sql(expression, dialect=source.dialect)), expression.schema().to_pyarrow())


def compile_spec(spec: QuerySpec, catalog: Catalog, dialect: str) -> Any:
    """Return the ibis expression of a spec.

    Its columns are the dims, the measures, ``share`` when asked for, and the keys of dims that have one.
    """
    return Compiler(spec, catalog, dialect).expression()


class Compiler:
    """Compiles one spec."""

    def __init__(self, spec: QuerySpec, catalog: Catalog, dialect: str) -> None:
        self.spec, self.catalog = spec, catalog
        self._say = Expressions(catalog, dialect, self._name)
        self._read = [*refs(spec), *(ref for join in spec.joins for ref in join)]
        base = catalog.table(spec.base)
        if not spec.measures and not spec.columns:
            self._read += [column.ref for column in base.columns]
        elif self._multiplies():
            self._read += [self._identity()] if base.primary_key else [column.ref for column in base.columns]
        self._read = list(dict.fromkeys(self._read))

    def expression(self) -> Any:
        """Return the whole query: filtered, grouped, ordered, limited."""
        rows = self.rows()
        if not self.spec.measures:
            return self._plain(rows)
        return self._finished(self._grouped(rows))

    def rows(self) -> Any:
        """Return base rows, joined and filtered."""
        table = self._table(self.spec.base)
        for left, right in self.spec.joins:
            other = self._table(right.table)
            table = table.left_join(other, table[self._name(left)] == other[self._name(right)])
        conditions = [self._say.condition(table, condition) for condition in self.spec.filters]
        return table.filter(conditions) if conditions else table

    def _table(self, name: str) -> Any:
        """Return a table with what is read of it; beside others, its columns are called ``table.column``."""
        import ibis

        found = self.catalog.table(name)
        plain = name.removeprefix(f"{found.namespace}.") if found.namespace else name
        # DuckDB's main schema and others' default schemas go without saying.
        namespace = None if found.namespace in (None, "main", "public") else found.namespace
        table = ibis.table(found.schema, name=plain, database=namespace)
        if not self.spec.joins:
            return table
        return table.select(**{self._name(ref): table[ref.column] for ref in self._read if ref.table == name})

    def _name(self, ref: ColumnRef) -> str:
        return f"{ref.table}.{ref.column}" if self.spec.joins else ref.column

    def _grouped(self, rows: Any) -> Any:
        """Return groups and measures; where joins multiply base rows, each counts once per group."""
        import ibis

        names = self.names()
        dims = {name: self._say.dim(rows, dim) for name, dim in zip(names, self.spec.dims, strict=False)}
        keyed = [dim.key for dim in self.spec.dims if dim.key]
        keys = {name: rows[self._name(key)] for name, key in zip(self._key_names(), keyed, strict=True)}
        if self._multiplies():
            rows = self._once(rows, dims | keys)
            dims, keys = ({name: rows[name] for name in part} for part in (dims, keys))
        measures = {
            name: self._say.measure(rows, measure)
            for name, measure in zip(names[len(dims) :], self.spec.measures, strict=False)
        }
        if not dims:
            return rows.aggregate(**measures)
        grouped = rows.group_by(**dims, **keys).aggregate(**measures)
        if self.spec.share:
            whole = ibis.window()
            share = grouped[names[len(dims)]] / grouped[names[len(dims)]].sum().over(whole)
            return grouped.mutate(share=share)
        return grouped

    def _multiplies(self) -> bool:
        way = {
            join.right.table: join.many
            for name in self.spec.tables
            for join in self.catalog.path(self.spec.base, name) or ()
        }
        return any(way.get(right.table, False) for _, right in self.spec.joins)

    def _identity(self) -> ColumnRef:
        base = self.catalog.table(self.spec.base)
        return ColumnRef(base.name, base.primary_key or base.columns[0].name)

    def _once(self, rows: Any, groups: dict[str, Any]) -> Any:
        """Return each row of the base once per group: its key and what the measures read of it."""
        needed = {ref for measure in self.spec.measures for ref in refs_of(measure)}
        kept = [ref for ref in self._read if ref.table == self.spec.base or ref in needed]
        return rows.select(**{self._name(ref): rows[self._name(ref)] for ref in kept}, **groups).distinct()

    def _finished(self, table: Any) -> Any:
        import ibis

        names, number = self.names(), len(self.spec.dims)
        for having in self.spec.having:
            value = table[names[number + having.measure]]
            table = table.filter(COMPARE[having.op](value, ibis.literal(having.value)))
        shown = names + (["share"] if self.spec.share else []) + self._key_names()
        if self.spec.limit:
            # A person asks for the ten best of what is known, so groups without a name do not count.
            table = table.filter([table[name].notnull() for name in names[:number]])
        order = [ibis.asc(name) for name in names[:number]]
        if self.spec.order == "measure":
            first = names[number]
            order = [ibis.desc(first, nulls_first=False) if self.spec.descending else ibis.asc(first), *order]
        elif self.spec.order == "dim" and self.spec.descending:
            order = [ibis.desc(name) for name in names[:number]]
        table = table.order_by(order) if order else table
        return (table.limit(self.spec.limit) if self.spec.limit else table).select(*shown)

    def _plain(self, rows: Any) -> Any:
        base = self.catalog.table(self.spec.base)
        refs = self.spec.columns or tuple(column.ref for column in base.columns)
        names = _unique([ref.column for ref in refs])
        table = rows.select(
            **{name: self._say.value(rows, ref) for name, ref in zip(names, refs, strict=True)}
        )
        if self._multiplies():
            table = table.distinct()
        if self.spec.limit:
            wanted = self.spec.order_by or next(
                (ref for ref in refs if self.catalog.column(ref).measurable), refs[0]
            )
            order = self._say.value(rows, wanted) if wanted not in refs else table[names[refs.index(wanted)]]
            import ibis

            table = table.order_by(ibis.desc(order) if self.spec.descending else ibis.asc(order)).limit(
                self.spec.limit
            )
        return table

    def _key_names(self) -> list[str]:
        keys = [dim.key for dim in self.spec.dims if dim.key]
        return [f"{words.singular(words.label(key.table))} key" for key in keys]

    def names(self) -> list[str]:
        """Return the names of the output columns: dims, then measures, in words."""
        found = [dim_words(dim, self.catalog) for dim in self.spec.dims]
        found += [measure_words(measure, self.catalog) for measure in self.spec.measures]
        return _unique(found)


def _unique(names: list[str]) -> list[str]:
    """Return the names with a number after those that come again (regardless of case, as SQL sees them)."""
    found: list[str] = []
    for name in names:
        seen = sum(other.lower().split(" #")[0] == name.lower() for other in found)
        found.append(f"{name} #{seen + 1}" if seen else name)
    return found
