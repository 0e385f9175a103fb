"""Catalog: what the tables of a database are, hold and how they belong together. Made by `scan`."""

from __future__ import annotations

import datetime
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from . import words
from .spec import ColumnRef

if TYPE_CHECKING:
    from .sources import Progress, Source, TableInfo

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
    """Every value of a text column with few of them, the most frequent first; empty when there are too many."""
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
            if 2 <= c.distinct <= 30 and not c.is_key and c.type in ("text", "boolean") and c.distinct < self.rows
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


def scan(source: Source, progress: Progress | None = None) -> Catalog:
    """Read what the tables are and profile their columns; ``progress`` is called after each table."""
    from .profile import profile

    infos = source.tables()
    tables: list[Table] = []
    for number, info in enumerate(infos, 1):
        tables.append(profile(source, info))
        if progress:
            rows = sum(table.rows for table in tables)
            progress(
                number, len(infos), "tables", f"{words.count(number, 'table')}, {words.count(rows, 'row')}"
            )
    keys = _declared(infos, tables) or ()
    keys = (*keys, *_inferred(tables, {key.child for key in keys}))
    marked = {key.child for key in keys} | {key.parent for key in keys}
    return Catalog(tuple(_mark_keys(table, marked) for table in tables), keys)


def _mark_keys(table: Table, marked: set[ColumnRef]) -> Table:
    columns = tuple(
        replace(c, is_key=c.is_key or c.ref in marked or c.name == table.primary_key) for c in table.columns
    )
    return replace(table, columns=columns)


def _declared(infos: list[TableInfo], tables: list[Table]) -> tuple[ForeignKey, ...]:
    known = {table.name.lower(): table for table in tables}
    keys = []
    for info in infos:
        for own, other, target in info.foreign_keys:
            parent = known.get(other.lower())
            column = parent and next((c for c in parent.columns if c.name.lower() == target.lower()), None)
            child = next((c for c in known[info.name.lower()].columns if c.name.lower() == own.lower()), None)
            if column and child:
                keys.append(ForeignKey(child.ref, column.ref))
    return tuple(keys)


def _inferred(tables: list[Table], taken: set[ColumnRef]) -> list[ForeignKey]:
    """Return keys that nobody declared: named like another table's key, and within its range."""
    keys = []
    for child in tables:
        for column in child.columns:
            if (
                column.ref in taken
                or column.name == child.primary_key
                and len(tables) > 1
                and _own(child, column)
            ):
                continue
            parents = [table for table in tables if table is not child and _points(column, table)]
            if parents:
                parent = min(parents, key=lambda table: (not _own(table, column), table.rows))
                keys.append(ForeignKey(column.ref, ColumnRef(parent.name, str(parent.primary_key))))
    return keys


def _own(table: Table, column: Column) -> bool:
    """Whether the column is named after the table, or just ``id``."""
    name = [words.stem(w) for w in words.name_words(column.name) if w not in _KEY_WORDS]
    return not name or name == [words.stem(w) for w in words.name_words(table.name)][-len(name) :]


_KEY_WORDS = {"id", "key", "code", "number", "no", "fk", "pk", "uuid"}


def _points(column: Column, parent: Table) -> bool:
    if parent.primary_key is None:
        return False
    target = parent.column(parent.primary_key)
    if (
        target.type != column.type
        or column.temporal
        or not column.distinct
        or column.distinct > target.distinct
    ):
        return False
    if re.fullmatch(r"id|key|code|name", column.name.lower()):
        return False
    same_name = column.name.lower() == target.name.lower()
    stem_words = [words.stem(w) for w in words.name_words(column.name)]
    after_table = stem_words[:-1] == [words.stem(w) for w in words.name_words(parent.name)] and (
        words.name_words(column.name)[-1] in _KEY_WORDS
    )
    return (same_name or after_table) and _within(column, target)


def _within(column: Column, target: Column) -> bool:
    try:
        return bool(target.low <= column.low and column.high <= target.high)
    except TypeError:
        return True


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
