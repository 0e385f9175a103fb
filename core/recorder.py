"""The single writer of a store: one thread, and a batch is what arrived during the last commit.

Append and ring happen in the same thread, one after the other: whoever waited for the commit may have given
up meanwhile, the readers are woken all the same.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .entry import Entry
from .errors import StoreClosed
from .hub import Hub
from .recent import RecentEntries
from .stores import Store, open_store
from .stores.commit import by_session

MAX_BATCH = 1_000  # calls in one commit


@dataclass(frozen=True)
class _Append:
    entries: Sequence[Entry]
    future: Future[list[Entry]]


@dataclass(frozen=True)
class _Change:
    work: Callable[[], Any]
    session_id: str
    future: Future[Any]


class Recorder:
    """Writes to a store, keeps the newest entries at hand, and rings the bells."""

    def __init__(self, store: Store, place: tuple[str, str] | None = None) -> None:
        """Take over a store, which lies at *place*; it has one user, who will `release` it."""
        self.store = store
        self.hub = Hub()
        self.recent = RecentEntries()
        self._queue: queue.SimpleQueue[_Append | _Change | None] = queue.SimpleQueue()
        self._users = 1
        self._putting = threading.Lock()
        self._closed = False
        self._place = place
        self._thread = threading.Thread(target=self._work, name="headway-recorder", daemon=True)
        self._thread.start()

    def append(self, entries: Sequence[Entry]) -> Future[list[Entry]]:
        """Ask for entries to be written, all or none; the future gives them as stored.

        A future that is cancelled before its commit begins leaves nothing; later it cannot be cancelled.
        """
        item = _Append(entries, Future())
        self._put(item)
        return item.future

    def change(self, session_id: str, work: Callable[[], Any]) -> Future[Any]:
        """Ask for another change of the store, in its turn between the appends."""
        item = _Change(work, session_id, Future())
        self._put(item)
        return item.future

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
        appends = [append for append in appends if append.future.set_running_or_notify_cancel()]
        if appends and (error := self._write(appends)) is not None:
            for append in appends:  # nothing was written: one by one, so that only the guilty fail
                if len(appends) > 1:
                    error = self._write([append])
                if error is not None:
                    append.future.set_exception(error)

    def _write(self, appends: list[_Append]) -> Exception | None:
        """Write the entries of some calls, wake the readers, answer the callers; or return why not."""
        entries = [entry for append in appends for entry in append.entries]
        watched = {e.session_id for e in entries if e.terminal and self.hub.watched(e.session_id)}
        try:
            stored = self.store.append(entries, watched) if entries else []
        except Exception as error:
            return error
        for session_id, group in by_session(stored).items():
            self.recent.add(group)
            self.hub.ring(session_id)
        rest = iter(stored)
        for append in appends:
            append.future.set_result(list(islice(rest, len(append.entries))))
        return None

    def _apply(self, change: _Change) -> None:
        if not change.future.set_running_or_notify_cancel():
            return
        try:
            result = change.work()
            if self.store.session(change.session_id) is None:
                self.recent.forget(change.session_id)
        except Exception as error:
            change.future.set_exception(error)
            return
        self.hub.ring(change.session_id)
        change.future.set_result(result)


_opening = threading.RLock()  # the garbage collector may release one logger while another is opened
_open: dict[tuple[str, str] | None, Recorder] = {}


def open_recorder(url: str) -> Recorder:
    """Return the recorder of the store that a URL names, for one more user, who will `release` it.

    A URL that names a place, such as ``json:logs``, is opened once in a process: a notebook cell that is run
    again gets the recorder that it has already. ``memory:`` names none, so each is a store of its own.
    """
    place = (os.getcwd(), url) if url.partition(":")[2] else None
    while True:
        with _opening:
            recorder = _open.get(place)
            if recorder is None:
                recorder = Recorder(open_store(url), place)
                if place is not None:
                    _open[place] = recorder
                return recorder
            if recorder._users:
                recorder._users += 1
                return recorder
        recorder.join()  # it is being closed
