"""The newest entries of active sessions in memory, encoded, so that live readers need not ask the store."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from operator import attrgetter

from .entry import Entry, encode
from .session import Session
from .stores.batch import Excerpt

PER_SESSION = 1_000  # entries
IN_ALL = 20_000  # entries; the sessions that were used longest ago go first

TOLD = 1_000  # sessions that others have changed since our last commit; when there are more, it may be any

_offset = attrgetter("offset")


class _Window:
    """The end of one log: its newest entries without gaps, and the session's record as of the last one."""

    def __init__(self, session: Session, begins: int, entries: Sequence[Entry] = ()) -> None:
        self.session = session
        self.begins = begins  # offset after which it has everything
        self.entries = list(entries)
        self.encoded = [encode(entry) for entry in entries]
        self.outdated = False

    def extend(self, session: Session, entries: Sequence[Entry]) -> bool:
        """Take what follows up to the end of the log; return whether it does."""
        known = self.session
        new = [entry for entry in entries if entry.offset > known.last_offset]
        encoded = [encode(entry) for entry in new]
        if session.epoch != known.epoch or not _follows(new, known.last_offset, session.last_offset):
            return False
        if session.size != known.size + sum(map(len, encoded)):  # others have archived it
            return False
        self.session = session
        self.entries += new
        self.encoded += encoded
        return True

    def reaches(self, session: Session) -> bool:
        """Whether it is of the same log and goes further."""
        return session.epoch == self.session.epoch and session.last_offset < self.session.last_offset

    def shorten(self, most: int) -> None:
        """Drop the oldest entries, now and then, so that it costs little each time."""
        if len(self.entries) >= 2 * most:
            self.begins = self.entries[-most - 1].offset
            del self.entries[:-most], self.encoded[:-most]

    def after(self, since: int, limit: int | None) -> Excerpt:
        first = bisect_right(self.entries, since, key=_offset)
        last = None if limit is None else first + limit
        excerpt = Excerpt(self.session, self.entries[first:last])
        excerpt.__dict__["encoded"] = self.encoded[first:last]  # fills the cached property
        return excerpt


class Reading:
    """Somebody reads the store for what the window lacks; a change meanwhile makes it worthless."""

    def __init__(self) -> None:
        self.overtaken = False


class RecentEntries:
    """A bounded window on the end of each active session's log. Callable from any thread."""

    def __init__(self, per_session: int = PER_SESSION, in_all: int = IN_ALL) -> None:
        self._per_session = per_session
        self._in_all = in_all
        self._lock = threading.Lock()
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._readings: defaultdict[str, list[Reading]] = defaultdict(list)
        self._count = 0
        self._told: set[str | None] = set()  # whose changes by others were told since the commit began

    def begin(self) -> None:
        """Say that a commit begins: what others change meanwhile may come after its entries."""
        with self._lock:
            self._told = set()

    def add(self, session: Session, entries: Sequence[Entry]) -> None:
        """Take stored entries of one session and its record, as a commit returned them."""
        with self._lock:
            self._overtake(session.session_id)
            window = self._take(session.session_id)
            if window is not None and window.reaches(session):
                pass  # a reader was quicker
            elif window is None or not window.extend(session, entries):
                begins = entries[0].offset - 1
                if _follows(entries, begins, session.last_offset):
                    window = _Window(session, begins, entries)
                else:  # among them are repeated keys, whose entries lie anywhere
                    window = _Window(session, session.last_offset)
            window.outdated |= not self._told.isdisjoint((session.session_id, None))
            self._put(window)

    def after(
        self, session_id: str, since: int, limit: int | None = None, epoch: str | None = None
    ) -> Excerpt | None:
        """Return the entries after offset *since*; None when the window does not tell.

        It does not tell of another epoch or of a place beyond its end: the store decides whether there is
        such a log.
        """
        with self._lock:
            window = self._windows.get(session_id)
            if window is None or window.outdated or not window.begins <= since <= window.session.last_offset:
                return None
            return window.after(since, limit) if epoch in (None, window.session.epoch) else None

    @contextmanager
    def reading(self, session_id: str) -> Iterator[Reading]:
        """Read the store for a session meanwhile; what is found is for `fill`."""
        reading = Reading()
        with self._lock:
            self._readings[session_id].append(reading)
        try:
            yield reading
        finally:
            with self._lock:
                self._readings[session_id].remove(reading)
                if not self._readings[session_id]:
                    del self._readings[session_id]

    def fill(self, reading: Reading, since: int, excerpt: Excerpt) -> None:
        """Take what was read after offset *since*, when it goes to the end of the log and is still true."""
        session, entries = excerpt.session, excerpt.entries
        if (entries[-1].offset if entries else since) != session.last_offset:
            return
        if len(entries) > self._per_session:
            since, entries = entries[-self._per_session - 1].offset, entries[-self._per_session :]
        with self._lock:
            if reading.overtaken:
                return
            window = self._take(session.session_id)
            if window is None or since < window.begins or not window.extend(session, entries):
                window = _Window(session, since, entries)
            window.outdated = False
            self._put(window)

    def outdate(self, session_id: str | None) -> None:
        """Ask the store again before the window of a session, or of every session, tells anything."""
        with self._lock:
            self._told.add(session_id)
            if len(self._told) > TOLD:
                self._told = {None}
            for known in {*self._windows, *self._readings} if session_id is None else (session_id,):
                self._overtake(known)
                if known in self._windows:
                    self._windows[known].outdated = True

    def forget(self, session_id: str) -> None:
        """Drop the window of a session."""
        with self._lock:
            self._overtake(session_id)
            self._take(session_id)

    def _overtake(self, session_id: str) -> None:
        for reading in self._readings.get(session_id, ()):
            reading.overtaken = True

    def _take(self, session_id: str) -> _Window | None:
        window = self._windows.pop(session_id, None)
        self._count -= len(window.entries) if window else 0
        return window

    def _put(self, window: _Window) -> None:
        window.shorten(self._per_session)
        self._windows[window.session.session_id] = window
        self._count += len(window.entries)
        while self._count > self._in_all and len(self._windows) > 1:
            self._count -= len(self._windows.popitem(last=False)[1].entries)


def _follows(entries: Sequence[Entry], known: int, last: int) -> bool:
    """Whether entries lead from the offset *known* to the offset *last* without a gap."""
    if len(entries) == 1:
        return entries[0].offset == last == known + 1
    offsets = [known, *(entry.offset for entry in entries), last + 1]
    return all(after == before + 1 for before, after in pairwise(offsets))
