"""Database: where the data is, shared by all runs; gives each run a connection of its own."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from . import words
from .catalog import Catalog
from .duckdb_source import DuckDBSource
from .errors import UnknownDatabase
from .ibis_source import IbisSource
from .scan import scan
from .source import Progress, Source
from .sqlite_source import SQLiteSource


@dataclass(frozen=True)
class Place:
    """Where a database is: its kind, and the path or URL that its source opens."""

    kind: str
    target: str


class Database:
    """A database to ask about. Shared by all runs; opens nothing until `connect`.

    Parameters
    ----------
    url
        A path or URL; see `open_database`.
    name
        What people call it; the file's or database's name by default. Never holds a password.
    """

    def __init__(self, url: str | Path, name: str | None = None) -> None:
        self.place = locate(str(url))
        self.name = name or _public_name(self.place)
        self._lock = threading.Lock()
        self._catalog: tuple[object, Catalog] | None = None

    def connect(self) -> Source:
        """Return a new read-only connection.

        Raises
        ------
        DatabaseError
            The database is damaged, locked or out of reach.
        """
        if self.place.kind in ("duckdb", "files"):
            return DuckDBSource(self.place.kind, self.place.target, self.name)
        if self.place.kind == "sqlite":
            return SQLiteSource(self.place.target, self.name)
        return IbisSource(self.place.target, self.name)

    def catalog(self, source: Source, progress: Progress | None = None) -> Catalog:
        """Return what is known about the tables: scanned once, and again when the files have changed.

        Two runs that need it at once scan it once. A database behind a URL has no cheap sign of change, so
        it is scanned by every run.
        """
        with self._lock:
            stamp = self._stamp()
            if self._catalog is None or stamp is None or self._catalog[0] != stamp:
                self._catalog = (stamp, scan(source, progress))
            elif progress:
                known = self._catalog[1]
                number = len(known.tables)
                counts = f"{words.count(number, 'table')}, {words.count(known.rows, 'row')}"
                progress(number, number, "tables", f"{counts}, unchanged since the last scan")
            return self._catalog[1]

    def _stamp(self) -> tuple[tuple[str, int, int], ...] | None:
        if self.place.kind == "url":
            return None
        path = Path(self.place.target)
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        stats = [(str(file), file.stat()) for file in files if file.is_file()]
        return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def open_database(url: str | Path) -> Database:
    """Return the database at a path or URL, after reading its list of tables once.

    Raises
    ------
    UnknownDatabase
        There is nothing there, or nothing that Headway reads.
    DatabaseError
        It is there, but damaged, locked, out of reach or without a table.
    """
    database = Database(url)
    with database.connect() as source:
        if not source.tables():
            raise UnknownDatabase(database.name, "has no tables")
    return database


def locate(url: str) -> Place:
    """Return what kind of database a path or URL leads to, by its content rather than its ending."""
    scheme = re.match(r"([a-z][a-z0-9+]+)://", url)
    if scheme and scheme[1] not in ("duckdb", "sqlite", "file"):
        return Place("url", url)
    if scheme:
        url = url[scheme.end() :]
        # sqlite:///relative.db and sqlite:////absolute.db, as SQLAlchemy and ibis write them.
        url = url[1:] if scheme[1] == "sqlite" and url.startswith("/") else url
    path = Path(url).expanduser()
    if not url.strip() or not path.exists():
        raise UnknownDatabase(url, "does not exist")
    if path.is_dir():
        if not any(file.suffix.lower() in (".parquet", ".csv") for file in path.rglob("*")):
            raise UnknownDatabase(url, "is a folder without Parquet or CSV files")
        return Place("files", str(path.resolve()))
    return Place(_kind_of_file(path, url), str(path.resolve()))


def _kind_of_file(path: Path, url: str) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise UnknownDatabase(url, f"cannot be opened ({error.strerror})") from error
    if head.startswith(b"SQLite format 3\0"):
        return "sqlite"
    if head[8:12] == b"DUCK":
        return "duckdb"
    if head.startswith(b"PAR1") or path.suffix.lower() == ".csv":
        return "files"
    raise UnknownDatabase(url, "is not a database that Headway reads, or is damaged")


def _public_name(place: Place) -> str:
    if place.kind != "url":
        return Path(place.target).name
    parts = urlsplit(place.target)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
