"""The hub owns the bells that wake readers; a bell carries no payload.

A ring only says "look again", and which session's bell it was. What there is to see is in the store, so a
ring that is lost costs latency and never data.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Bell:
    """Wakes one reader, in the event loop in which it was made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._lock = threading.Lock()
        self._rung: set[str | None] = set()

    def ring(self, session_id: str | None) -> None:
        """Wake the reader. Callable from any thread; rings that the reader has not answered yet are one."""
        with self._lock:
            woken = bool(self._rung)
            self._rung.add(session_id)
        if woken:
            return
        try:
            self._loop.call_soon_threadsafe(self._event.set)
        except RuntimeError:  # the reader's loop is closed: nobody is left to be woken
            pass

    def clear(self) -> set[str | None]:
        """Be ready for the next ring, and return which sessions rang since the last one; None is every one.

        To be called *before* the read, else an append during it is lost.
        """
        self._event.clear()
        with self._lock:
            rung, self._rung = self._rung, set()
        return rung

    async def wait(self) -> None:
        """Wait for a ring since the last `clear`."""
        await self._event.wait()


class Hub:
    """The bells of one process. All methods are callable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: defaultdict[str | None, list[Bell]] = defaultdict(list)
        self._watching: Counter[str | None] = Counter()  # those of the bells whose readers are people's

    def ring(self, *session_ids: str) -> None:
        """Wake all who listen to one of the sessions, and all who listen to every session."""
        with self._lock:
            bells = [(bell, key) for key in session_ids for bell in self._bells.get(key, ())]
            bells += [(bell, key) for key in session_ids for bell in self._bells.get(None, ())]
        for bell, session_id in bells:
            bell.ring(session_id)

    def ring_all(self) -> None:
        """Wake everybody."""
        with self._lock:
            bells = [bell for listening in self._bells.values() for bell in listening]
        for bell in bells:
            bell.ring(None)

    @contextmanager
    def listen(self, session_id: str | None, *, watching: bool = True) -> Iterator[Bell]:
        """Give a bell that rings for the session, or for every session when it is None.

        Call it in the event loop that will wait for the bell.

        Parameters
        ----------
        watching
            Whether what is read is shown to somebody, who has then seen it.
        """
        bell = Bell()
        with self._lock:
            self._bells[session_id].append(bell)
            self._watching[session_id] += watching
        try:
            yield bell
        finally:
            with self._lock:
                self._bells[session_id].remove(bell)
                self._watching[session_id] -= watching
                if not self._bells[session_id]:
                    del self._bells[session_id], self._watching[session_id]

    def watched(self, session_id: str) -> bool:
        """Whether anybody watches the session now."""
        with self._lock:
            return self._watching.get(session_id, 0) > 0
