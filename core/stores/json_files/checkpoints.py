"""Making room in the journal, in a thread of its own, so that no commit waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

FULL = 8 << 20  # bytes of the journal
IDLE = 5.0  # seconds without a commit after which it is emptied
AGAIN = 5.0  # seconds from a failure to the next attempt

_log = logging.getLogger("headway.stores.json")


class Checkpoints:
    """Calls some work when the journal is full, and when nobody has committed for a while."""

    def __init__(self, place: str, work: Callable[[], None], look: Callable[[], None]) -> None:
        """Do the work now and from now on; what it raises, the disk being full, is tried again.

        *look* is called once, after the first attempt. *place* is what messages call the journal's folder.
        """
        self._place = place
        self._work = work
        self._look = look
        self._commits = 0
        self._due = threading.Event()  # there is something in the journal
        self._now = threading.Event()  # it is full, or nobody will commit any more
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headway-checkpoints", daemon=True)
        self._thread.start()

    def committed(self, end: int) -> None:
        """Say that there was a commit, and how long the journal is now."""
        self._commits += 1
        if not self._due.is_set():
            self._due.set()
        if end >= FULL:
            self.hurry()

    def hurry(self) -> None:
        """Have the work done as soon as can be."""
        self._now.set()

    def stop(self) -> None:
        """Do nothing any more; what is under way is finished."""
        self._over.set()
        self.hurry()
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        self._attempt(self._work)
        self._attempt(self._look)
        while not self._over.is_set():
            self._due.wait()
            self._wait_for_a_pause()
            if self._over.is_set():
                return
            self._due.clear()
            self._now.clear()
            self._attempt(self._work)

    def _wait_for_a_pause(self) -> None:
        seen = -1
        while seen != self._commits:
            seen = self._commits
            if self._now.wait(IDLE):
                return

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:  # the journal has it all the same
            _log.warning("the journal of %s cannot be emptied yet: %s", self._place, error)
            self._over.wait(AGAIN)
            self._due.set()
