"""QuerySpec: what was understood, as data. Made by the parser, compiled to SQL, said back in words.

A spec is frozen and goes to JSON and back (`QuerySpec.to_json`, `QuerySpec.from_json`), so that it can be
stored, compared, edited and, one day, written by something else than the rules.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["chart", "file", "text"]
Grain = Literal["year", "quarter", "month", "week", "day", "hour", "weekday", "month_of_year"]
Aggregate = Literal["count", "count_distinct", "sum", "mean", "median", "min", "max"]
Chart = Literal["line", "bar", "pie", "scatter", "area", "histogram", "heatmap"]
Format = Literal["csv", "xlsx", "parquet", "json"]
Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "between", "in", "not in", "like", "during", "is null", "not null"
]
Value = str | int | float | bool | None


class ColumnRef(msgspec.Struct, frozen=True):
    """A column of a table, by their names in the database."""

    table: str
    column: str


class Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A condition on a column. All filters of a spec hold together (AND).

    ``during`` holds from the first ISO date of ``values`` to just before the second; either may be None.
    """

    column: ColumnRef
    op: Operator
    values: tuple[Value, ...] = ()
    grain: Grain | None = None
    """Compare a part of a date, such as the month of the year, instead of the date."""


class Dim(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the rows are grouped by."""

    column: ColumnRef
    grain: Grain | None = None
    bins: int | None = None
    """Number of equal bins of a numeric column."""
    key: ColumnRef | None = None
    """Group by this column too, without showing it: labels such as names need not be unique."""


class Measure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A number for each group.

    The value of a row is ``column``, times ``times``, times (1 - ``less``). ``where`` restricts the rows of
    this measure alone; ``over`` divides by another measure (average order value, return rate).
    """

    agg: Aggregate
    column: ColumnRef | None = None
    times: ColumnRef | None = None
    less: ColumnRef | None = None
    where: tuple[Filter, ...] = ()
    over: Measure | None = None
    label: str = ""
    """What people call it, such as ``revenue``."""


class Having(msgspec.Struct, frozen=True):
    """A condition on a measure of a group, by the measure's place in the spec."""

    measure: int
    op: Literal["=", "<", "<=", ">", ">="]
    value: float


class QuerySpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A whole request to a database: groups and numbers, or plain rows when there is no measure."""

    kind: Kind
    base: str
    """The table whose rows are counted, summed or listed."""
    dims: tuple[Dim, ...] = ()
    measures: tuple[Measure, ...] = ()
    columns: tuple[ColumnRef, ...] = ()
    filters: tuple[Filter, ...] = ()
    having: tuple[Having, ...] = ()
    order: Literal["", "measure", "dim"] = ""
    descending: bool = True
    order_by: ColumnRef | None = None
    """The column that plain rows are ordered by; groups are ordered as ``order`` says."""
    limit: int | None = None
    share: bool = False
    """Give each group's share of the whole beside the first measure."""
    compare: bool = False
    """Compare the time that the filters name with the time before: "What changed in March?"."""
    chart: Chart | None = None
    side_by_side: bool = False
    """Put the bars of one group beside each other, though they could be stacked."""
    format: Format | None = None
    joins: tuple[tuple[ColumnRef, ColumnRef], ...] = ()
    """The keys that lead from the base to every other table, in order: shown to people."""
    version: int = 1

    def to_json(self) -> bytes:
        """Return the spec as JSON bytes."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes | str) -> QuerySpec:
        """Return the spec of a JSON text; raise msgspec.ValidationError when it is none."""
        return msgspec.json.decode(text, type=cls)

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table the spec reads, the base first."""
        names = [self.base, *(right.table for _, right in self.joins)]
        return tuple(dict.fromkeys(names))


def refs_of(measure: Measure) -> list[ColumnRef]:
    """Return every column that a measure reads, those of its denominator and conditions included."""
    own = [ref for ref in (measure.column, measure.times, measure.less) if ref is not None]
    own += [condition.column for condition in measure.where]
    return own + (refs_of(measure.over) if measure.over else [])
