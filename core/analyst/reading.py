"""Reading: one prompt on its way to a spec, with its clauses and roles; settles ambiguous names."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .catalog import Catalog, Column, Table, as_date
from .clauses import Clauses
from .link import Mention, Target
from .roles import Role
from .spec import ColumnRef, Kind, Measure


@dataclass(frozen=True)
class Ranking:
    """What is ranked and by what: products by their price, or orders by their revenue.

    ``base`` is the table that ``measure`` is about; ``column`` is what it reads, if the ranked rows have it.
    """

    table: str
    base: str
    measure: Measure
    descending: bool
    column: ColumnRef | None = None


@dataclass
class Reading:
    """What is known of a prompt while its spec is built.

    Attributes
    ----------
    base
        The table whose rows are measured, counted or listed; empty until it is chosen.
    unused
        Words that were understood and found no place in the spec.
    notes
        Choices that a person should know of.
    """

    catalog: Catalog
    kind: Kind
    clauses: Clauses
    roles: list[Role]
    text: str
    base: str = ""
    ranking: Ranking | None = None
    unused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def base_table(self) -> Table:
        """The table of `base`."""
        return self.catalog.table(self.base)

    @property
    def raw(self) -> bool:
        """Whether plain rows are wanted: a file without any number to compute."""
        if self.kind != "file" or self.clauses.grain:
            return False
        if self.ranking:
            return self.ranking.column is not None
        return not any(
            role.name in ("dim", "count", "rate")
            or role.mention.kind == "concept"
            or (role.agg and not role.superlative)
            for role in self.roles
        )

    @property
    def compares(self) -> bool:
        """Whether a time is to be compared with the time before: "What changed in March?"."""
        return self.kind == "text" and self.clauses.change and self.clauses.period is not None

    @cached_property
    def pairs(self) -> bool:
        """Whether two numbers are to be set against each other, row by row: a scatter plot."""
        numbers = [r for r in self.named("measure") if r.mention.kind == "column" and not r.agg]
        asked = self.clauses.relation or any(role.versus for role in numbers)
        grouped = self.named("dim", "count", "rate") or self.clauses.grain or self.clauses.top
        fits = self.clauses.chart in (None, "scatter")
        return len(numbers) == 2 and asked and not grouped and fits

    def named(self, *names: str) -> list[Role]:
        """Return the roles of these names, in the order of the prompt."""
        return [role for role in self.roles if role.name in names]

    def best(self, targets: Sequence[Target]) -> Target:
        """Return the likeliest target: well named, of a table the prompt names, near the base."""
        tables = {role.mention.targets[0].table for role in self.roles if role.mention.kind == "table"}

        def likelihood(target: Target) -> float:
            near = 0.0
            if self.base:
                distance = self.catalog.distance(self.base, target.table)
                near = -9.0 if distance == float("inf") else -0.16 * distance
            return target.score + near + (0.35 if target.table in tables else 0.0)

        return max(targets, key=likelihood)

    def reachable(self, table: str) -> bool:
        """Whether keys lead from the base to a table."""
        return self.catalog.path(self.base, table) is not None

    def column_of(self, mention: Mention, numeric: bool = False) -> Column:
        """Return the column that a mention means; with ``numeric``, one to add up, if it may mean one."""
        targets = mention.of("column")
        if numeric:
            targets = [t for t in targets if self._column(t).measurable] or targets
        return self._column(self.best(targets))

    def _column(self, target: Target) -> Column:
        return self.catalog.table(target.table).column(target.column)

    def drop(self, role: Role) -> None:
        """Note that a mention found no place."""
        self.unused.append(role.mention.text)

    def time_column(self) -> Column | None:
        """Return the column that times of the prompt are about: the one it names, else the base's nearest."""
        for role in self.named("dim", "column", "order"):
            if role.mention.kind == "column":
                column = self.column_of(role.mention)
                if (column.temporal or column.is_year) and self.reachable(column.table):
                    return column
        years = (column for column in self.base_table.columns if column.is_year)
        return self.catalog.date_for(self.base) or next(years, None)

    def data_end(self, column: Column) -> datetime.date:
        """Return the last day that a date column holds, or today when it is empty."""
        return as_date(column.high) or datetime.date.today()
