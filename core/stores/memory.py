"""The store that forgets: for tests, and for notebooks that keep nothing."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter

from ..entry import Entry
from ..errors import StoreClosed, UnknownSession
from ..session import Session, archived
from .batch import Batch, Excerpt, Stored
from .commit import Facts, begin, by_session, extend
from .index import SessionIndex

_offset = attrgetter("offset")


class MemoryStore:
    """Logs in this process's memory, gone when it ends. The URL is ``memory:``."""

    shared = False

    def __init__(self, rest: str = "") -> None:
        self._lock = threading.RLock()
        self._index = SessionIndex()
        self._logs: dict[str, list[Entry]] = {}
        self._facts: dict[str, Facts] = {}
        self._closed = False

    def __str__(self) -> str:
        return "memory:"

    def append(self, batch: Batch) -> Stored:
        with self._lock:
            self._check_open()
            extensions = {}
            for session_id, group in by_session(batch.entries).items():
                session = self._index.get(session_id)
                if session is None:
                    self._index.check_new(session_id)
                    session = begin(group[0])
                facts = self._facts.get(session_id, Facts())
                extensions[session_id] = extend(session, facts, group, batch)
            for session_id, extension in extensions.items():
                self._logs.setdefault(session_id, []).extend(extension.new)
                facts = self._facts.setdefault(session_id, Facts())
                for entry in extension.new:
                    facts.learn(entry)
                self._index.put(extension.session)
            offsets = {session_id: iter(extension.offsets) for session_id, extension in extensions.items()}
            stored = [self._after(e.session_id, next(offsets[e.session_id]) - 1)[0] for e in batch.entries]
            return Stored(stored, {sid: extension.session for sid, extension in extensions.items()})

    def read(self, session_id: str, since: int = 0, limit: int | None = None) -> Excerpt | None:
        with self._lock:
            self._check_open()
            session = self._index.get(session_id)
            return None if session is None else Excerpt(session, self._after(session_id, since, limit))

    def session(self, session_id: str) -> Session | None:
        self._check_open()
        return self._index.get(session_id)

    def sessions(self, limit: int, before: str | None = None) -> list[Session]:
        with self._lock:
            self._check_open()
            return self._index.page(limit, before)

    def active(self) -> list[Session]:
        with self._lock:
            self._check_open()
            return self._index.active()

    def add_session(self, session: Session) -> None:
        with self._lock:
            self._check_open()
            self._index.check_new(session.session_id)
            self._index.put(session)

    def update_session(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        with self._lock:
            self._check_open()
            session = change(self._known(session_id))
            self._index.put(session)
            return session

    def archive(self, session_id: str, keep: Callable[[Sequence[Entry]], Sequence[Entry]]) -> Session:
        with self._lock:
            self._check_open()
            kept = list(keep(self._after(session_id)))
            session = archived(self._known(session_id), kept)
            self._logs[session_id] = kept
            self._index.put(session)
            return session

    def delete_session(self, session_id: str) -> None:
        with self._lock:
            self._check_open()
            self._known(session_id)
            self._index.remove(session_id)
            self._logs.pop(session_id, None)
            self._facts.pop(session_id, None)

    def lease(self, owner: str, seconds: float) -> set[str]:
        self._check_open()
        return {owner} if seconds else set()

    def relay(self, ring: Callable[[str | None], None]) -> None:
        """Do nothing: no other process writes to this one's memory."""

    def close(self) -> None:
        self._closed = True

    def _known(self, session_id: str) -> Session:
        session = self._index.get(session_id)
        if session is None:
            raise UnknownSession(session_id)
        return session

    def _after(self, session_id: str, since: int = 0, limit: int | None = None) -> list[Entry]:
        log = self._logs.get(session_id, [])
        first = bisect_right(log, since, key=_offset)
        return log[first : None if limit is None else first + limit]

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed
