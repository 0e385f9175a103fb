"""DuckDB files, and Parquet and CSV files through DuckDB. The only file that calls DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DatabaseError
from .source import BATCH_ROWS, Query, Source, TableInfo

if TYPE_CHECKING:
    import pyarrow

# Set in this order, because the last one forbids every further change. `progress_bar_time` 0: progress is
# measured from the start instead of after two seconds.
_SETTINGS = (
    "enable_progress_bar = true",
    "enable_progress_bar_print = false",
    "progress_bar_time = 0",
    "enable_external_access = false",
    "lock_configuration = true",
)


class DuckDBSource(Source):
    """A private in-memory DuckDB that sees one database and cannot write to it, or see anything else.

    A DuckDB file is attached read-only. Parquet and CSV files become views, and no other folder can be
    read. An instance of our own per run, because DuckDB shares settings and locks within an instance.
    """

    dialect = "duckdb"

    def __init__(self, kind: str, target: str, name: str) -> None:
        import duckdb

        self._name = name
        self._connection = duckdb.connect(":memory:")
        try:
            if kind == "duckdb":
                self._connection.execute(f"ATTACH {_text(target)} AS data (READ_ONLY)")
                self._connection.execute("USE data")
            else:
                self._make_views(Path(target))
            for setting in _SETTINGS:
                self._connection.execute(f"SET {setting}")
        except (duckdb.Error, OSError) as error:
            self._connection.close()
            raise DatabaseError(name, error) from error

    def _make_views(self, path: Path) -> None:
        folder = path if path.is_dir() else path.parent
        for name, pattern, reader in _file_tables(path):
            self._connection.execute(f"CREATE VIEW {_quoted(name)} AS FROM {reader}({_text(pattern)})")
        self._connection.execute(f"SET allowed_directories = [{_text(f'{folder}/')}]")

    def tables(self) -> list[TableInfo]:
        """Return tables and views; those of other schemas than ``main`` as ``schema.table``."""
        import duckdb

        try:
            rows = self._connection.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() "
                "WHERE database_name = current_database() "
                "UNION ALL SELECT schema_name, view_name FROM duckdb_views() "
                "WHERE NOT internal AND database_name = current_database() ORDER BY ALL"
            ).fetchall()
            return [self._info(schema, table) for schema, table in rows]
        except duckdb.Error as error:
            raise DatabaseError(self._name, error) from error

    def _info(self, namespace: str, table: str) -> TableInfo:
        import ibis

        where = f"{_quoted(namespace)}.{_quoted(table)}"
        arrow = self._connection.sql(f"SELECT * FROM {where} LIMIT 0").to_arrow_table().schema
        keys = self._connection.execute(
            "SELECT constraint_type, constraint_column_names, referenced_table, referenced_column_names "
            "FROM duckdb_constraints() WHERE database_name = current_database() "
            "AND schema_name = ? AND table_name = ?",
            [namespace, table],
        ).fetchall()
        return TableInfo(
            name=table if namespace == "main" else f"{namespace}.{table}",
            schema=ibis.Schema.from_pyarrow(arrow),
            namespace=namespace,
            primary_key=next((tuple(columns) for kind, columns, *_ in keys if kind == "PRIMARY KEY"), ()),
            foreign_keys=tuple(
                (columns[0], other, others[0])
                for kind, columns, other, others in keys
                if kind == "FOREIGN KEY" and len(columns) == 1
            ),
        )

    def stream(self, query: Query, batch_rows: int = BATCH_ROWS) -> Iterator[pyarrow.RecordBatch]:
        """Yield the rows in Arrow batches; refuse anything but one SELECT."""
        import duckdb

        try:
            kinds = [statement.type for statement in self._connection.extract_statements(query.sql)]
            if kinds != [duckdb.StatementType.SELECT]:
                raise DatabaseError(self._name, "only a single SELECT is allowed")
            # Not execute(...).to_arrow_reader(): that one materialises the whole result in DuckDB 2.
            for batch in self._connection.sql(query.sql).to_arrow_reader(batch_rows):
                # DuckDB's own types differ in places: date_trunc gives a TIMESTAMP, sum a HUGEINT.
                yield batch if query.schema is None else batch.cast(query.schema)
        except (duckdb.Error, OSError) as error:
            raise DatabaseError(self._name, error) from error

    def progress(self) -> float | None:
        """Return DuckDB's own estimate, 0..1; it may stand still on plans that do not report."""
        percent = self._connection.query_progress()
        return None if percent < 0 else min(percent / 100, 1.0)

    def cancel(self) -> None:
        """Interrupt the query: it ends within about 100 ms."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the instance; the file is free for writers again."""
        self._connection.close()


def build(path: Path, statements: list[str]) -> None:
    """Write a new DuckDB file at ``path`` from SQL statements (used for the sample databases)."""
    import duckdb

    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)


def whole(path: Path, counts: str, expected: object) -> bool:
    """Tell whether ``path`` is a readable DuckDB file whose query ``counts`` gives ``expected``."""
    import duckdb

    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(counts).fetchone() == expected
    except (duckdb.Error, OSError):
        return False


def _file_tables(path: Path) -> list[tuple[str, str, str]]:
    """Return (table name, file pattern, DuckDB reader) for a file, or for what a folder holds.

    A file of the folder is a table, and so is each folder in it: its files are the table's parts.
    """
    entries = sorted(path.iterdir()) if path.is_dir() else [path]
    found: dict[str, tuple[str, str, str]] = {}
    for entry in entries:
        suffixes = {file.suffix.lower() for file in (entry.rglob("*") if entry.is_dir() else [entry])}
        for suffix, reader in ((".parquet", "read_parquet"), (".csv", "read_csv")):
            if suffix in suffixes:
                name = re.sub(r"\W+", "_", entry.stem if entry.is_file() else entry.name).strip("_")
                pattern = f"{_escape_glob(entry)}/**/*{suffix}" if entry.is_dir() else _escape_glob(entry)
                found.setdefault(name.lower(), (name or "data", pattern, reader))
    return list(found.values())


def _escape_glob(path: Path) -> str:
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
