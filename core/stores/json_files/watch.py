"""Notices that files of a folder are gone, also when nobody asks for what was in them."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

EVERY = 1.0  # seconds between two looks at the folder's time
PART = 20  # reading the folder takes at most one part in so many of the time
SURE = 50_000_000  # nanoseconds after which another change of the folder gets another time

_log = logging.getLogger("headway.stores.json")


class FolderWatch:
    """Calls *look* with the names of a folder's files whenever some have come or gone."""

    def __init__(self, folder: Path, look: Callable[[set[str]], None]) -> None:
        """Begin to watch, in a thread of its own."""
        self._folder = folder
        self._look = look
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headway-folder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; a look that is under way is finished."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        seen, pause = 0, EVERY
        while not self._over.wait(pause):
            pause = EVERY
            try:
                changed = os.stat(self._folder).st_mtime_ns
                if changed != seen:
                    begun = time.monotonic()
                    self._look(set(os.listdir(self._folder)))
                    pause = max(EVERY, PART * (time.monotonic() - begun))
                    seen = changed if time.time_ns() - changed > SURE else 0
            except OSError as error:  # whoever writes or reads is told
                _log.debug("cannot look at %s: %s", self._folder, error)
