"""Source: one run's way to a database — a read-only connection, streamed, with progress, stoppable.

Engines differ in three small files (duckdb_source, sqlite_source, ibis_source); everything above speaks SQL
that ibis wrote in the source's dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    import pyarrow

Progress = Callable[[int, int, str, str], None]
"""``progress(current, total, unit, message)``, called after each piece of work."""

BATCH_ROWS = 10_000


@dataclass(frozen=True)
class Query:
    """A SELECT in a source's dialect, and the Arrow schema that its rows are to have."""

    sql: str
    schema: pyarrow.Schema | None = None


@dataclass(frozen=True)
class TableInfo:
    """A table as the database declares it; ``schema`` maps column names to ibis types."""

    name: str
    schema: Any
    namespace: str | None = None
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[tuple[str, str, str], ...] = ()
    """(own column, other table, its column), single-column keys only."""


class Source(Protocol):
    """One read-only connection to a database, used by one run; a ``with`` block closes it.

    `stream` and `tables` are called from the run's thread, `progress` and `cancel` from any thread.
    """

    dialect: str

    def tables(self) -> list[TableInfo]:
        """Return the tables and views that can be asked about."""

    def stream(self, query: Query, batch_rows: int = BATCH_ROWS) -> Iterator[pyarrow.RecordBatch]:
        """Yield the rows of a SELECT in Arrow batches, as they come.

        Raises
        ------
        DatabaseError
            The database refused, failed, or was told to stop by `cancel`.
        """

    def progress(self) -> float | None:
        """Return how much of the running query is done, 0..1; None when the engine does not say."""

    def cancel(self) -> None:
        """Stop the running query; its `stream` raises DatabaseError. Without a query, do nothing."""

    def close(self) -> None:
        """Give the connection back."""

    def __enter__(self) -> Self:
        """Return the source itself."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close the source, whatever happened."""
        self.close()


def read(source: Source, query: Query) -> pyarrow.Table:
    """Return all rows of a query that is known to be small."""
    import pyarrow as pa

    batches = list(source.stream(query))
    if batches:
        return pa.Table.from_batches(batches)
    return (query.schema or pa.schema([])).empty_table()
