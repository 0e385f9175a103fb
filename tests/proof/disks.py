"""Disks that are full, or turn read-only, and get well again while a server writes to them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from .server import HeadwayServer

UNLIMITED = -1


class Disk:
    """A folder, and a fault of its disk that begins and ends while a server uses it.

    Attributes
    ----------
    fault
        What is wrong, in a word or two.
    """

    fault = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fail(self, server: HeadwayServer) -> None:
        """Begin to refuse what is written."""
        raise NotImplementedError

    def heal(self, server: HeadwayServer) -> None:
        """Take everything again."""
        raise NotImplementedError


class Limited(Disk):
    """No file may grow beyond a size (``RLIMIT_FSIZE``): EFBIG, and no right of root is needed."""

    fault = "limited file size"

    def fail(self, server: HeadwayServer) -> None:
        self._limit(server, 150_000)

    def heal(self, server: HeadwayServer) -> None:
        self._limit(server, UNLIMITED)

    def _limit(self, server: HeadwayServer, size: int) -> None:
        import resource

        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))


class Small(Disk):
    """A file system of 64 MB of which somebody else takes all that is left: ENOSPC."""

    fault = "full"

    def fail(self, server: HeadwayServer) -> None:
        with suppress(OSError), open(self._ballast, "wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(1 << 16))

    def heal(self, server: HeadwayServer) -> None:
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


class ReadOnly(Disk):
    """A file system that turns read-only under its writers, as ext4 does on an error: EROFS.

    To do it to a mount is not possible while files are open for writing, so strace answers the calls.
    """

    fault = "read-only"

    def fail(self, server: HeadwayServer) -> None:
        inject = ["-e", "trace=pwrite64,ftruncate", "-e", "inject=pwrite64,ftruncate:error=EROFS"]
        self._strace = subprocess.Popen(
            ["strace", "-f", "-p", str(server.pid), *inject, "-o", os.devnull],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._strace.stderr is not None
        said = self._strace.stderr.readline()
        assert "attached" in said, said

    def heal(self, server: HeadwayServer) -> None:
        self._strace.send_signal(signal.SIGINT)
        self._strace.communicate(timeout=30)


@contextmanager
def disk(kind: type[Disk], folder: Path) -> Iterator[Disk]:
    """Give a disk of a kind; the test is skipped where it cannot be had."""
    place = folder / "disk"
    place.mkdir()
    with ExitStack() as stack:
        if kind is Small:
            stack.enter_context(mounted(place, "size=64m"))
        if kind is ReadOnly and shutil.which("strace") is None:
            pytest.skip("no strace: `apt install strace`")
        yield kind(place)


@contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    """Mount a file system of its own at a folder."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"cannot mount a file system here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
