"""A folder of logs for those who only read it, while another process may write to it.

Nothing is locked and nothing is written. What the records say is brought up to date from the journal, and an
entry that an array file lacks yet, or for good after a crash, is taken from there.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

from ...entry import Entry, decode
from ...errors import StoreClosed, StoreError
from ...session import Session
from ..batch import Batch, Excerpt, Stored
from .archive import ArchiveDamaged, Keep, take_up_packed, text_of, unpacked
from .array_text import parse, placed
from .catalog import Catalog
from .changes import CLOSE, Record
from .disk import READ, read_at, read_file
from .journal import PREFIX, JournalChanged, Tail, segments
from .lines import LogChanged, LogText
from .logs import SUFFIX
from .mending import folded, lacking
from .opening import Names, is_session_id, names_in
from .records import NAME, decode_records
from .replay import Replay

PATIENCE = 2.0  # seconds in which a log that is being written to is found whole
PAUSE = 0.002  # seconds between two looks at it
LOOKS = 10  # after which everything is read anew: files may have been deleted by hand
LOOK = 0.2  # seconds between two looks for what others have written


class JsonFilesReader:
    """The logs of a folder, without writing: ``open_store("json:FOLDER", read_only=True)``."""

    shared = True

    def __init__(self, folder: str) -> None:
        """Read what there is.

        Raises
        ------
        StoreError
            The folder cannot be read; the message names it.
        """
        self.folder = Path(folder or "logs").absolute()
        self._lock = threading.RLock()  # over what follows
        self._catalog = Catalog()
        self._replay = Replay({})
        self._tails: list[Tail] = []
        self._closed = threading.Event()
        self._watching: threading.Thread | None = None
        try:
            self._load()
        except OSError as error:
            raise self._failed(error) from error

    def __str__(self) -> str:
        return f"json:{self.folder}"

    def read(self, session_id: str, since: int = 0, limit: int | None = None) -> Excerpt | None:
        until = time.monotonic() + PATIENCE
        looks = 0
        while (record := self._record(session_id)) is not None:
            try:
                entries = self._entries(record, since, limit)
                now = self._record(session_id)
                if now is not None and now.session.epoch == record.session.epoch:
                    return Excerpt(record.session, entries)
            except (OSError, LogChanged) as error:  # half an append, or the file was put elsewhere just now
                if time.monotonic() > until:
                    raise self._failed(error) from error
                time.sleep(PAUSE)
                looks += 1
                if looks == LOOKS:
                    self._reload()
        return None

    def session(self, session_id: str) -> Session | None:
        record = self._record(session_id)
        return None if record is None else record.session

    def sessions(self, limit: int, before: str | None = None) -> list[Session]:
        return self._fresh().page(limit, before)

    def active(self) -> list[Session]:
        return self._fresh().active()

    def append(self, batch: Batch) -> Stored:
        self._refuse()

    def add_session(self, session: Session) -> None:
        self._refuse()

    def update_session(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        self._refuse()

    def archive(self, session_id: str, keep: Keep) -> Session:
        self._refuse()

    def delete_session(self, session_id: str) -> None:
        self._refuse()

    def lease(self, owner: str, seconds: float) -> set[str]:
        self._refuse()

    def relay(self, ring: Callable[[str | None], None]) -> None:
        def watch() -> None:
            while not self._closed.wait(LOOK):
                with suppress(OSError):  # whoever reads is told
                    changed = self._look()
                    for session_id in (None,) if changed is None else changed:
                        ring(session_id)

        self._watching = threading.Thread(target=watch, name="headway-folder", daemon=True)
        self._watching.start()

    def close(self) -> None:
        self._closed.set()
        if self._watching is not None and self._watching is not threading.current_thread():
            self._watching.join()
        with self._lock:
            while self._tails:
                self._tails.pop().close()

    def _record(self, session_id: str) -> Record | None:
        return self._fresh().get(session_id)

    def _fresh(self) -> Catalog:
        """Return the records as they are now."""
        try:
            self._look()
        except OSError as error:
            raise self._failed(error) from error
        return self._catalog

    def _look(self) -> set[str] | None:
        """Take in what has come; return the sessions that changed, or None when any may have."""
        with self._lock:
            if self._closed.is_set():
                raise StoreClosed
            number = self._tails[-1].number + 1 if self._tails else 1
            try:
                if (self.folder / f"{PREFIX}{number}").exists():
                    self._tails.append(Tail(self.folder / f"{PREFIX}{number}"))
                # The newest first: when it has lines, those before it grow no more.
                lines = [
                    line for news in reversed([t.news() for t in reversed(self._tails)]) for line in news
                ]
                if any(tail.deleted for tail in self._tails):
                    raise JournalChanged
            except (FileNotFoundError, JournalChanged):
                self._load()
                return None
            self._replay.touched.clear()
            self._replay.apply(lines)
            for session_id in self._replay.touched:
                if (record := self._replay.records.get(session_id)) is not None:
                    self._catalog.put([record])
                else:
                    self._catalog.remove(session_id)
            return set(self._replay.touched)

    def _reload(self) -> None:
        with self._lock:
            if not self._closed.is_set():
                self._load()

    def _load(self) -> None:
        """Read everything anew; again, when its writer has put it elsewhere meanwhile."""
        while True:
            os.stat(self.folder)
            while self._tails:
                self._tails.pop().close()
            with suppress(FileNotFoundError, JournalChanged):
                self._tails += [Tail(path) for path in segments(self.folder)]
                replay = Replay(self._written())
                names = names_in(self.folder)
                for tail in self._tails:
                    replay.apply(tail.news())
                if not any(tail.deleted for tail in self._tails):
                    break
        self._compare(replay, names)
        self._replay, self._catalog = replay, Catalog(replay.records.values())

    def _written(self) -> dict[str, Record]:
        with suppress(FileNotFoundError):
            return decode_records(read_file(self.folder / NAME))
        return {}

    def _compare(self, replay: Replay, names: Names) -> None:
        """Make the records those of the files that are there."""
        for session_id, record in list(replay.records.items()):
            there = names.packed if record.packed else names.arrays
            chain = replay.chains.get(session_id)
            if record.length and session_id not in there and not (chain and not chain[0].base):
                del replay.records[session_id]
        for session_id in (names.arrays | names.packed) - replay.records.keys() - replay.touched:
            found = self._found(session_id, packed=session_id in names.packed)
            if found is not None:
                replay.records[session_id] = found

    def _found(self, session_id: str, *, packed: bool) -> Record | None:
        """Return the record of a log of which nobody has written one."""
        known, path = self._catalog.get(session_id), self._path(session_id)
        if not is_session_id(session_id):
            return None
        with suppress(FileNotFoundError, ArchiveDamaged):
            if packed:
                return take_up_packed(path, session_id, known)
            text = parse(read_file(path), session_id)
            if text.entries:
                session = folded(session_id, known, text.entries)
                return Record(session=session, length=text.end + len(CLOSE), foreign=text.foreign)
        return None

    def _entries(self, record: Record, since: int, limit: int | None) -> list[Entry]:
        path = self._path(record.session_id)
        if not record.length:
            return []
        if record.packed:
            return text_of(unpacked(path), record).entries(since, limit)
        with suppress(FileNotFoundError, LogChanged):
            descriptor = os.open(path, READ)
            try:
                return LogText(partial(read_at, descriptor), record, record.length).entries(since, limit)
            finally:
                os.close(descriptor)
        last = record.session.last_offset  # the file may have more by now
        return [entry for entry in self._whole(record) if since < entry.offset <= last][:limit]

    def _whole(self, record: Record) -> list[Entry]:
        """Return a log from what is whole in its file, and what the journal has beyond that."""
        content = b""
        with suppress(FileNotFoundError):
            content = read_file(self._path(record.session_id))
        text = parse(content, record.session_id)
        with self._lock:
            chain = list(self._replay.chains.get(record.session_id, ()))
        new, _ = lacking(text.last_offset, chain)
        found = text.entries + placed(map(decode, new), record.session_id, text.last_offset)
        if not found or found[-1].offset < record.session.last_offset:
            raise LogChanged(record.session_id)
        return found

    def _path(self, session_id: str) -> Path:
        return self.folder / (session_id + SUFFIX)

    def _refuse(self) -> NoReturn:
        if self._closed.is_set():
            raise StoreClosed
        raise StoreError(f"{self} is open for reading only")

    def _failed(self, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        return StoreError(f"cannot read the log folder {str(self.folder)!r}: {error}")
