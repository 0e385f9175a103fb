"""Every other database that ibis connects to: Postgres, MySQL, ClickHouse, Snowflake, BigQuery, ..."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .errors import DatabaseError, UnknownDatabase
from .source import BATCH_ROWS, Query, Source, TableInfo

if TYPE_CHECKING:
    import pyarrow


class IbisSource(Source):
    """A connection by ibis. What it may do is up to the account of its URL: use one that can only read."""

    def __init__(self, url: str, name: str) -> None:
        import ibis

        self._name = name
        try:
            self._backend: Any = ibis.connect(url)
        # ibis raises ValueError for unknown schemes and lets each driver's own errors through.
        except (ValueError, AttributeError, ModuleNotFoundError, ImportError) as error:
            # The URL may hold a password; neither ours nor the driver's words may show it.
            raise UnknownDatabase(name, f"cannot be opened here ({str(error).replace(url, name)})") from None
        except Exception as error:
            raise DatabaseError(name, str(error).replace(url, name)) from None
        self.dialect: str = self._backend.name
        if self.dialect == "postgres":
            self._backend.con.execute("SET default_transaction_read_only = on")

    def tables(self) -> list[TableInfo]:
        """Return the tables of the URL's own schema."""
        try:
            names = self._backend.list_tables()
            return [TableInfo(name, self._backend.table(name).schema()) for name in sorted(names)]
        except Exception as error:
            raise DatabaseError(self._name, error) from error

    def stream(self, query: Query, batch_rows: int = BATCH_ROWS) -> Iterator[pyarrow.RecordBatch]:
        """Yield the rows in Arrow batches, streamed where the driver streams."""
        try:
            yield from self._backend.sql(query.sql).to_pyarrow_batches(chunk_size=batch_rows)
        except Exception as error:
            raise DatabaseError(self._name, error) from error

    def progress(self) -> float | None:
        """Return None: these engines do not say how far a query is."""
        return None

    def cancel(self) -> None:
        """Stop the query where the driver can; otherwise it ends by itself and its rows are dropped."""
        connection = getattr(self._backend, "con", None)
        for name in ("cancel", "interrupt"):
            if callable(stop := getattr(connection, name, None)):
                stop()
                return

    def close(self) -> None:
        """Close the connection."""
        self._backend.disconnect()
