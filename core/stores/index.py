"""The session records of one process, by id and by activity."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from heapq import nlargest

from ..errors import SessionExists
from ..session import Session

MOVED = 2_000  # sessions that may be out of order: a page looks at each of them


class SessionIndex:
    """Session records in memory. Its store holds a lock over all but `get`.

    The order by activity is a sorted list, and beside it those sessions that have moved since it was sorted:
    a commit costs the same however many sessions there are, and so does the newest page.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._folded: dict[str, str] = {}  # the id in lower case -> the id
        self._order: list[tuple[str, str]] = []  # (last_activity, id), the oldest first
        self._moved: set[str] = set()  # ids that stand there at a wrong place, or not yet, or still
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
        if len(self._moved) > MOVED:
            self.sort()
        end, moved = len(self._order), self._places(self._moved)
        if before is not None:
            activity, _, session_id = before.partition(",")
            cursor = (activity, session_id)
            end = bisect_left(self._order, cursor)
            moved = [place for place in moved if place < cursor]
        newest = nlargest(limit, moved)
        wanted = limit + len(newest)
        for n in range(end - 1, -1, -1):
            if len(newest) == wanted:
                break
            if self._order[n][1] not in self._moved:
                newest.append(self._order[n])
        newest.sort(reverse=True)
        return [self._sessions[session_id] for _, session_id in newest[:limit]]

    def sort(self) -> None:
        """Bring the order up to date; it is done now and then anyway."""
        self._order = [place for place in self._order if place[1] not in self._moved]
        self._order += sorted(self._places(self._moved))
        self._order.sort()  # two sorted runs: merged
        self._moved.clear()

    def _places(self, session_ids: set[str]) -> list[tuple[str, str]]:
        return [
            (self._sessions[session_id].last_activity, session_id)
            for session_id in session_ids
            if session_id in self._sessions
        ]
