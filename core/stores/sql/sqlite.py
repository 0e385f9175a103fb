"""The store in a SQLite file, which several processes of one machine may have open."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ...errors import StoreError
from ...session import Session
from .commit import Known, Run
from .doorbell import Doorbell
from .pool import Pool
from .statements import Dialect, Statements
from .store import Changes, SqlStore

T = TypeVar("T")

PATIENCE = 10.0  # seconds to wait for other processes that write
TURN = 0.001  # seconds at most between two attempts to be the one who writes
CACHED = 10_000  # sessions whose records are at hand for the next commit
NEEDED = (3, 35)  # of SQLite: RETURNING

_ERRNO = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR_WRITE: errno.ENOSPC,  # a quota, or the limit of a file's size (sqlite.org/rescode)
    sqlite3.SQLITE_IOERR_SHMSIZE: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_BUSY: errno.EAGAIN,
}


def _rows(columns: Mapping[str, str]) -> str:
    values = ", ".join(f"json_extract(value, '$.{name}') AS \"{name}\"" for name in columns)
    return f"SELECT {values} FROM json_each(?)"


_SAY = Statements(
    Dialect(
        words={"identity": "INTEGER PRIMARY KEY", "collate": "", "bytes": "blob", "often_updated": ""},
        rows=_rows,
        for_update="",
        clock="headway_clock()",
        mark="?",
    )
)
# The number of the last commit that changed a session stands where every batch writes anyway.
_NUMBER = "INSERT INTO headway_writers VALUES ('', 1, '', 0) ON CONFLICT DO UPDATE SET number = number + 1"
_LAST = "SELECT number FROM headway_writers WHERE writer = ''"


class SqliteStore(SqlStore):
    """Logs in one file. The URL is ``sqlite:///FILE``, with a fourth slash when the path is absolute."""

    def __init__(self, rest: str) -> None:
        """Open the file, which is made when absent, with its folders.

        Raises
        ------
        StoreError
            The URL names no file, or the file cannot be opened or written; the cause says why.
        """
        super().__init__(_SAY)
        self._path = _path(rest)
        if sqlite3.sqlite_version_info < NEEDED:
            raise StoreError(f"SQLite is {sqlite3.sqlite_version} here; the store needs 3.35 or later")
        self._told: tuple[int, Changes] | None = None
        self._cached: dict[str, tuple[int, Session]] = {}
        self._version = 0  # of the database, for which that is true
        self._flushed = True
        self._pool = Pool(self._connect)
        with self._errors():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # to close one that is open would undo SQLite's locks
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._writer = self._connect()
            try:
                self._prepare()
            except BaseException:
                self._writer.close()
                raise
        self._doorbell = Doorbell(self._path, self._id)

    @classmethod
    def reading(cls, rest: str) -> SqliteStore:
        """Open the file for a reader, who would take one that is made just now for an empty log."""
        if not _path(rest).exists():
            raise StoreError(f"there is no file {str(_path(rest))!r}")
        return cls(rest)

    def __str__(self) -> str:
        return f"sqlite:///{self._path}"

    def delete_session(self, session_id: str) -> None:
        """Delete a session; its bytes are overwritten in the file, and gone from SQLite's journal."""
        with self._writing:
            super().delete_session(session_id)
            self._shrink()

    def relay(self, ring: Callable[[str | None], None]) -> None:
        self._doorbell.listen(ring, self._last)

    def close(self) -> None:
        self._doorbell.close()
        with self._writing:
            self._closed = True
            self._pool.close()
            self._writer.close()

    def _write(self, work: Callable[[Run], T], *, flush: bool = True) -> T:
        with self._writing:
            self._check_open()
            with self._errors():
                result = self._transact(work, flush)
            if self._told is not None:
                number, changed = self._told
                self._remember(changed)
                self._doorbell.ring(number, list(changed))
            return result

    def _transact(self, work: Callable[[Run], T], flush: bool) -> T:
        run = self._writer.execute
        self._told = None
        if flush is not self._flushed:  # a flush takes with it what was not flushed before
            run(f"PRAGMA synchronous = {'FULL' if flush else 'NORMAL'}")
            self._flushed = flush
        self._in_turn("BEGIN IMMEDIATE")
        try:
            result = work(run)
            run("COMMIT")
        except BaseException as error:
            if isinstance(error, sqlite3.Error):
                self._cached.clear()  # who knows what was written
            if self._writer.in_transaction:  # some errors have ended it
                run("ROLLBACK")
            raise
        return result

    def _read(self, work: Callable[[Run], T], *, at_once: bool = False) -> T:
        self._check_open()
        with self._errors(), self._pool.borrowed() as connection:
            if not at_once:
                return work(connection.execute)
            connection.execute("BEGIN")
            result = work(connection.execute)
            connection.execute("COMMIT")
            return result

    def _tell(self, run: Run, changed: Changes) -> None:
        if changed:
            (number,) = run(f"{_NUMBER} RETURNING number").fetchone()
            self._told = number, changed

    def _known(self, run: Run) -> Known:
        """Return what we have written ourselves, as long as nobody else has written anything."""
        (version,) = run("PRAGMA data_version").fetchone()
        if version != self._version or len(self._cached) > CACHED:
            self._cached.clear()
            self._version = version
        return self._cached

    def _remember(self, changed: Changes) -> None:
        for session_id, kept in changed.items():
            self._cached.pop(session_id, None)
            if kept is not None:
                self._cached[session_id] = kept

    def _last(self) -> int:
        """Return the number of the last commit that changed a session; 0 when that cannot be read."""
        with contextlib.suppress(StoreError):
            found = self._read(lambda run: run(_LAST).fetchone())
            return 0 if found is None else int(found[0])
        return 0

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        connection.create_function("headway_clock", 0, time.monotonic)  # the same for all processes here
        for setting in ("secure_delete = ON", "temp_store = MEMORY", "fullfsync = ON", "synchronous = FULL"):
            connection.execute(f"PRAGMA {setting}")
        return connection

    def _prepare(self) -> None:
        """Make the tables where they are not there."""
        self._writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._in_turn("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA busy_timeout = 0")  # from now on `_in_turn` waits
        self._transact(_make_tables, True)
        self._transact(self._forget, True)

    def _in_turn(self, statement: str) -> None:
        """Run a statement that waits for other processes.

        SQLite itself would sleep longer and longer, up to 0.1 s, while others take turn after turn. Measured
        with four processes, the slowest of 100 commits took up to ten times as long.
        """
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self._writer.execute(statement)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(random.uniform(0, TURN))

    def _shrink(self) -> None:
        """Give back free pages, and empty the journal, unless somebody reads just now."""
        self._writer.execute("PRAGMA busy_timeout = 100")
        with contextlib.suppress(sqlite3.OperationalError):  # others write: it is done the next time
            self._writer.executescript("PRAGMA incremental_vacuum")  # a page a step: execute does but one
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._writer.execute("PRAGMA busy_timeout = 0")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say what SQLite and the system say as a `StoreError`, whose cause has the system's number."""
        try:
            yield
        except sqlite3.Error as error:
            if self._closed:
                self._check_open()
            code = getattr(error, "sqlite_errorcode", 0)
            number = _ERRNO.get(code) or _ERRNO.get(code & 0xFF) or _asked(self._path.parent)
            cause = OSError(number, os.strerror(number), os.fspath(self._path))
            raise StoreError(f"cannot use {self._path}: {error}") from cause
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"cannot open {self._path}: {error.strerror}") from error


def _make_tables(run: Run) -> None:
    there = run("SELECT name FROM sqlite_master WHERE name = 'headway_sessions'").fetchone()
    for statement in () if there else _SAY.tables:
        run(statement)


def _asked(folder: Path) -> int:
    """Return why the system makes no file in a folder, which SQLite does not tell."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return errno.EIO
    except OSError as error:
        return error.errno or errno.EIO


def _path(rest: str) -> Path:
    """Return the file that the end of a URL names."""
    name = rest.removeprefix("///")
    if name == rest or not name or name == ":memory:" or "?" in name:
        raise StoreError(
            f"'sqlite:{rest}' names no file: sqlite:///logs.db is in the current folder, "
            "sqlite:////var/lib/logs.db an absolute path"
        )
    return Path(name)
