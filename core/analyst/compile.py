"""From a QuerySpec to SQL, through ibis: the same spec for every engine, values always as literals of the query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import words
from .catalog import Catalog
from .joins import refs
from .restate import dim_words, measure_words
from .source import Query
from .spec import ColumnRef, Dim, Filter, Measure, QuerySpec

if TYPE_CHECKING:
    from .source import Source

_TRUNCATE = {"year": "Y", "quarter": "Q", "month": "M", "week": "W", "day": "D", "hour": "h"}


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
        self.spec, self.catalog, self.dialect = spec, catalog, dialect
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
        conditions = [self.condition(table, condition) for condition in self.spec.filters]
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

    def value(self, table: Any, ref: ColumnRef) -> Any:
        """Return a column; dates that are kept as text become dates."""
        column = self.catalog.column(ref)
        value = table[self._name(ref)]
        if column.temporal and column.dtype.is_string():
            to = "timestamp" if column.type == "datetime" else "date"
            return value.cast(to) if self.dialect == "sqlite" else value.try_cast(to)
        return value

    def condition(self, table: Any, condition: Filter) -> Any:
        """Return a filter as a boolean expression."""
        import ibis

        value, values = self.value(table, condition.column), condition.values
        if condition.op == "during":
            return self._during(value, condition)
        if condition.grain in ("month_of_year", "year"):
            part = value.month() if condition.grain == "month_of_year" else value.year()
            return part.isin(values)
        match condition.op:
            case "in":
                return value.isin(values)
            case "not in":
                return ~value.isin(values) | value.isnull()
            case "!=":
                return (value != ibis.literal(values[0])) | value.isnull()
            case "between":
                return value.between(values[0], values[1])
            case "like":
                return value.lower().contains(str(values[0]).lower())
            case "is null":
                return value.isnull()
            case "not null":
                return value.notnull()
            case _:
                return _COMPARE[condition.op](value, ibis.literal(values[0]))

    def _during(self, value: Any, condition: Filter) -> Any:
        import ibis

        make = ibis.timestamp if value.type().is_timestamp() else ibis.date
        start, end = condition.values
        parts = [value >= make(start)] if start else []
        parts += [value < make(end)] if end else []
        return ibis.and_(*parts) if parts else ibis.literal(True)

    def dim(self, table: Any, dim: Dim) -> Any:
        """Return what a dimension groups by."""
        value = self.value(table, dim.column)
        if dim.grain == "weekday":
            return value.day_of_week.index() + 1
        if dim.grain == "month_of_year":
            return value.month()
        if dim.grain == "hour":
            return value.truncate("h") if value.type().is_timestamp() else value
        if dim.grain == "year":
            return value.year()
        if dim.grain:
            return value.truncate(_TRUNCATE[dim.grain]).cast("date")
        if dim.bins:
            return self._bin(value, dim)
        return value

    def _bin(self, value: Any, dim: Dim) -> Any:
        """Return the lower edge of the bin a number falls into; edges are round numbers."""
        column = self.catalog.column(dim.column)
        width = bin_width(float(column.low or 0), float(column.high or 0), dim.bins or 20)
        return (value / width).floor() * width

    def measure(self, table: Any, measure: Measure) -> Any:
        """Return a measure as an aggregate."""
        import ibis

        where = None
        if measure.where:
            where = ibis.and_(*[self.condition(table, condition) for condition in measure.where])
        result = self._aggregate(table, measure, where)
        if measure.over:
            over = self.measure(table, measure.over)
            return result.cast("float64") / over.nullif(0)
        return result

    def _aggregate(self, table: Any, measure: Measure, where: Any) -> Any:
        if measure.agg == "count":
            return table.count(where=where)
        if measure.column is None:
            raise ValueError(f"a {measure.agg!r} needs a column; only 'count' does without")
        value = self.value(table, measure.column)
        if measure.agg == "count_distinct":
            return value.nunique(where=where)
        if measure.times:
            value = value * self.value(table, measure.times)
        if measure.less:
            value = value * (1 - self.value(table, measure.less))
        if measure.agg == "median" and self.dialect == "sqlite":
            return _sqlite_median()(value)
        return getattr(value, measure.agg)(where=where)

    def _grouped(self, rows: Any) -> Any:
        """Return groups and measures; where joins multiply rows of the base, each row counts once per group."""
        import ibis

        names = self.names()
        dims = {name: self.dim(rows, dim) for name, dim in zip(names, self.spec.dims, strict=False)}
        keyed = [dim.key for dim in self.spec.dims if dim.key]
        keys = {name: rows[self._name(key)] for name, key in zip(self._key_names(), keyed, strict=True)}
        if self._multiplies():
            rows = self._once(rows, dims | keys)
            dims, keys = ({name: rows[name] for name in part} for part in (dims, keys))
        measures = {
            name: self.measure(rows, measure)
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
        kept = {self._name(ref): rows[self._name(ref)] for ref in self._read if ref.table == self.spec.base}
        return rows.select(**kept, **groups).distinct()

    def _finished(self, table: Any) -> Any:
        import ibis

        names, number = self.names(), len(self.spec.dims)
        for having in self.spec.having:
            value = table[names[number + having.measure]]
            table = table.filter(_COMPARE[having.op](value, ibis.literal(having.value)))
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
        table = rows.select(**{name: self.value(rows, ref) for name, ref in zip(names, refs, strict=True)})
        if self._multiplies():
            table = table.distinct()
        if self.spec.limit:
            order = next(
                (n for n, ref in zip(names, refs, strict=True) if self.catalog.column(ref).measurable),
                names[0],
            )
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


_COMPARE: dict[str, Any] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def bin_width(low: float, high: float, bins: int) -> float:
    """Return a round width (1, 2 or 5 times a power of ten) that gives at most ``bins`` bins, about."""
    rough = max((high - low) / bins, 1e-12)
    power = 1.0
    while power * 10 <= rough:
        power *= 10
    while power > rough:
        power /= 10
    return next(power * step for step in (1, 2, 5, 10) if power * step >= rough)


def _sqlite_median() -> Any:
    import ibis

    @ibis.udf.agg.builtin(name="headway_median")
    def median(value: float) -> float: ...

    return median


def _unique(names: list[str]) -> list[str]:
    """Return the names with a number after those that come again (regardless of case, as SQL sees them)."""
    found: list[str] = []
    for name in names:
        seen = sum(other.lower().split(" #")[0] == name.lower() for other in found)
        found.append(f"{name} #{seen + 1}" if seen else name)
    return found
