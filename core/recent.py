"""The newest entries of active sessions, kept in memory so that live readers need not ask the store."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from .entry import Entry

PER_SESSION = 1_000  # entries
IN_ALL = 20_000  # entries; the sessions that were used longest ago go first


class RecentEntries:
    """A bounded window on the end of each active session's log. Callable from any thread."""

    def __init__(self, per_session: int = PER_SESSION, in_all: int = IN_ALL) -> None:
        self._per_session = per_session
        self._in_all = in_all
        self._lock = threading.Lock()
        self._windows: OrderedDict[str, list[Entry]] = OrderedDict()
        self._count = 0

    def add(self, entries: Sequence[Entry]) -> None:
        """Take stored entries of one session, as a commit returned them.

        A window has no gaps and is of one log. What it has already (a repeated idempotency key) is passed
        over; what does not follow its end (the log before was deleted by hand) begins it anew, unless it has
        a key: then it may lie anywhere, and the window is empty.
        """
        session_id = entries[0].session_id
        with self._lock:
            window = self._windows.pop(session_id, [])
            before = len(window)
            for entry in entries:
                place = max(0, entry.offset - window[0].offset) if window else 0
                if place == len(window) > 0:
                    window.append(entry)
                elif window[place : place + 1] != [entry]:
                    window[:] = [entry] if entry.key is None else []
            if len(window) >= 2 * self._per_session:  # now and then, so that it costs little each time
                del window[: -self._per_session]
            if window:
                self._windows[session_id] = window
            self._count += len(window) - before
            while self._count > self._in_all and len(self._windows) > 1:
                self._count -= len(self._windows.popitem(last=False)[1])

    def after(self, session_id: str, since: int) -> list[Entry] | None:
        """Return the entries after offset *since*; None when the window does not reach back so far."""
        with self._lock:
            window = self._windows.get(session_id)
            if not window or since + 1 < window[0].offset:
                return None
            return window[since + 1 - window[0].offset :]

    def forget(self, session_id: str) -> None:
        """Drop the window of a session."""
        with self._lock:
            self._count -= len(self._windows.pop(session_id, ()))
