r"""One JSON array file that grows in place: valid JSON after every append, never rewritten.

The layout is ``[\n{..},\n{..}\n]\n``. An append is one write of ``,\n{..}\n]\n`` at the byte past the last
``}``: only the closing bracket is written over. So an append costs the same however long the log is.

A write that is cut short (power loss, kill) can leave the last append torn. The next open keeps every entry
that is whole, puts the damaged bytes aside in a ``.damaged-*`` file and closes the array again; nothing is
ever deleted. A reader in another process may see half an append: it should read again.
"""

from __future__ import annotations

import json
import os
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from ..entry import Entry, decode, encode

_CLOSE = b"\n]\n"
_scan = json.JSONDecoder().raw_decode
sync = getattr(os, "fdatasync", os.fsync)  # Windows and macOS have no fdatasync


def sync_folder(folder: Path) -> None:
    """Return when a new file's name is on disk, too; a file's own flush does not promise that."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class JsonArrayFile:
    """The log of one session as a JSON array of entries.

    Reads are safe from any thread while one thread appends.
    """

    def __init__(self, path: Path, session_id: str, learn: Callable[[Entry], None]) -> None:
        """Open the file, made by the first append when there is none, and mend a torn end.

        *learn* is called with each entry that is in it, in order.
        """
        self.path = path
        self._session_id = session_id
        self._learn = learn
        self._spoilt = False  # an `undo` failed: what follows the last entry is not the closing bracket
        self._pending: list[tuple[int, int]] = []  # places of what was written and not accepted yet
        self._begins = array("q")  # where each entry begins, in bytes
        self._ends = array("q")  # and the byte past its closing brace
        self._lock = threading.Lock()  # over the two, and over seek + read
        self._file: Any = self._open_file(path) if path.exists() else None

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def size(self) -> int:
        """The size of the whole array in bytes; 0 when the file is not there yet."""
        return self._end + len(_CLOSE) if self._file is not None else 0

    @property
    def deleted(self) -> bool:
        """Whether somebody has deleted, moved or replaced the file by hand since it was opened."""
        if self._file is None:
            return False
        try:
            return not os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.path))
        except FileNotFoundError:
            return True

    @property
    def _end(self) -> int:
        return self._ends[-1] if self._ends else 1  # past the opening bracket

    def write(self, entries: Sequence[Entry]) -> None:
        """Write entries behind the last one, not flushed yet: `sync` and then `accept`, or else `undo`."""
        lines = [encode(entry) for entry in entries]
        if self._spoilt:
            self.undo()
        if self._file is None:
            self._file = open(self.path, "x+b", buffering=0)
            os.chmod(self.path, 0o600)
        start = b",\n" if self._ends else b"[\n"
        place = self._end if self._ends else 0
        with self._lock:
            _write_at(self._file, place, start + b",\n".join(lines) + _CLOSE)
        for line in lines:
            begin = place + len(start)  # ",\n" stands between entries, as long as "[\n" before the first
            place = begin + len(line)
            self._pending.append((begin, place))

    def sync(self) -> None:
        """Return when what was written is on disk."""
        if self._file is not None:
            sync(self._file.fileno())

    def accept(self) -> None:
        """Show what was written to readers."""
        with self._lock:
            for begin, end in self._pending:
                self._begins.append(begin)
                self._ends.append(end)
            self._pending.clear()

    def undo(self) -> None:
        """Take back what was written and not accepted; if that fails, the next `write` does it first."""
        self._pending.clear()
        if self._file is None and not self._spoilt:
            return
        self._spoilt = True
        with self._lock:
            if self._ends:
                _write_at(self._file, self._end, _CLOSE)
                self._file.truncate(self._end + len(_CLOSE))
            else:
                self.close()
                self._file = None
                self.path.unlink(missing_ok=True)
        self._spoilt = False

    def read(self, since: int = 0, limit: int | None = None) -> list[Entry]:
        """Return the entries after offset *since*, at most *limit*."""
        with self._lock:
            stop = len(self._ends) if limit is None else min(len(self._ends), since + limit)
            if self._file is None or since >= stop:
                return []
            first = self._begins[since]
            self._file.seek(first)
            block = _read_all(self._file, self._ends[stop - 1] - first)
            bounds = [(self._begins[n] - first, self._ends[n] - first) for n in range(since, stop)]
        return [self._placed(decode(block[a:b]), n) for n, (a, b) in enumerate(bounds, since + 1)]

    def close(self) -> None:
        """Close the file; the object is of no use then."""
        if self._file is not None:
            self._file.close()

    def _open_file(self, path: Path) -> Any:
        with ExitStack() as on_error:
            file = on_error.enter_context(open(path, "r+b", buffering=0))
            content = _read_all(file, os.fstat(file.fileno()).st_size)
            for begin, end, entry in _entries(content):
                self._begins.append(begin)
                self._ends.append(end)
                self._learn(self._placed(entry, len(self._ends)))
            if not self._ends or content[self._end :] != _CLOSE:
                self._put_aside(content)
                if not self._ends:  # nothing in it is an entry: the log begins anew
                    path.unlink()
                    return None
                _write_at(file, self._end, _CLOSE)
                file.truncate(self._end + len(_CLOSE))
                sync(file.fileno())
            on_error.pop_all()
            return file

    def _placed(self, entry: Entry, offset: int) -> Entry:
        """Return the entry as its place has it: other programs' files lack offsets, copies have an old id."""
        if entry.offset == offset and entry.session_id == self._session_id:
            return entry
        return msgspec.structs.replace(entry, offset=offset, session_id=self._session_id)

    def _put_aside(self, content: bytes) -> None:
        damaged = content[self._end if self._ends else 0 :]
        if damaged.strip(b" \t\r\n\0[],"):
            aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            aside.write_bytes(damaged)


def _write_at(file: Any, place: int, block: bytes) -> None:
    file.seek(place)
    write_all(file, block)


def write_all(file: Any, block: bytes) -> None:
    """Write a block to an unbuffered file, to its last byte."""
    view = memoryview(block)
    while view:  # an unbuffered write may take a part only
        view = view[file.write(view) :]


def _read_all(file: Any, size: int) -> bytes:
    parts = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _entries(content: bytes) -> Iterator[tuple[int, int, Entry]]:
    """Yield the whole entries of the longest valid beginning of an array, each with its begin and end.

    Any JSON array is read, whatever its white space. Latin-1 makes one character of each byte, so the
    places in the text are places in the file; JSON's structure is ASCII (RFC 8259, 2), so it stays.
    """
    text = content.decode("latin-1")
    place = _skip(text, 0)
    comma = "["
    while text[place : place + 1] == comma:
        begin = _skip(text, place + 1)
        try:
            _, end = _scan(text, begin)
            entry = decode(content[begin:end])
        except (ValueError, RecursionError, msgspec.MsgspecError):
            return
        yield begin, end, entry
        place, comma = _skip(text, end), ","


def _skip(text: str, place: int) -> int:
    while text[place : place + 1] in (" ", "\t", "\n", "\r"):
        place += 1
    return place
