"""From roles to a QuerySpec: choose the base table, settle ambiguous names by their distance, fill the gaps."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import conditions, defaults
from .catalog import Catalog, Column
from .link import Mention, Target
from .roles import Role
from .spec import ColumnRef, Dim, Filter, Having, Kind, Measure, QuerySpec, refs_of

if TYPE_CHECKING:
    from .understand import Clauses


@dataclass
class Builder:
    """Builds one spec; ``unused`` collects the words that found no place in it, ``notes`` what was decided."""

    catalog: Catalog
    kind: Kind
    clauses: Clauses
    roles: list[Role]
    text: str
    unused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    base: str = ""
    """The table whose rows are measured, counted or listed; empty until it is chosen."""

    def build(self) -> QuerySpec:
        """Return the spec. Every table in it can be reached from its base."""
        self.named = {role.mention.targets[0].table for role in self.roles if role.mention.kind == "table"}
        self.raw = self._is_raw()
        self.base = self._base()
        measures, dims, columns = self._measures(), self._dims(), self._columns()
        filters = conditions.filters(self)
        having = self._having(dims, measures)
        spec = QuerySpec(
            self.kind, self.base, tuple(dims), tuple(measures), tuple(columns), tuple(filters), tuple(having),
            chart=self.clauses.chart, format=self.clauses.format,
        )  # fmt: skip
        spec = defaults.complete(self, spec)
        return defaults.with_joins(self.catalog, spec)

    def _is_raw(self) -> bool:
        """Whether plain rows are wanted: a file, or a list, without any number to compute."""
        if self.kind != "file" or self.clauses.grain:
            return False
        computed = any(
            role.name in ("dim", "count", "rate")
            or role.mention.kind == "concept"
            or (role.agg and not role.superlative)
            for role in self.roles
        )
        return not computed

    def _base(self) -> str:
        """Choose the table whose rows are measured, counted or listed."""
        if self.raw:
            return self._first_table(("subject", "column", "measure", "value", "compare", "order"))
        for role in self.roles:
            if role.mention.kind == "concept" and role.name in ("measure", "order", "compare"):
                return role.mention.targets[0].table
        for role in self.roles:
            if role.name == "count" and role.mention.kind == "table" and role.agg == "count":
                return role.mention.targets[0].table
        for role in self.roles:
            if role.name == "compare" and role.mention.kind == "table":
                return role.mention.targets[0].table
            if role.name == "rate":
                return self.best(role.mention.of("value")).table
        for role in self.roles:
            if role.name in ("measure", "count") and role.mention.of("column"):
                return self.column_of(role.mention, numeric=role.name == "measure").table
        return self._first_table(("subject", "value", "compare", "dim", "column", "order"))

    def _first_table(self, names: tuple[str, ...]) -> str:
        for name in names:
            for role in self.roles:
                if role.name == name and (name != "compare" or role.mention.kind != "table"):
                    return self.best(role.mention.targets).table
        return self.roles[0].mention.targets[0].table

    def best(self, targets: tuple[Target, ...] | list[Target]) -> Target:
        """Return the likeliest target: well named, of a table the prompt names, near the base."""

        def likelihood(target: Target) -> float:
            near = 0.0
            if self.base:
                distance = self.catalog.distance(self.base, target.table)
                near = -9.0 if distance == float("inf") else -0.16 * distance
            return target.score + near + (0.35 if target.table in self.named else 0.0)

        return max(targets, key=likelihood)

    def reachable(self, table: str) -> bool:
        """Whether keys lead from the base to a table."""
        return self.catalog.path(self.base, table) is not None

    def column_of(self, mention: Mention, numeric: bool = False) -> Column:
        """Return the column that a mention means here."""
        targets = mention.of("column")
        columns = {id(t): self.catalog.table(t.table).column(t.column) for t in targets}
        wanted = [t for t in targets if columns[id(t)].measurable] if numeric else []
        return columns[id(self.best(wanted or targets))]

    def drop(self, role: Role) -> None:
        """Note that a mention found no place."""
        self.unused.append(role.mention.text)

    def _measures(self) -> list[Measure]:
        found: list[Measure] = []
        if self.raw:
            return found
        for number, role in enumerate(self.roles):
            measure = self._measure(role, number)
            if measure and not all(self.reachable(ref.table) for ref in refs_of(measure)):
                self.drop(role)
            elif measure and measure not in found:
                found.append(measure)
        return found

    def _measure(self, role: Role, number: int) -> Measure | None:
        mention, target = role.mention, role.mention.targets[0]
        if target.kind == "concept" and role.name in ("measure", "order"):
            measure = target.measure
            if target.table != self.base:
                self.drop(role)
                return None
            if measure and role.agg in ("mean", "median") and not measure.over:
                return defaults.average_of(self, measure, role.agg, number)
            return measure
        if role.name == "count" and target.kind == "table":
            return self._count_of(role, target.table)
        if role.name == "count":
            column = self.column_of(mention)
            return Measure("count_distinct", column.ref, label=column.label)
        if role.name == "rate":
            value = self.best(mention.of("value"))
            where = (Filter(ColumnRef(value.table, value.column), "=", (value.value,)),)
            label = f"{mention.text.lower().removesuffix('s')} rate"
            return Measure("count", where=where, over=Measure("count"), label=label)
        if role.name == "measure" and not (
            role.mention.of("column") and self.clauses.relation and not role.agg
        ):
            column = self.column_of(mention, numeric=True)
            return Measure(role.agg or defaults.aggregate_for(column), column.ref, label=column.label)
        if role.name == "subject" and role.joined and any(r.name == "measure" for r in self.roles[:number]):
            return self._count_of(role, target.table)
        return None

    def _count_of(self, role: Role, table: str) -> Measure | None:
        if table == self.base:
            return Measure("count", label=self.catalog.table(table).label)
        key = next(
            (k.child for k in self.catalog.keys if k.child.table == self.base and k.parent.table == table),
            None,
        )
        primary = self.catalog.table(table).primary_key
        ref = key or (ColumnRef(table, primary) if primary else None)
        if ref is None:
            self.drop(role)
            return None
        return Measure("count_distinct", ref, label=self.catalog.table(table).label)

    def _dims(self) -> list[Dim]:
        found: list[Dim] = []
        if self.raw:
            return found
        for role in self.roles:
            dim = self._dim(role)
            if dim and not self.reachable(dim.column.table):
                self.drop(role)
            elif dim and dim not in found:
                found.append(dim)
        return found

    def _dim(self, role: Role) -> Dim | None:
        kind = role.mention.kind
        if role.name == "dim" and kind == "table":
            return defaults.label_dim(self.catalog, role.mention.targets[0].table)
        if role.name in ("dim", "column") and role.mention.of("column"):
            column = self.column_of(role.mention)
            if column.temporal:
                return None
            if column.is_key:
                return self._key_dim(column)
            return Dim(
                column.ref,
                bins=20 if column.type == "number" and column.distinct > 30 and not column.is_year else None,
            )
        if role.name == "subject" and self._labels(role):
            return defaults.label_dim(self.catalog, role.mention.targets[0].table)
        return None

    def _key_dim(self, column: Column) -> Dim:
        """Group by what a key points to, shown by its name where it has one."""
        parent = next((k.parent.table for k in self.catalog.keys if k.child == column.ref), column.table)
        return defaults.label_dim(self.catalog, parent)

    def _labels(self, role: Role) -> bool:
        """Whether a plain table is what the rows are about: "top products by revenue", "customers with over 5 orders"."""
        table = role.mention.targets[0].table
        compared = any(r.name == "compare" and r.mention.kind in ("table", "concept") for r in self.roles)
        ranked = self.clauses.top is not None or any(r.superlative for r in self.roles)
        return (ranked or compared) and table != self.base and not any(r.name == "dim" for r in self.roles)

    def _columns(self) -> list[ColumnRef]:
        found: list[ColumnRef] = []
        for role in self.roles:
            scatter = self.clauses.relation and role.name == "measure" and not role.agg
            if not role.mention.of("column") or role.mention.kind != "column" or role.name == "compare":
                continue
            if (self.raw and role.name in ("column", "measure")) or scatter:
                column = self.column_of(role.mention, numeric=scatter)
                if not self.reachable(column.table):
                    self.drop(role)
                elif column.ref not in found and not (self.raw and column.temporal and self.clauses.period):
                    found.append(column.ref)
        return found

    def _having(self, dims: list[Dim], measures: list[Measure]) -> list[Having]:
        """Return conditions on numbers of a group; a measure that only they need is added to ``measures``."""
        having: list[Having] = []
        for role in self.roles:
            if role.name != "compare" or role.mention.kind == "column" or role.comparison is None:
                continue
            target = role.mention.targets[0]
            measure = target.measure or self._count_of(role, target.table)
            if not dims or measure is None or role.comparison.op in ("between", "!="):
                self.drop(role)
                continue
            if measure not in measures:
                measures.append(measure)
            value = float(role.comparison.values[0])
            having.append(Having(measures.index(measure), role.comparison.op, value))  # type: ignore[arg-type]
        return having

    def data_end(self, column: Column) -> datetime.date:
        """Return the last day that a date column holds, or today when it is empty."""
        from .catalog import as_date

        return as_date(column.high) or datetime.date.today()
