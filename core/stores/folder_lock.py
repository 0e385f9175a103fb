"""One writer for each folder of logs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from ..errors import StoreLocked

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt


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
    file = open(folder / ".lock", "a+b")
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        file.seek(0)
        owner = file.read().decode("ascii", "replace").strip() or "unknown"
        file.close()
        raise StoreLocked(str(folder), owner) from None
    file.truncate(0)
    file.write(str(os.getpid()).encode())
    file.flush()
    return file
