"""SQLite files by Python's own sqlite3: ibis opens them without streaming, and writable."""

from __future__ import annotations

import datetime
import sqlite3
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import DatabaseError
from .source import BATCH_ROWS, Query, Source, TableInfo

if TYPE_CHECKING:
    import pyarrow


class SQLiteSource(Source):
    """A read-only connection to a SQLite file, with the functions that ibis' SQL for SQLite needs."""

    dialect = "sqlite"

    def __init__(self, path: str, name: str) -> None:
        from ibis.backends.sqlite.udf import register_all

        self._name = name
        try:
            # Opened by URI: mode=ro never creates or writes. Threads: the run's reads, any other's interrupt.
            self._connection = sqlite3.connect(
                f"{Path(path).as_uri()}?mode=ro", uri=True, check_same_thread=False
            )
            self._connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.Error as error:
            raise DatabaseError(name, error) from error
        self._connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        register_all(self._connection)
        # mode=ro and query_only let ATTACH create and open other files; an authorizer does not.
        self._connection.set_authorizer(_allow)
        self._connection.create_aggregate("headway_median", 1, _Median)  # type: ignore[arg-type]

    def tables(self) -> list[TableInfo]:
        """Return tables and views, with types by SQLite's rules of affinity."""
        try:
            names = self._connection.execute(
                "SELECT name FROM sqlite_master "
                "WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY 1"
            ).fetchall()
            return [self._info(name) for (name,) in names]
        except sqlite3.Error as error:
            raise DatabaseError(self._name, error) from error

    def _info(self, table: str) -> TableInfo:
        import ibis

        quoted = _quoted(table)
        columns = self._connection.execute(f"PRAGMA table_info({quoted})").fetchall()
        keys = self._connection.execute(f"PRAGMA foreign_key_list({quoted})").fetchall()
        ids = [key[0] for key in keys]
        return TableInfo(
            name=table,
            schema=ibis.schema(
                {name: self._type(table, name, declared) for _, name, declared, *_ in columns}
            ),
            primary_key=tuple(name for _, name, *_, rank in sorted(columns, key=lambda row: row[-1]) if rank),
            foreign_keys=tuple(
                (own, other, target or own) for key, _, other, own, target, *_ in keys if ids.count(key) == 1
            ),
        )

    def _type(self, table: str, column: str, declared: str) -> str:
        """Return the ibis type of a column. SQLite lets any value into any column: see what is there."""
        rows = f"SELECT {_quoted(column)} AS c FROM {_quoted(table)} LIMIT 1000"
        sample = f"SELECT DISTINCT typeof(c) FROM ({rows})"
        found = {kind for (kind,) in self._connection.execute(sample)} - {"null"}
        if found == {"integer"}:
            return "int64"
        if found and found <= {"integer", "real"}:
            return "float64"
        if found == {"blob"}:
            return "binary"
        if not found and any(
            word in declared.upper() for word in ("INT", "REAL", "FLOA", "DOUB", "NUM", "DEC")
        ):
            return "float64"
        return "string"

    def stream(self, query: Query, batch_rows: int = BATCH_ROWS) -> Iterator[pyarrow.RecordBatch]:
        """Yield the rows in Arrow batches of the query's schema."""
        import pyarrow as pa

        try:
            cursor = self._connection.execute(query.sql)
            names = [column[0] for column in cursor.description]
            while rows := cursor.fetchmany(batch_rows):
                columns = list(zip(*rows, strict=True))
                if query.schema is None:
                    yield pa.RecordBatch.from_arrays([pa.array(column) for column in columns], names)
                else:
                    arrays = [
                        _array(values, field.type)
                        for values, field in zip(columns, query.schema, strict=True)
                    ]
                    yield pa.RecordBatch.from_arrays(arrays, schema=query.schema)
        except (sqlite3.Error, sqlite3.Warning) as error:  # a second statement is a Warning until Python 3.12
            raise DatabaseError(self._name, error) from error

    def progress(self) -> float | None:
        """Return None: SQLite does not know how far a query is."""
        return None

    def cancel(self) -> None:
        """Interrupt the query: it ends within a few milliseconds."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_LISTING = {"table_info", "foreign_key_list"}


def _allow(action: int, first: str | None, *_: object) -> int:
    """Allow reading, and the two pragmas that list columns and keys; refuse everything else."""
    listing = action == sqlite3.SQLITE_PRAGMA and first in _LISTING
    return sqlite3.SQLITE_OK if action in _READING or listing else sqlite3.SQLITE_DENY


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class _Median:
    """The median, which SQLite does not have."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def step(self, value: float | None) -> None:
        if isinstance(value, int | float):
            self.values.append(value)

    def finalize(self) -> float | None:
        return statistics.median(self.values) if self.values else None


def _array(values: tuple[Any, ...], kind: pyarrow.DataType) -> pyarrow.Array:
    """Return an Arrow array; SQLite has no dates, so they come as text, and any value may come anywhere."""
    import pyarrow as pa

    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        moments = [_moment(value) for value in values]
        if pa.types.is_date(kind):
            return pa.array([moment and moment.date() for moment in moments], kind)
        return pa.array(moments, kind)
    if pa.types.is_string(kind):
        return pa.array([None if value is None else str(value) for value in values], kind)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        number = int if pa.types.is_integer(kind) else float
        return pa.array([number(v) if isinstance(v, int | float) else None for v in values], kind)
    return pa.array(values, kind)


def _moment(value: object) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(str(value)).replace(tzinfo=None)
    except ValueError:
        return None
