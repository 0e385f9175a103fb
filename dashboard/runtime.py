"""What one server process has once: the logger, the runs, the artifacts and the database.

``headway serve`` sets it by `use`; where another server mounts our routes (``panel serve --plugins
headway.dashboard.routes``) it is made on first use from HEADWAY_STORE and HEADWAY_DATABASE.
"""

from __future__ import annotations

import atexit
import os
import secrets
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from headway.analyst.database import Database, open_database
from headway.analyst.errors import DatabaseError
from headway.analyst.examples import examples
from headway.analyst.samples import shop
from headway.artifacts import Artifacts
from headway.logger import ProgressLogger
from headway.runs import Runs

DEFAULT_STORE = "json:logs"

_lock = threading.Lock()
_runtime: Runtime | None = None


class LazyDatabase:
    """The database that requests ask, opened by the first that does; the sample shop is made then, too."""

    def __init__(self, url: str | None, folder: Path) -> None:
        self._url = url
        self._folder = folder
        self._lock = threading.Lock()
        self._opened: Database | None = None
        self._finding = threading.Lock()
        self._examples: dict[str, tuple[str, ...]] | None = None

    def __call__(self) -> Database:
        """Return the database. May take a second: not for an event loop's thread.

        Raises
        ------
        DatabaseError
            It cannot be opened; the next call tries again.
        """
        with self._lock:
            if self._opened is None:
                self._opened = open_database(self._url or shop(self._folder / "shop.duckdb"))
            return self._opened

    def examples(self) -> dict[str, tuple[str, ...]]:
        """Return prompts that work on this database, by request type; found once, by scanning it.

        Empty for the sample shop, which the types' own examples are about, and while the database cannot be
        read. May take seconds: not for an event loop's thread.
        """
        if self._url is None:
            return {}
        with self._finding:
            if self._examples is None:
                try:
                    database = self()
                    with database.connect() as source:
                        self._examples = examples(database.catalog(source))
                except DatabaseError:
                    return {}
            return self._examples


@dataclass(frozen=True)
class Runtime:
    """The state of a server process.

    Attributes
    ----------
    boot_id
        Random, made with it: a page that sees another one knows that the server was started anew.
    """

    logger: ProgressLogger
    artifacts: Artifacts
    runs: Runs
    database: LazyDatabase
    boot_id: str = field(default_factory=lambda: secrets.token_hex(8))


def runtime() -> Runtime:
    """Return the runtime of this process; made on first use. Callable from any thread."""
    with _lock:
        if _runtime is None:
            made = _make(os.environ.get("HEADWAY_STORE") or DEFAULT_STORE, os.environ.get("HEADWAY_DATABASE"))
            atexit.register(made.logger.close)
            return _set(made)
        return _runtime


def use(store: str | ProgressLogger = DEFAULT_STORE, database: str | None = None) -> Runtime:
    """Make the runtime of this process from a store, or from a logger of your own, and return it.

    Parameters
    ----------
    store
        A store's URL, or a logger, which stays yours to close.
    database
        Path or URL of the database that requests ask; None for the generated sample shop.

    Raises
    ------
    UnknownStore, StoreError
        The store cannot be opened; the runtime stays as it was.
    """
    with _lock:
        return _set(_make(store, database))


def _set(made: Runtime) -> Runtime:
    global _runtime
    _runtime = made
    return made


def _make(store: str | ProgressLogger, database_url: str | None) -> Runtime:
    logger = store if isinstance(store, ProgressLogger) else ProgressLogger(store)
    # A store without a folder of its own forgets; so may what lies beside it.
    folder = Path(getattr(logger.store, "folder", None) or tempfile.mkdtemp(prefix="headway-"))
    artifacts = Artifacts(folder / "artifacts")
    database = LazyDatabase(database_url, folder)
    return Runtime(logger, artifacts, Runs(logger, artifacts, database), database)
