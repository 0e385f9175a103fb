"""The array files that are open for writing, those used last. One thread at a time."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from ...entry import Entry
from ..commit import Facts
from .archive import text_of, unpacked
from .changes import CLOSE, Record
from .disk import NEW, PRIVATE, WRITE, read_at, write_at, write_file
from .lines import LogText

SUFFIX = "_progress.json"
OPEN_LOGS = 512  # a system allows a process 1,024 open files or more
SURE = 50_000_000  # nanoseconds after which another change of the folder gets another time


class Log:
    """One array file, and what the next entries are checked against.

    It is `headway.stores.commit.Known`: the file is read when that is asked for first.

    Attributes
    ----------
    replaced
        Whether another file than the last time was seen under the name, or none.
    """

    __slots__ = ("_content", "_descriptor", "_facts", "_inode", "_seen", "path", "record", "replaced")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record: Record | None = None
        self.replaced = False
        self._descriptor: int | None = None
        self._inode = 0  # of the file that was seen; 0 before
        self._seen: int | None = None  # the folder's time when it was seen
        self._facts: Facts | None = None
        self._content: bytes | None = None  # of a compressed log, while there is no array file

    @property
    def packed(self) -> bool:
        """Whether the log is still in its compressed file."""
        return self._content is not None

    def unpack(self, record: Record) -> Record:
        """Take the log from its compressed file, and return the record that its array file will have."""
        if self._content is None:
            self.close()
            self._content = unpacked(self.path)
        self.record = Record(session=record.session, length=len(self._content))
        return self.record

    def fits(self, record: Record | None, now: int | None) -> bool:
        """Whether the file is what is known of it: files come and go by hand.

        Parameters
        ----------
        record
            What is known.
        now
            The folder's time: while that is the same, so are the files that are in it. None when it does
            not tell.
        """
        self.record, self._content = record, None
        if now is not None and now == self._seen:
            return True
        try:
            found = os.stat(self.path)
            inode, length = found.st_ino, found.st_size or -1  # an empty file is none of ours
        except FileNotFoundError:
            inode, length = 0, 0
        self.replaced = self._inode not in (0, inode)
        self._inode, self._seen = inode, now
        return not self.replaced and length == (record.length if record else 0)

    def offset(self, key: str) -> int | None:
        """Return the offset of the entry that has an idempotency key."""
        return self._known().offset(key)

    def ending(self, run_id: str) -> str | None:
        """Return the status of a run's terminal entry."""
        return self._known().ending(run_id)

    def entry(self, offset: int) -> Entry:
        """Return the entry that has an offset."""
        return self._text().entries(offset - 1, 1)[0]

    def restore(self) -> None:
        """Write the array file of a log that is compressed, durably."""
        if self._content is not None:
            write_file(self.path, self._content)

    def write(self, block: bytes, place: int) -> None:
        """Write a block that closes the array behind an entry, or makes the file; not flushed."""
        write_at(self._open(new=not place), block, place)

    def undo(self) -> None:
        """Make the file what it was before the last `write`."""
        length = self.record.length if self.record else 0
        if length:
            write_at(self._open(), CLOSE, length - len(CLOSE))
            os.ftruncate(self._open(), length)
        elif self._descriptor is not None:
            self.path.unlink(missing_ok=True)
            self.close()

    def learn(self, entries: Iterable[Entry]) -> None:
        """Take note of what was committed."""
        if self._facts is not None:
            for entry in entries:
                self._facts.learn(entry)

    def close(self) -> None:
        """Forget all that is known of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._inode, self._seen = None, 0, None
        self._facts = self._content = None

    def _known(self) -> Facts:
        if self._facts is None:
            facts = Facts()
            if self.record is not None and self.record.length:
                for entry in self._text().entries():
                    facts.learn(entry)
            self._facts = facts
        return self._facts

    def _text(self) -> LogText:
        assert self.record is not None  # a log without a file has no entries
        if self._content is not None:
            return text_of(self._content, self.record)
        return LogText(partial(read_at, self._open()), self.record, self.record.length)

    def _open(self, *, new: bool = False) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, NEW if new else WRITE, PRIVATE)
            self._inode = os.fstat(self._descriptor).st_ino
        return self._descriptor


class Logs:
    """The logs of a folder, as many as may be open."""

    def __init__(self, folder: Path, descriptor: int | None) -> None:
        self._folder = folder
        self._descriptor = descriptor
        self._logs: OrderedDict[str, Log] = OrderedDict()

    def now(self) -> int | None:
        """Return the folder's time; None when a change of just now may have the same, or it was deleted."""
        if self._descriptor is None:
            return None
        folder = os.fstat(self._descriptor)
        sure = folder.st_nlink and time.time_ns() - folder.st_mtime_ns > SURE
        return folder.st_mtime_ns if sure else None

    def __getitem__(self, session_id: str) -> Log:
        log = self._logs.get(session_id)
        if log is None:
            log = self._logs[session_id] = Log(self._folder / (session_id + SUFFIX))
        else:
            self._logs.move_to_end(session_id)
        return log

    def drop(self, session_id: str) -> None:
        """Close a log, when it is open."""
        if (log := self._logs.pop(session_id, None)) is not None:
            log.close()

    def trim(self) -> None:
        """Close those that were not used for longest."""
        while len(self._logs) > OPEN_LOGS:
            self._logs.popitem(last=False)[1].close()

    def close(self) -> None:
        """Close all."""
        while self._logs:
            self._logs.popitem()[1].close()
