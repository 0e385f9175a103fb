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
from typing import Any

from headway.analyst.database import Database, open_database
from headway.analyst.errors import DatabaseError
from headway.analyst.examples import examples
from headway.analyst.samples import shop
from headway.artifacts import Artifacts
from headway.dashboard.options import DEFAULT_STORE, Options
from headway.dashboard.rates import Rates
from headway.logger import ProgressLogger
from headway.retention import Retainer, Retention
from headway.runs import Runs

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
    retainer: Retainer
    rates: Rates
    boot_id: str = field(default_factory=lambda: secrets.token_hex(8))

    def close(self) -> None:
        """Write all that waits and give back the store; the runs have been closed before."""
        self.retainer.stop()
        self.logger.close()


def runtime() -> Runtime:
    """Return the runtime of this process; made on first use. Callable from any thread."""
    with _lock:
        if _runtime is None:
            made = _make(None, Options.of(os.environ))
            atexit.register(made.close)
            return _set(made)
        return _runtime


def use(store: str | ProgressLogger = DEFAULT_STORE, database: str | None = None, **more: Any) -> Runtime:
    """Make the runtime of this process and return it.

    Parameters
    ----------
    store
        A store's URL, or a logger of your own, which stays yours to close.
    database, **more
        As in `Options`.

    Raises
    ------
    UnknownStore, StoreError
        The store cannot be opened; the runtime stays as it was.
    """
    own = store if isinstance(store, ProgressLogger) else None
    options = Options(store=str(store), database=database, **more)
    with _lock:
        return _set(_make(own, options))


def _set(made: Runtime) -> Runtime:
    global _runtime
    _runtime = made
    return made


def _make(logger: ProgressLogger | None, options: Options) -> Runtime:
    retention = Retention.of(options.retain, options.archive_after)  # before anything is opened
    logger = logger or ProgressLogger(options.store, max_entries=options.max_entries)
    folder = _folder(logger)
    artifacts = Artifacts(Path(options.artifacts) if options.artifacts else folder / "artifacts")
    database = LazyDatabase(options.database, folder)
    runs = Runs(logger, artifacts, database)
    retainer = Retainer(logger, retention, runs.clear_away)
    return Runtime(logger, artifacts, runs, database, retainer, Rates(options.max_rate))


def _folder(logger: ProgressLogger) -> Path:
    """Return where files lie beside the logs: a store without a folder forgets, or is shared by servers."""
    folder = getattr(logger.store, "folder", None)
    if folder is None:
        folder = "logs" if logger.store.shared else tempfile.mkdtemp(prefix="headway-")
    return Path(folder)
