"""The journal of a folder: what was committed since the array files were last known to be on disk.

A commit is one line in the newest of its files, ``_journal.1``, ``_journal.2``... and one flush, however
many sessions it is about. An older file is deleted when all that it says is on disk elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .changes import Change, changes_of, line_of
from .disk import NEW, PRIVATE, READ, read_at, reserve, sync, sync_folder, write_at

PREFIX = "_journal."
RESERVE = 1 << 20  # bytes that are set aside at once
CHUNK = 1 << 16  # bytes read at once


def segments(folder: Path) -> list[Path]:
    """Return the files of a folder's journal, the oldest first."""
    names = [name for name in os.listdir(folder) if name.startswith(PREFIX)]
    return sorted((folder / name for name in names if name.removeprefix(PREFIX).isdecimal()), key=number_of)


def lines_of(content: bytes) -> tuple[list[list[Change]], bytes]:
    """Return what a file of the journal says, and what of it is damaged.

    Each line says itself whether it is whole, and a line counts only where its predecessors do, so those
    behind a damaged one are read, too.
    """
    lines, damaged = [], []
    for text in content.split(b"\n"):
        text = text.rstrip(b"\0")
        if changes := changes_of(text):
            lines.append(changes)
        elif text:
            damaged.append(text)
    return lines, b"\n".join(damaged)


class JournalChanged(Exception):
    """What was read of a journal is not there any more: its writer took it back, or went on elsewhere."""


class Tail:
    """A file of the journal that another process writes, read as it grows."""

    def __init__(self, path: Path) -> None:
        """Open the file."""
        self.number = number_of(path)
        self._place = 0  # up to here it was read
        self._last = b""  # the last line that was read
        self._descriptor = os.open(path, READ)

    @property
    def deleted(self) -> bool:
        """Whether all that it says is on disk elsewhere."""
        return os.fstat(self._descriptor).st_nlink == 0

    def news(self) -> list[list[Change]]:
        """Return the lines that have come since the last call.

        Raises
        ------
        JournalChanged
            The last line that was read is gone.
        """
        if read_at(self._descriptor, len(self._last), self._place - len(self._last)) != self._last:
            raise JournalChanged
        lines = self._whole_lines()
        found = []
        for n, line in enumerate(lines):
            changes = changes_of(line[:-1])
            if changes is None and n == len(lines) - 1:
                break  # half of it, perhaps
            self._place += len(line)
            self._last = line
            if changes is not None:
                found.append(changes)
        return found

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _whole_lines(self) -> list[bytes]:
        content = b""
        while b"\0" not in content[-CHUNK:]:  # behind the last line is what was set aside
            block = read_at(self._descriptor, CHUNK, self._place + len(content))
            content += block
            if len(block) < CHUNK:
                break
        return content[: content.rfind(b"\n") + 1].splitlines(keepends=True)


def number_of(path: Path) -> int:
    """Return the number of a file of the journal: a later one has a greater."""
    return int(path.name.removeprefix(PREFIX))


class Segment:
    """One file of the journal, open for writing. One thread at a time."""

    def __init__(self, folder: Path, number: int) -> None:
        """Make the file; its name is on disk then.

        Raises
        ------
        OSError
            It cannot be made; nothing is left of it.
        """
        self.number = number
        self.path = folder / f"{PREFIX}{number}"
        self.end = 0  # of the last line
        self._before = 0  # where the last line begins
        self._flushed = 0  # up to here it is on disk
        self._reserved = 0
        self._spoilt = False  # behind the end is what was not committed, or may be
        self._descriptor = os.open(self.path, NEW, PRIVATE)
        try:
            self._reserve(1)
            sync_folder(folder)
        except OSError:
            self.close()
            with suppress(OSError):
                self.path.unlink()
            raise

    @property
    def deleted(self) -> bool:
        """Whether somebody has deleted the file by hand."""
        return os.fstat(self._descriptor).st_nlink == 0

    def commit(self, changes: Sequence[bytes], *, flush: bool) -> None:
        """Write one line, and return when it is on disk, if it is to be flushed.

        Raises
        ------
        OSError
            Nothing was committed.
        """
        if self._spoilt:
            self._mend()
        line = line_of(changes)
        self._before = self.end
        self._spoilt = True
        try:
            if self.end + len(line) > self._reserved:
                self._reserve(len(line))
            write_at(self._descriptor, line, self.end)
            if flush:
                sync(self._descriptor)
        except BaseException:
            with suppress(OSError):  # the next commit does it first, then
                self._mend()
            raise
        self._spoilt = False
        self.end += len(line)
        if flush:
            self._flushed = self.end

    def take_back(self) -> None:
        """Take the last line back; if that fails, the next commit does it first."""
        self.end = self._before
        self._spoilt = True
        with suppress(OSError):
            self._mend()
            if self._flushed > self.end:
                self._flushed = self.end
                sync(self._descriptor)

    def flush(self) -> None:
        """Return when all lines are on disk."""
        if self._flushed < self.end:
            sync(self._descriptor)
            self._flushed = self.end

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _mend(self) -> None:
        """Cut off what is behind the end.

        After a flush that failed, the system takes what it could not write for written. Lines that were
        not flushed before may be among it, so they are written again.
        """
        os.ftruncate(self._descriptor, self.end)
        self._reserved = self.end
        flushed = min(self._flushed, self.end)
        write_at(self._descriptor, read_at(self._descriptor, self.end - flushed, flushed), flushed)
        self._spoilt = False

    def _reserve(self, count: int) -> None:
        count = max(count, RESERVE)
        reserve(self._descriptor, self.end, count)
        self._reserved = self.end + count
