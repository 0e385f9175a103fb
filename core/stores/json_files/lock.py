"""One writer for each folder of logs."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from ...errors import StoreLocked

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def lock_folder(folder: Path) -> IO[bytes]:
    """Take the folder for this process, until the returned file is closed or the process ends.

    ``flock`` and not POSIX locks: closing *any* descriptor of a file drops a process's POSIX locks on it.

    Raises
    ------
    StoreLocked
        Another process has it; the message names its process id.
    OSError
        The folder cannot be written to.
    """
    with ExitStack() as unless_locked:
        file = unless_locked.enter_context(open(folder / ".lock", "a+b"))
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):  # what the other system's call raises, too
            file.seek(0)
            owner = file.read().decode("ascii", "replace").strip() or "unknown"
            raise StoreLocked(str(folder), owner) from None
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        unless_locked.pop_all()
        return file


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        file.seek(1024)  # past the process id: a locked byte cannot be read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
