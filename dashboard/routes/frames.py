"""What goes over a progress socket: entries as messages, messages as frames (RFC 6455, 5.2)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from headway.entry import Entry
from headway.stores import Excerpt

from .coalesce import coalesce

CHUNK = 64 * 1024  # bytes of entries that are sent to a reader at once; the most that it may keep waiting

_offset = attrgetter("offset")


class Form(NamedTuple):
    """How a reader wants its entries."""

    batch: bool = False
    """As JSON arrays instead of one message for each entry."""
    live: bool = False
    """Without the updates that `coalesce` leaves out."""

    @property
    def page(self) -> int:
        """How many entries are read at once: about a chunk of them, or what may come in a `PERIOD`."""
        return 1_000 if self.live else 256

    def chunks(
        self, found: Excerpt, up_to: int | None = None, before: Entry | None = None
    ) -> Iterator[tuple[list[bytes], Entry]]:
        """Yield the messages of each chunk, with the last entry that they tell.

        Parameters
        ----------
        found
            What the log has for the reader.
        up_to
            The last offset that may be told.
        before
            The last entry that the reader got.
        """
        end = len(found.entries) if up_to is None else bisect_right(found.entries, up_to, key=_offset)
        entries, encoded = found.entries[:end], found.encoded[:end]
        if self.live:
            places = coalesce(entries, before)
            entries, encoded = [entries[n] for n in places], [encoded[n] for n in places]
        while encoded:
            fit = fitting(encoded)
            part = encoded[:fit]
            yield [b"[%b]" % b",".join(part)] if self.batch else part, entries[fit - 1]
            entries, encoded = entries[fit:], encoded[fit:]


def fitting(encoded: Sequence[bytes]) -> int:
    """Return how many entries, from the first on, make a chunk: as many as `CHUNK` holds, at least one."""
    size = 0
    for count, entry in enumerate(encoded):
        size += len(entry)
        if count and size > CHUNK:
            return count
    return len(encoded)


def framed(messages: Sequence[bytes]) -> bytes:
    """Return text messages as the unmasked frames that a server sends, joined: one send for all of them."""
    parts = []
    for message in messages:
        parts.append(_head(len(message)))
        parts.append(message)
    return b"".join(parts)


def _head(size: int) -> bytes:
    """Return what stands before a final text frame's payload."""
    if size < 126:
        return bytes((0x81, size))
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")
