"""The single writer of a store: one thread, and a batch is what arrived during the last commit.

Append and ring happen in the same thread, one after the other: whoever waited for the commit may have given
up meanwhile, the readers are woken all the same.
"""

from __future__ import annotations

import logging
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .answers import Outcome, Waiting, answer, wanted
from .entry import Entry
from .errors import LogFull, StoreClosed, StoreError, StoreUnreachable
from .hub import Hub
from .leases import Lease
from .recent import RecentEntries
from .stores import Batch, Excerpt, Store, Stored, open_store
from .stores.commit import by_session, full

MAX_BATCH = 1_000  # calls in one commit
MAX_ENTRIES = 100_000  # in one session's log
PATIENCE = 10.0  # seconds in which a store's server may come back
PAUSE = 0.2  # seconds between two attempts to reach it

_log = logging.getLogger("headway.recorder")


@dataclass(slots=True)
class _Append:
    entries: Sequence[Entry]
    waiting: Waiting
    flush: bool


@dataclass(slots=True)
class _Change:
    session_id: str
    work: Callable[[], Any]
    waiting: Waiting


class Recorder:
    """Writes to a store, keeps the newest entries at hand, and rings the bells."""

    def __init__(self, store: Store, place: tuple[str, str] | None = None, limit: int = MAX_ENTRIES) -> None:
        """Take over a store, which lies at *place*; it has one user, who will `release` it.

        *limit* is the most entries that a session's log may have.
        """
        self.store = store
        self.hub = Hub()
        self.recent = RecentEntries()
        self._limit = limit
        self._writer, self._number = secrets.token_hex(8), 0
        self._queue: queue.SimpleQueue[_Append | _Change | None] = queue.SimpleQueue()
        self._users = 1
        self._putting = threading.Lock()
        self._closed = False
        self._place = place
        self._thread = threading.Thread(target=self._work, name="headway-recorder", daemon=True)
        store.relay(self._heard)
        self._lease = Lease(store)
        self._thread.start()

    @property
    def owner(self) -> str:
        """Who starts runs here, in the store's leases."""
        return self._lease.owner

    @property
    def behind(self) -> int:
        """How many calls wait to be written."""
        return self._queue.qsize()

    def append(self, entries: Sequence[Entry], waiting: Waiting, *, flush: bool = True) -> None:
        """Ask for entries to be written, all or none; who waits gets them as stored.

        One who gives up before the commit begins leaves nothing; later the entries are written all the same.

        Parameters
        ----------
        flush
            Whether they must outlast a power cut.
        """
        self._put(_Append(entries, waiting, flush))

    def change(self, session_id: str, work: Callable[[], Any], waiting: Waiting) -> None:
        """Ask for another change of the store, in its turn between the appends."""
        self._put(_Change(session_id, work, waiting))

    def read(
        self, session_id: str, since: int = 0, limit: int | None = None, epoch: str | None = None
    ) -> Excerpt | None:
        """Return the entries after offset *since*, from memory when it has them; may block for the disk.

        Memory does not decide whether the log that a reader knows, by its *epoch*, is there: the store does.
        """
        found = self.recent.after(session_id, since, limit, epoch)
        if found is None:
            with self.recent.reading(session_id) as reading:
                found = self.store.read(session_id, since, limit)
                if found is None:
                    self.recent.forget(session_id)
                else:
                    self.recent.fill(reading, since, found)
        return found

    def release(self) -> None:
        """Say that one user is done; the last one waits until all is written and the store is closed."""
        with _opening:
            self._users -= 1
            if self._users:
                return
            with self._putting:
                self._closed = True
                self._queue.put(None)
        self.join()

    def join(self) -> None:
        """Wait until the store is closed. Not inside `_opening`: the recorder's thread may want that, too."""
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _put(self, item: _Append | _Change) -> None:
        with self._putting:
            if self._closed:
                raise StoreClosed
            self._queue.put(item)

    def _heard(self, session_id: str | None) -> None:
        """Somebody else has changed a session, or we do not know which."""
        self.recent.outdate(session_id)
        if session_id is None:
            self.hub.ring_all()
        else:
            self.hub.ring(session_id)

    def _work(self) -> None:
        going_on = True
        while going_on:
            appends: list[_Append] = []
            for item in self._waiting():
                if isinstance(item, _Append):
                    appends.append(item)
                    continue
                self._commit(appends)
                appends = []
                if item is None:
                    going_on = False
                else:
                    self._apply(item)
            self._commit(appends)
        self._lease.give_back()
        try:
            self.store.close()
        finally:
            _open.pop(self._place, None)

    def _waiting(self) -> list[_Append | _Change | None]:
        """Return all that has arrived, at least one: no timer, so a lone caller never waits for others."""
        items = [self._queue.get()]
        while len(items) < MAX_BATCH:
            try:
                items.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return items

    def _commit(self, appends: list[_Append]) -> None:
        """Write what some callers ask for, and answer them."""
        appends = [append for append in appends if wanted(append.waiting)]
        if not appends:
            return
        answers = self._write(appends, time.monotonic() + PATIENCE)
        for append, (_, outcome) in zip(appends, answers, strict=True):
            if append.waiting is None and isinstance(outcome, Exception):
                _log.error("%d entries of nobody who waits are lost: %s", len(append.entries), outcome)
        answer(answers)

    def _write(self, appends: list[_Append], until: float) -> list[tuple[Waiting, Outcome]]:
        """Write what some callers ask for and return their answers; a failure is only of who is its cause."""
        try:
            return self._write_together(appends, until)
        except StoreUnreachable as error:
            return [(append.waiting, error) for append in appends]
        except Exception as error:
            if len(appends) > 1:  # nothing was written: by halves, so the others are still written together
                half = len(appends) // 2
                return self._write(appends[:half], until) + self._write(appends[half:], until)
            if isinstance(error, LogFull):
                self._say_full(appends[0], until)
            return [(appends[0].waiting, error)]

    def _write_together(self, appends: list[_Append], until: float) -> list[tuple[Waiting, Outcome]]:
        """Write the entries of some calls in one commit, and wake the readers."""
        entries = [entry for append in appends for entry in append.entries]
        watched = {e.session_id for e in entries if e.terminal and self.hub.watched(e.session_id)}
        flush = any(append.flush for append in appends)
        self._number += 1
        self.recent.begin()
        stored = self._append(Batch(entries, watched, flush, self._limit, self._writer, self._number), until)
        for session_id, group in by_session(stored.entries).items():
            self.recent.add(stored.sessions[session_id], group)
        self.hub.ring(*stored.sessions)
        rest = iter(stored.entries)
        return [(append.waiting, list(islice(rest, len(append.entries)))) for append in appends]

    def _append(self, batch: Batch, until: float) -> Stored:
        """Write a batch; when the store's server does not answer, the same one again until it is too late.

        Nobody knows then whether it was written: another batch with its entries could repeat them.
        """
        unanswered: StoreUnreachable | None = None
        while True:
            try:
                return self.store.append(batch)
            except StoreUnreachable as error:
                unanswered = error
                if time.monotonic() > until:
                    raise
                time.sleep(PAUSE)
            except StoreError as error:
                if unanswered is None:
                    raise
                raise StoreUnreachable(f"{unanswered}; when asked again: {error}") from error

    def _say_full(self, append: _Append, until: float) -> None:
        """Have the log say itself that it is full; it says so once.

        Several entries of one caller may be too many for a log that has room for fewer: it is not full yet.
        """
        last = append.entries[-1]
        try:
            session = self.store.session(last.session_id)
            if session is None or session.last_offset < self._limit:
                return
            self._write_together([_Append([full(last, self._limit)], None, append.flush)], until)
        except Exception:
            _log.exception("the log of session %s cannot say that it is full", last.session_id)

    def _apply(self, change: _Change) -> None:
        if not wanted(change.waiting):
            return
        outcome: Outcome
        try:
            outcome = change.work()
        except Exception as error:
            outcome = error
        self.recent.forget(change.session_id)
        self.hub.ring(change.session_id)
        answer([(change.waiting, outcome)])


_opening = threading.RLock()  # the garbage collector may release one logger while another is opened
_open: dict[tuple[str, str] | None, Recorder] = {}


def open_recorder(url: str, limit: int = MAX_ENTRIES) -> Recorder:
    """Return the recorder of the store that a URL names, for one more user, who will `release` it.

    A URL that names a place, such as ``json:logs``, is opened once in a process: a notebook cell that is run
    again gets the recorder that it has already. ``memory:`` names none, so each is a store of its own.
    """
    place = (os.getcwd(), url) if url.partition(":")[2] else None
    while True:
        with _opening:
            recorder = _open.get(place)
            if recorder is None:
                recorder = Recorder(open_store(url), place, limit)
                if place is not None:
                    _open[place] = recorder
                return recorder
            if recorder._users:
                recorder._users += 1
                return recorder
        recorder.join()  # it is being closed
