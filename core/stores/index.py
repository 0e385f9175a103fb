"""The session records of one process, by id and by activity."""

from __future__ import annotations

from collections.abc import Iterator

from sortedcontainers import SortedSet

from ..errors import SessionExists
from ..session import Session


class SessionIndex:
    """Session records in memory. Its store holds a lock over all but `get`.

    The order by activity is brought up to date when somebody asks for it: a commit, which changes it, costs
    the same however many sessions there are.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._folded: dict[str, str] = {}  # the id in lower case -> the id
        self._order: SortedSet[tuple[str, str]] = SortedSet()  # (last_activity, id), the oldest first
        self._placed: dict[str, tuple[str, str]] = {}  # id -> where it stands in the order
        self._moved: set[str] = set()  # ids whose place is not up to date
        self._active: set[str] = set()  # ids of those with runs that go on

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
        session_id = session.session_id
        if session_id not in self._sessions:
            self._folded[session_id.lower()] = session_id
        self._sessions[session_id] = session
        self._moved.add(session_id)
        if session.active_runs:
            self._active.add(session_id)
        else:
            self._active.discard(session_id)

    def remove(self, session_id: str) -> Session | None:
        """Remove a record and return it; None when there is none."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            self._folded.pop(session_id.lower(), None)  # files put there by hand may differ in case only
            self._active.discard(session_id)
            self._moved.add(session_id)
        return session

    def active(self) -> list[Session]:
        """Return the records of sessions with runs that go on."""
        return [self._sessions[session_id] for session_id in self._active]

    def page(self, limit: int, before: str | None) -> list[Session]:
        """Return at most *limit* records, newest activity first, after the cursor *before*."""
        self._place()
        end = len(self._order)
        if before is not None:
            activity, _, session_id = before.partition(",")
            end = self._order.bisect_left((activity, session_id))
        places = self._order.islice(max(0, end - limit), end, reverse=True)
        return [self._sessions[session_id] for _, session_id in places]

    def _place(self) -> None:
        """Bring the order up to date."""
        moved, self._moved = self._moved, set()
        self._order.difference_update(self._placed.pop(sid) for sid in moved & self._placed.keys())
        places = {sid: (self._sessions[sid].last_activity, sid) for sid in moved if sid in self._sessions}
        self._placed |= places
        self._order.update(places.values())
