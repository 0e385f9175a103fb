"""A part of a log, from the array file that has it: whatever the log's length, little more is read.

Entries as we write them stand one on a line and say their offset, so the first one wanted is found by
halving the file. Those of other programs, at the beginning of a file, are read whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from operator import attrgetter
from typing import ClassVar

import msgspec

from ...entry import Entry
from .array_text import FIRST, parse, placed
from .changes import CLOSE, Record

CHUNK = 64 * 1024  # bytes read at once
HEADS = 2  # logs of other programs that are kept in memory, read

_decode_all = msgspec.json.Decoder(list[Entry]).decode
_offset = attrgetter("offset")


class LogChanged(Exception):
    """The file has not what is known of it: somebody else changed it, or we did just now."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the log {name!r} is not as it was left")


class _Placed(msgspec.Struct):
    offset: int


_decode_offset = msgspec.json.Decoder(_Placed).decode


class LogText:
    """The entries of one array file, up to the closing bracket that is known."""

    _heads: ClassVar[dict[tuple[str, int], list[Entry]]] = {}  # (epoch, bytes) -> what another program wrote

    def __init__(self, read: Callable[[int, int], bytes], record: Record, length: int) -> None:
        """Take what *read* (count, place) reads: an array of *length* bytes."""
        self._read = read
        self._record = record
        self._begin = record.foreign + len(b",\n") if record.foreign else FIRST
        self._end = length - len(CLOSE)

    def entries(self, since: int = 0, limit: int | None = None) -> list[Entry]:
        """Return the entries after offset *since*, at most *limit*.

        Raises
        ------
        LogChanged
            The file is another one than was told.
        """
        found = self._head(since)
        if limit is None or len(found) < limit:
            found += self._lines(since, None if limit is None else limit - len(found))
        return found[:limit]

    def _head(self, since: int) -> list[Entry]:
        """Return what another program wrote, after an offset."""
        foreign = self._record.foreign
        if not foreign:
            return []
        key = (self._record.session.epoch, foreign)
        head = self._heads.get(key)
        if head is None:
            text = parse(self._bytes(foreign, 0), self._record.session_id)
            if text.end != foreign:
                raise LogChanged(self._record.session_id)
            if len(self._heads) >= HEADS:
                self._heads.clear()
            head = self._heads[key] = text.entries
        return head[bisect_right(head, since, key=_offset) :]

    def _lines(self, since: int, limit: int | None) -> list[Entry]:
        """Return entries of those that stand one on a line."""
        place = self._line_before(since) if since else self._begin
        found: list[Entry] = []
        while place < self._end and (limit is None or len(found) < limit):
            block = self._whole_lines(place)
            try:
                block.decode()  # msgspec does not look at the names of fields that it does not know
                entries = _decode_all(b"[" + block + b"]")
            except (msgspec.MsgspecError, UnicodeDecodeError):
                raise LogChanged(self._record.session_id) from None
            found += [entry for entry in entries if entry.offset > since]
            place += len(block) + len(b",\n")
        return placed(found[:limit], self._record.session_id)

    def _line_before(self, since: int) -> int:
        """Return where a line begins that is not far before the first one after an offset."""
        low, high = self._begin, self._end
        while high - low > CHUNK:
            middle = (low + high) // 2
            start = self._next_line(middle, high)
            if start is None:
                high = middle
            elif self._offset_at(start) > since:
                high = start
            else:
                low = start
        return low

    def _next_line(self, place: int, end: int) -> int | None:
        """Return where the next line begins after a place and before an end."""
        while place < end:
            block = self._bytes(min(CHUNK, end - place), place)
            if (at := block.find(b"\n")) >= 0:
                return place + at + 1 if place + at + 1 < end else None
            place += len(block)
        return None

    def _offset_at(self, place: int) -> int:
        line = self._whole_lines(place, count=4096)
        try:
            return _decode_offset(line.partition(b"\n")[0].rstrip(b",")).offset
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise LogChanged(self._record.session_id) from None

    def _whole_lines(self, place: int, count: int = CHUNK) -> bytes:
        """Return some lines from one on, at least one, without what separates the last from the next."""
        while True:
            block = self._bytes(min(count, self._end - place), place)
            if place + len(block) == self._end:
                return block
            if (cut := block.rfind(b",\n")) > 0:
                return block[:cut]
            count *= 2

    def _bytes(self, count: int, place: int) -> bytes:
        block = self._read(count, place)
        if len(block) < count:
            raise LogChanged(self._record.session_id)
        return block
