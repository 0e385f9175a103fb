"""Scanning: read the tables of a database, profile their columns, find the keys between them."""

from __future__ import annotations

import re
from dataclasses import replace

from . import words
from .catalog import Catalog, Column, ForeignKey, Table
from .profile import profile
from .source import Progress, Source, TableInfo
from .spec import ColumnRef


def scan(source: Source, progress: Progress | None = None) -> Catalog:
    """Read what the tables are and profile their columns; ``progress`` is called after each table."""
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
            if column.ref in taken or (
                column.name == child.primary_key and len(tables) > 1 and _own(child, column)
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
