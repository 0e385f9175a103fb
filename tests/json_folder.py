"""What the tests of the json store share."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from headway.stores import Store, open_store
from headway.stores.json_files.journal import segments

SECONDS = 30


def reopened(store: Store) -> Store:
    """Close a store and open it again."""
    store.close()
    return open_store(str(store))


def journal_of(folder: Path) -> bytes:
    """Return what is in the journal of a folder."""
    while True:
        with suppress(FileNotFoundError):  # a checkpoint was quicker
            return b"".join(path.read_bytes().rstrip(b"\0") for path in segments(folder))


def flushes(work: Callable[[], object]) -> Counter:
    """Count the system's flushes that a call makes in this thread."""
    counted: Counter = Counter()

    def see(frame, event, function):
        if event == "c_call" and function in (os.fsync, os.fdatasync):
            counted[function.__name__] += 1

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted
