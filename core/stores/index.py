"""The session records of one process, by id and by activity."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from ..entry import Session
from ..errors import SessionExists


class SessionIndex:
    """Session records in memory, newest activity first. Its store holds a lock over all but `get`."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._folded: dict[str, str] = {}  # the id in lower case -> the id
        self._order: list[tuple[str, str]] = []  # (last_activity, id), the oldest first

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str) -> Session | None:
        """Return a session's record, or None."""
        return self._sessions.get(session_id)

    def check_new(self, session_id: str) -> None:
        """Raise `SessionExists` when the id, in whatever case, is taken."""
        taken = self._folded.get(session_id.lower())
        if taken is not None:
            raise SessionExists(session_id, taken)

    def put(self, session: Session) -> None:
        """Add or replace a record."""
        self._unlist(self._sessions.get(session.session_id))
        self._sessions[session.session_id] = session  # never absent meanwhile: `get` may be called unlocked
        self._folded[session.session_id.lower()] = session.session_id
        insort(self._order, (session.last_activity, session.session_id))

    def remove(self, session_id: str) -> Session | None:
        """Remove a record and return it; None when there is none."""
        session = self._sessions.pop(session_id, None)
        self._unlist(session)
        return session

    def _unlist(self, session: Session | None) -> None:
        if session is not None:
            self._folded.pop(
                session.session_id.lower(), None
            )  # files put there by hand may differ in case only
            del self._order[bisect_left(self._order, (session.last_activity, session.session_id))]

    def page(self, limit: int, before: str | None) -> list[Session]:
        """Return at most *limit* records, newest activity first, after the cursor *before*."""
        end = len(self._order)
        if before is not None:
            activity, _, session_id = before.partition(",")
            end = bisect_left(self._order, (activity, session_id))
        return [
            self._sessions[session_id] for _, session_id in reversed(self._order[max(0, end - limit) : end])
        ]
