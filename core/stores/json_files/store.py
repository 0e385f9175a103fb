"""The default store: a folder with one JSON array file a session, as the specification has it.

``{session_id}_progress.json`` is the log, readable by anything. An entry is committed when the journal has
it on disk (one flush a batch, whatever the number of sessions); the array files get it in the same moment,
and are flushed later, in another thread. ``_sessions.jsonl`` keeps what a log cannot say and spares the
start from reading every log.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec

from ...entry import Entry
from ...errors import StoreClosed, StoreError, UnknownSession
from ...session import Session
from ..batch import Batch, Excerpt, Stored
from .archive import PACKED, Keep, text_of, unpacked
from .catalog import Catalog
from .changes import Record
from .commits import Committer
from .disk import READ, read_at
from .ledger import Ledger
from .lines import LogChanged, LogText
from .lock import lock_folder
from .logs import SUFFIX, Logs
from .opening import take_stock
from .reader import JsonFilesReader
from .records import NAME, RecordsFile
from .watch import FolderWatch


class JsonFilesStore:
    """Logs as JSON array files in a folder. The URL is ``json:FOLDER``; the folder is made when absent."""

    shared = False
    reading = JsonFilesReader  # what reads the same without writing

    def __init__(self, folder: str) -> None:
        """Open the folder for writing.

        Raises
        ------
        StoreLocked
            Another process writes to it.
        StoreError
            The folder cannot be made, read or written to; the message names it and the system's error.
        """
        self.folder = Path(folder or "logs").absolute()
        self._writing = threading.RLock()  # whoever writes has it, also while the disk flushes
        self._closed = False
        self._unpacked: tuple[Record, bytes] | None = None  # the compressed log that was read last
        self._watch: FolderWatch | None = None
        with ExitStack() as on_error, self._told("open"):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._owner = on_error.enter_context(lock_folder(self.folder))
            self._descriptor = _open_folder(self.folder)
            if self._descriptor is not None:
                on_error.callback(os.close, self._descriptor)
            file = RecordsFile(self.folder / NAME)
            found = take_stock(self.folder, file.load())
            self._catalog = Catalog(found.records.values())
            self._logs = Logs(self.folder, self._descriptor)
            self._ledger = Ledger(self.folder, self._descriptor, self._writing, self._catalog, file, found)
            self._committer = Committer(self._catalog, self._logs, self._ledger, found)
            self._ledger.start(self._look_at_all)
            on_error.pop_all()

    def __str__(self) -> str:
        return f"json:{self.folder}"

    def append(self, batch: Batch) -> Stored:
        with self._writing, self._told("write to"):
            self._check_open()
            parts = self._committer.prepare(batch)
            changed = [part for part in parts.values() if part.extension.new]
            if changed:
                self._committer.commit(changed, batch)
            stored = {session_id: iter(part.stored()) for session_id, part in parts.items()}
            entries = [next(stored[entry.session_id]) for entry in batch.entries]
            return Stored(entries, {sid: part.extension.session for sid, part in parts.items()})

    def read(self, session_id: str, since: int = 0, limit: int | None = None) -> Excerpt | None:
        with self._told("read"):
            while (record := self._record(session_id)) is not None:
                try:
                    entries = self._entries(record, since, limit)
                except (FileNotFoundError, LogChanged):
                    self._look_again(record)
                    continue
                now = self._record(session_id)
                if now is not None and now.session.epoch == record.session.epoch:
                    return Excerpt(record.session, entries)
        return None

    def session(self, session_id: str) -> Session | None:
        record = self._record(session_id)
        return None if record is None else record.session

    def sessions(self, limit: int, before: str | None = None) -> list[Session]:
        self._check_open()
        return self._catalog.page(limit, before)

    def active(self) -> list[Session]:
        self._check_open()
        return self._catalog.active()

    def add_session(self, session: Session) -> None:
        with self._writing, self._told("write to"):
            self._check_open()
            self._catalog.check_new(session.session_id)
            self._committer.put(Record(session=session))

    def update_session(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        with self._writing, self._told("write to"):
            record = self._known(session_id)
            session = change(record.session)
            if session.archived != record.session.archived:  # only `archive` and an entry change that
                session = msgspec.structs.replace(session, archived=record.session.archived)
            self._committer.put(msgspec.structs.replace(record, session=session))
            return session

    def archive(self, session_id: str, keep: Keep) -> Session:
        with self._writing, self._told("write to"):
            self._known(session_id)
            return self._committer.archive(session_id, keep)

    def delete_session(self, session_id: str) -> None:
        with self._writing, self._told("delete from"):
            self._known(session_id)
            self._committer.delete(session_id)

    def lease(self, owner: str, seconds: float) -> set[str]:
        self._check_open()
        return {owner} if seconds else set()

    def relay(self, ring: Callable[[str | None], None]) -> None:
        """Ring for logs that somebody deletes by hand: a folder has no other writer."""
        self._watch = FolderWatch(self.folder, partial(self._look_for_missing, ring))

    def close(self) -> None:
        with self._writing:
            if self._closed:
                return
            self._closed = True
        if self._watch is not None:
            self._watch.stop()
        self._ledger.close()
        self._logs.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._owner.close()

    def _entries(self, record: Record, since: int, limit: int | None) -> list[Entry]:
        """Return a part of a log as the record knows it."""
        if not record.length:
            return []
        path = self._path(record.session_id)
        if record.packed:
            if self._unpacked is None or self._unpacked[0] is not record:
                self._unpacked = record, unpacked(path)
            return text_of(self._unpacked[1], record).entries(since, limit)
        descriptor = os.open(path, READ)
        try:
            return LogText(partial(read_at, descriptor), record, record.length).entries(since, limit)
        finally:
            os.close(descriptor)

    def _look_again(self, record: Record) -> None:
        """Find out what has become of a log: somebody took its file away or changed it, or we just did."""
        with self._writing:
            if self._record(record.session_id) is record:
                self._committer.take_up(record.session_id, record)

    def _look_at_all(self) -> None:
        """Take up the logs that somebody has changed while no program had the folder open."""
        for record in self._catalog.all():
            if self._closed:
                return
            if (
                record.length
                and not record.packed
                and _length(self._path(record.session_id)) != record.length
            ):
                with self._writing:
                    if not self._closed and self._catalog.get(record.session_id) is record:
                        self._committer.current(record.session_id)

    def _look_for_missing(self, ring: Callable[[str | None], None], names: set[str]) -> None:
        """Take up the logs whose files are not among the folder's."""
        for record in self._catalog.all():
            name = record.session_id + SUFFIX + (PACKED if record.packed else "")
            if record.length and name not in names:
                with self._writing:
                    if self._closed or self._catalog.get(record.session_id) is not record:
                        continue
                    self._committer.current(record.session_id)
                if self._catalog.get(record.session_id) is not record:
                    ring(record.session_id)

    def _known(self, session_id: str) -> Record:
        record = self._record(session_id)
        if record is None:
            raise UnknownSession(session_id)
        return record

    def _record(self, session_id: str) -> Record | None:
        self._check_open()
        return self._catalog.get(session_id)

    def _path(self, session_id: str) -> Path:
        return self.folder / (session_id + SUFFIX)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        """Say of an error of the system where it happened."""
        try:
            yield
        except StoreError:
            raise
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, "")
            reason = str(error.strerror or error)
            if error.filename is not None and str(error.filename) != str(self.folder):
                reason += f": {str(error.filename)!r}"  # a single file may keep a folder from being opened
            reason += f" ({code})" if code else ""
            raise StoreError(f"cannot {verb} the log folder {str(self.folder)!r}: {reason}") from error
        except LogChanged as error:
            raise StoreError(f"{error}: somebody else changes it") from error


def _length(path: Path) -> int:
    """Return the length of a file; 0 when it is not there."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _open_folder(folder: Path) -> int | None:
    """Open the folder itself, where that can be done."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY) if hasattr(os, "O_DIRECTORY") else None
