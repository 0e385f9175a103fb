"""The default store: a folder with one JSON array file a session, as the specification has it.

``{session_id}_progress.json`` is the log, readable by anything; ``_sessions.jsonl`` keeps what a log cannot
say (a title given by hand, what was read) and spares the start from reading every log.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from ..entry import Entry, check_session_id
from ..errors import InvalidSessionId, StoreClosed, StoreError, UnknownSession
from ..session import Session
from .batch import Batch, Excerpt, Stored
from .commit import Extension, Facts, begin, by_session, extend
from .folder_lock import lock_folder
from .index import SessionIndex
from .json_array import JsonArrayFile, sync_folder
from .session_file import SessionFile, notable

SUFFIX = "_progress.json"
OPEN_LOGS = 256  # files held open; a system allows a process 1,024 or more


class _Log:
    """An open log, and what the next entries are checked against."""

    def __init__(self, path: Path, session_id: str) -> None:
        self.known = Facts()
        self.file = JsonArrayFile(path, session_id, self.known.learn)


class JsonFilesStore:
    """Logs as JSON array files in a folder. The URL is ``json:FOLDER``; the folder is made when absent."""

    def __init__(self, folder: str) -> None:
        """Open the folder for writing.

        Raises
        ------
        StoreLocked
            Another process writes to it.
        StoreError
            The folder cannot be made, read or written to; the message names it.
        """
        self.folder = Path(folder or "logs").absolute()
        self._lock = threading.RLock()  # over everything in memory; never held while the disk flushes
        self._write_lock = threading.RLock()  # one writer at a time
        self._index = SessionIndex()
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._committing: AbstractSet[str] = frozenset()  # whose logs must stay open
        self._closed = False
        with ExitStack() as on_error:
            try:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._owner = on_error.enter_context(lock_folder(self.folder))
                self._records = on_error.enter_context(closing(SessionFile(self.folder / "_sessions.jsonl")))
                self._load()
            except StoreError:
                raise
            except OSError as error:
                raise self._failed("open", error) from error
            on_error.pop_all()

    def __str__(self) -> str:
        return f"json:{self.folder}"

    def append(self, batch: Batch) -> Stored:
        with self._write_lock:
            groups = by_session(batch.entries)
            with self._lock:
                self._check_open()
                extensions = {sid: self._extend(sid, group, batch) for sid, group in groups.items()}
            if any(extension.new for extension in extensions.values()):
                self._commit(extensions)
            offsets = {sid: iter(extension.offsets) for sid, extension in extensions.items()}
            new = {(e.session_id, e.offset): e for x in extensions.values() for e in x.new}
            places = [(entry.session_id, next(offsets[entry.session_id])) for entry in batch.entries]
            stored = [new.get(place) or self._entry(*place) for place in places]
            return Stored(stored, {sid: extension.session for sid, extension in extensions.items()})

    def _entry(self, session_id: str, offset: int) -> Entry:
        with self._lock:
            return self._log(session_id).file.read(offset - 1, 1)[0]

    def read(self, session_id: str, since: int = 0, limit: int | None = None) -> Excerpt | None:
        with self._lock:
            self._check_open()
            session = self._index.get(session_id)
            if session is None:
                return None
            try:
                return Excerpt(session, self._log(session_id).file.read(since, limit))
            except OSError as error:
                raise self._failed("read", error) from error
            finally:
                self._trim()

    def active(self) -> list[Session]:
        with self._lock:
            self._check_open()
            return self._index.active()

    def archive(self, session_id: str, keep: Callable[[Sequence[Entry]], Sequence[Entry]]) -> Session:
        raise NotImplementedError

    def lease(self, owner: str, seconds: float) -> set[str]:
        self._check_open()
        return {owner} if seconds else set()

    def relay(self, ring: Callable[[str | None], None]) -> None:
        """Do nothing: a folder has one writer."""

    def session(self, session_id: str) -> Session | None:
        self._check_open()
        return self._index.get(session_id)

    def sessions(self, limit: int, before: str | None = None) -> list[Session]:
        with self._lock:
            self._check_open()
            return self._index.page(limit, before)

    def add_session(self, session: Session) -> None:
        with self._write_lock:
            with self._lock:
                self._check_open()
                self._index.check_new(session.session_id)
            self._record(session)

    def update_session(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        with self._write_lock:
            with self._lock:
                self._check_open()
                session = self._index.get(session_id)
            if session is None:
                raise UnknownSession(session_id)
            session = change(session)
            self._record(session)
            return session

    def delete_session(self, session_id: str) -> None:
        with self._write_lock, self._lock:
            self._check_open()
            session = self._index.get(session_id)
            if session is None:
                raise UnknownSession(session_id)
            log = self._logs.pop(session_id, None)
            if log is not None:
                log.file.close()
            try:
                self._path(session_id).unlink(missing_ok=True)
                self._records.write([(session, 0)], deleted=True)
            except OSError as error:
                if not session.last_offset or self._path(session_id).exists():
                    raise self._failed("delete from", error) from error
            self._index.remove(session_id)  # a record whose log is gone counts for nothing at the next start

    def close(self) -> None:
        with self._write_lock, self._lock:
            if self._closed:
                return
            self._closed = True
            for log in self._logs.values():
                log.file.close()
            self._records.close()
            self._owner.close()

    def _extend(self, session_id: str, entries: list[Entry], batch: Batch) -> Extension:
        session = self._index.get(session_id)
        if session is not None:
            file = self._log(session_id).file
            if file.deleted or len(file) != session.last_offset:
                self._forget(session_id)  # by hand: the log begins anew, as another one
                session = None
        if session is None:
            self._index.check_new(session_id)
            if (session := self._adopt(session_id)) is not None:
                self._index.put(session)
            session = session or begin(entries[0])
        return extend(session, self._log(session_id).known, entries, batch)

    def _commit(self, extensions: dict[str, Extension]) -> None:
        """Write, flush, and only then show: a failure takes everything back."""
        with self._lock:
            logs = {sid: self._log(sid) for sid, extension in extensions.items() if extension.new}
            self._committing = logs.keys()
        try:
            self._write_logs(logs, extensions)
        except BaseException as error:
            for log in logs.values():
                with suppress(OSError):
                    log.file.undo()
            self._committing = frozenset()
            if isinstance(error, OSError):
                raise self._failed("write to", error) from error
            raise
        with self._lock:
            self._committing = frozenset()
            changed = []
            for session_id, log in logs.items():
                extension = extensions[session_id]
                log.file.accept()
                for entry in extension.new:
                    log.known.learn(entry)
                if notable(self._index.get(session_id), extension):
                    changed.append((extension.session, log.file.size))
                self._index.put(extension.session)
            self._trim()
        self._write_records(changed)

    def _write_logs(self, logs: dict[str, _Log], extensions: dict[str, Extension]) -> None:
        for session_id, log in logs.items():
            log.file.write(extensions[session_id].new)
        for log in logs.values():
            log.file.sync()
        if any(not len(log.file) for log in logs.values()):
            sync_folder(self.folder)

    def _write_records(self, changed: list[tuple[Session, int]]) -> None:
        """Write records that follow from logs. The log is safe: the next start mends a record that is not."""
        if changed:
            try:
                self._records.write(changed)
            except OSError:
                return

    def _record(self, session: Session) -> None:
        with self._lock:
            size = self._log(session.session_id).file.size if session.last_offset else 0
        try:
            self._records.write([(session, size)])
        except OSError as error:
            raise self._failed("write to", error) from error
        with self._lock:
            self._index.put(session)

    def _log(self, session_id: str) -> _Log:
        log = self._logs.get(session_id)
        if log is None:
            try:
                log = self._logs[session_id] = _Log(self._path(session_id), session_id)
            except OSError as error:
                raise self._failed("read", error) from error
        self._logs.move_to_end(session_id)
        return log

    def _trim(self) -> None:
        """Close the logs that were not used for longest, but none that a commit writes to now."""
        idle = (
            [sid for sid in self._logs if sid not in self._committing] if len(self._logs) > OPEN_LOGS else []
        )
        for session_id in idle[: len(self._logs) - OPEN_LOGS]:
            self._logs.pop(session_id).file.close()

    def _load(self) -> None:
        """Read the records, and the logs that they do not fit."""
        sizes = {}
        with os.scandir(self.folder) as files:
            for file in files:
                if file.name.endswith(SUFFIX) and _is_id(file.name.removesuffix(SUFFIX)):
                    sizes[file.name.removesuffix(SUFFIX)] = file.stat().st_size
        mended = []
        for session, size in self._records.items():
            found = sizes.pop(session.session_id, None)
            if found is None and session.last_offset:
                continue  # its file was deleted by hand
            if found not in (None, size):
                session = self._refold(session)
                mended.append((session, self._log(session.session_id).file.size))
            self._index.put(session)
            self._trim()
        for session_id in sizes:
            if (adopted := self._adopt(session_id)) is not None:
                mended.append((adopted, self._log(session_id).file.size))
                self._index.put(adopted)
            self._trim()
        self._write_records(mended)

    def _refold(self, session: Session) -> Session:
        """Return the record as it is after the entries that it does not count yet."""
        file = self._log(session.session_id).file
        if session.last_offset > len(file):  # what it counts is gone: this is another log
            session = Session(
                session_id=session.session_id,
                title=session.title,
                created_at=session.created_at,
                last_activity=session.last_activity,
            )
        for entry in file.read(session.last_offset):
            session = session.after(entry)
        return session

    def _adopt(self, session_id: str) -> Session | None:
        """Return the record of a log that was put into the folder by hand; None when there is none."""
        first = self._log(session_id).file.read(0, 1)
        return self._refold(begin(first[0])) if first else None

    def _forget(self, session_id: str) -> None:
        self._logs.pop(session_id).file.close()
        self._index.remove(session_id)

    def _path(self, session_id: str) -> Path:
        return self.folder / (session_id + SUFFIX)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed

    def _failed(self, verb: str, error: OSError) -> StoreError:
        return StoreError(f"cannot {verb} the log folder {str(self.folder)!r}: {error.strerror or error}")


def _is_id(text: str) -> bool:
    with suppress(InvalidSessionId):
        return bool(check_session_id(text))
    return False
