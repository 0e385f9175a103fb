"""What is known of each session, in memory. Callable from any thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from ...session import Session
from ..index import SessionIndex
from .changes import Record


class Catalog:
    """The records of a folder."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._lock = threading.Lock()
        self._records: dict[str, Record] = {}
        self._index = SessionIndex()
        self.put(records)
        self._index.sort()

    def __len__(self) -> int:
        return len(self._records)

    def get(self, session_id: str) -> Record | None:
        """Return a session's record, or None."""
        return self._records.get(session_id)

    def all(self) -> list[Record]:
        """Return all records."""
        return list(self._records.values())

    def check_new(self, session_id: str) -> None:
        """Raise `SessionExists` when the id, in whatever case, is taken."""
        self._index.check_new(session_id)

    def put(self, records: Iterable[Record]) -> None:
        """Add or replace records, all at once."""
        with self._lock:
            for record in records:
                self._records[record.session.session_id] = record
                self._index.put(record.session)

    def remove(self, session_id: str) -> None:
        """Remove a record, if there is one."""
        with self._lock:
            self._records.pop(session_id, None)
            self._index.remove(session_id)

    def page(self, limit: int, before: str | None) -> list[Session]:
        """Return at most *limit* sessions, newest activity first, after the cursor *before*."""
        with self._lock:
            return self._index.page(limit, before)

    def active(self) -> list[Session]:
        """Return the sessions with runs that go on."""
        with self._lock:
            return self._index.active()
