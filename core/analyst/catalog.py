"""Catalog: what the tables of a database are, hold and how they belong together; `scan` makes it."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from . import words
from .spec import ColumnRef

Type = Literal["number", "text", "date", "datetime", "boolean", "other"]


@dataclass(frozen=True)
class Column:
    """A column and what its values are like."""

    table: str
    name: str
    type: Type
    dtype: Any
    """The ibis type that the database stores."""
    distinct: int = 0
    nulls: int = 0
    low: Any = None
    high: Any = None
    values: tuple[str, ...] = ()
    """Every value of a text column, the most frequent first; empty when there are too many."""
    integer: bool = False
    is_key: bool = False
    """It identifies rows, here or in another table: counting it makes sense, adding it up does not."""

    @property
    def ref(self) -> ColumnRef:
        """The column's place."""
        return ColumnRef(self.table, self.name)

    @cached_property
    def label(self) -> str:
        """The name as people read it."""
        return words.label(self.name)

    @property
    def temporal(self) -> bool:
        """Whether it holds dates or moments."""
        return self.type in ("date", "datetime")

    @property
    def is_year(self) -> bool:
        """Whether it holds years as numbers."""
        return (
            self.integer
            and "year" in words.name_words(self.name)
            and isinstance(self.low, int)
            and 1500 <= self.low <= int(self.high) <= 2200
        )

    @property
    def measurable(self) -> bool:
        """Whether adding it up or averaging it means something."""
        return self.type == "number" and not self.is_key and not self.is_year


@dataclass(frozen=True)
class ForeignKey:
    """Rows of ``child`` point to rows of ``parent``."""

    child: ColumnRef
    parent: ColumnRef


@dataclass(frozen=True)
class Join:
    """A step from one table to another; ``many`` when a row of the first can meet several of the second."""

    left: ColumnRef
    right: ColumnRef
    many: bool


@dataclass(frozen=True)
class Table:
    """A table with its columns."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    schema: Any
    namespace: str | None = None
    primary_key: str | None = None

    @cached_property
    def label(self) -> str:
        """The name as people read it."""
        return words.label(self.name)

    def column(self, name: str) -> Column:
        """Return a column by name."""
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def naming(self) -> Column | None:
        """The column that tells a person which row it is: a name or title, else the first telling text."""
        texts = [c for c in self.columns if c.type == "text" and not c.is_key]
        for wanted in ("name", "title", "label", "description"):
            for column in texts:
                if wanted in words.name_words(column.name):
                    return column
        return next((c for c in texts if c.distinct >= 0.9 * self.rows), None)

    @cached_property
    def date(self) -> Column | None:
        """The column that says when a row happened: the one named after the table, or the first."""
        dates = [c for c in self.columns if c.temporal and c.nulls < max(self.rows, 1)]
        own = {words.stem(word) for word in words.name_words(self.name)}
        named = [c for c in dates if own & {words.stem(word) for word in words.name_words(c.name)}]
        return next(iter(named or dates), None)

    @cached_property
    def categories(self) -> tuple[Column, ...]:
        """The columns that sort rows into a few kinds, in the table's order."""
        return tuple(
            c for c in self.columns
            if c.type in ("text", "boolean") and not c.is_key and 2 <= c.distinct <= min(30, self.rows - 1)
        )  # fmt: skip


@dataclass(frozen=True)
class Catalog:
    """All tables of a database and the keys between them."""

    tables: tuple[Table, ...]
    keys: tuple[ForeignKey, ...] = ()
    _paths: dict[tuple[str, str], tuple[Join, ...] | None] = field(
        default_factory=dict, compare=False, repr=False
    )

    def table(self, name: str) -> Table:
        """Return a table by name."""
        return next(table for table in self.tables if table.name == name)

    def column(self, ref: ColumnRef) -> Column:
        """Return a column by its place."""
        return self.table(ref.table).column(ref.column)

    @property
    def rows(self) -> int:
        """The rows of all tables together."""
        return sum(table.rows for table in self.tables)

    def path(self, start: str, end: str) -> tuple[Join, ...] | None:
        """Return the shortest way from table to table along keys; None when there is none.

        Of ways of the same length, the one that multiplies rows least.
        """
        if (start, end) not in self._paths:
            self._paths[start, end] = self._search(start, end)
        return self._paths[start, end]

    def _search(self, start: str, end: str) -> tuple[Join, ...] | None:
        waiting: deque[tuple[Join, ...]] = deque([()])
        found: list[tuple[Join, ...]] = []
        while waiting:
            way = waiting.popleft()
            here = way[-1].right.table if way else start
            if here == end:
                found.append(way)
            elif not found and len(way) < 6:
                seen = {start, *(join.right.table for join in way)}
                waiting.extend((*way, step) for step in self._steps(here) if step.right.table not in seen)
        return min(found, key=lambda way: sum(join.many for join in way), default=None)

    def _steps(self, table: str) -> Iterator[Join]:
        for key in self.keys:
            if key.child.table == table:
                yield Join(key.child, key.parent, many=False)
        for key in self.keys:
            if key.parent.table == table:
                yield Join(key.parent, key.child, many=True)

    def distance(self, start: str, end: str) -> float:
        """Return how far a table is: 1 for each key followed, 1.5 when that multiplies rows."""
        way = self.path(start, end)
        return float("inf") if way is None else sum(1.5 if join.many else 1.0 for join in way)

    def date_for(self, table: str) -> Column | None:
        """Return the date column nearest to a table's rows: its own, or that of a table its rows point to."""
        near = [
            (self.distance(table, other.name), index, other.date)
            for index, other in enumerate(self.tables)
            if other.date
            and (way := self.path(table, other.name)) is not None
            and not any(j.many for j in way)
        ]
        return min(near, key=lambda item: item[:2], default=(0, 0, None))[2]


def as_date(value: object) -> datetime.date | None:
    """Return the day of a date, a moment or an ISO text; None when it is none."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.datetime.fromisoformat(str(value)).date()
    except ValueError:
        return None
