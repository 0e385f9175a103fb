"""The store that forgets: for tests, and for notebooks that keep nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence

from ..entry import Entry, Session
from ..errors import StoreClosed, UnknownSession
from .commit import Known, begin, by_session, extend
from .index import SessionIndex


class MemoryStore:
    """Logs in this process's memory, gone when it ends. The URL is ``memory:``."""

    def __init__(self, rest: str = "") -> None:
        self._lock = threading.Lock()
        self._index = SessionIndex()
        self._logs: dict[str, list[Entry]] = {}
        self._known: dict[str, Known] = {}
        self._closed = False

    def __str__(self) -> str:
        return "memory:"

    def append(self, entries: Sequence[Entry], watched: Collection[str] = ()) -> list[Entry]:
        with self._lock:
            self._check_open()
            extensions = {}
            for session_id, group in by_session(entries).items():
                session = self._index.get(session_id)
                if session is None:
                    self._index.check_new(session_id)
                    session = begin(group[0])
                known = self._known.get(session_id, Known())
                extensions[session_id] = extend(session, known, group, watched=session_id in watched)
            for session_id, extension in extensions.items():
                self._logs.setdefault(session_id, []).extend(extension.new)
                known = self._known.setdefault(session_id, Known())
                for entry in extension.new:
                    known.learn(entry)
                self._index.put(extension.session)
            offsets = {session_id: iter(extension.offsets) for session_id, extension in extensions.items()}
            return [self._logs[e.session_id][next(offsets[e.session_id]) - 1] for e in entries]

    def entries(self, session_id: str, since: int = 0, limit: int | None = None) -> list[Entry]:
        with self._lock:
            self._check_open()
            return self._logs.get(session_id, [])[since : None if limit is None else since + limit]

    def session(self, session_id: str) -> Session | None:
        self._check_open()
        return self._index.get(session_id)

    def sessions(self, limit: int, before: str | None = None) -> list[Session]:
        with self._lock:
            self._check_open()
            return self._index.page(limit, before)

    def add_session(self, session: Session) -> None:
        with self._lock:
            self._check_open()
            self._index.check_new(session.session_id)
            self._index.put(session)

    def update_session(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        with self._lock:
            self._check_open()
            session = self._index.get(session_id)
            if session is None:
                raise UnknownSession(session_id)
            session = change(session)
            self._index.put(session)
            return session

    def delete_session(self, session_id: str) -> None:
        with self._lock:
            self._check_open()
            if self._index.remove(session_id) is None:
                raise UnknownSession(session_id)
            self._logs.pop(session_id, None)
            self._known.pop(session_id, None)

    def close(self) -> None:
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed
