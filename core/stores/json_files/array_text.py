r"""The text of an array file: ``[\n{..},\n{..}\n]\n``, or whatever form another program gave it.

A write that is cut short (power loss, kill) can leave the last append torn. What is read is the longest
beginning that is whole; the damaged bytes behind it are for a ``.damaged-*`` file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from ...entry import Entry, decode
from .changes import CLOSE

FIRST = len(b"[\n")  # where the first entry begins in a file of ours
BLANK = b" \t\r\n\0[],"

_scan = json.JSONDecoder().raw_decode
_decode_all = msgspec.json.Decoder(list[Entry]).decode


@dataclass(frozen=True)
class ArrayText:
    """What is whole in the text of an array file.

    Attributes
    ----------
    entries
        With their places as offsets.
    begins, ends
        The bytes at which each begins, and those past it.
    foreign
        As in `Record`.
    damaged
        What is behind them and means something.
    """

    entries: list[Entry]
    begins: list[int]
    ends: list[int]
    foreign: int
    damaged: bytes

    @property
    def end(self) -> int:
        """The byte past the last entry; 0 without one."""
        return self.ends[-1] if self.ends else 0

    @property
    def last_offset(self) -> int:
        """The offset of the last entry; 0 without one."""
        return self.entries[-1].offset if self.entries else 0


def parse(content: bytes, session_id: str) -> ArrayText:
    """Return what is whole in an array file. An empty or wholly damaged one has no entries."""
    found = _parse_ours(content) or _parse_any(content)
    raw = [entry for _, _, entry in found]
    begins = [begin for begin, _, _ in found]
    ends = [end for _, end, _ in found]
    entries = placed(raw, session_id)
    end = ends[-1] if ends else 0
    rest = content[end:]
    damaged = rest if rest != CLOSE and rest.strip(BLANK) else b""
    return ArrayText(entries, begins, ends, _foreign(content, raw, entries, begins, ends), damaged)


def placed(entries: Iterable[Entry], session_id: str, after: int = 0) -> list[Entry]:
    """Return entries as their place in a log has them, behind the offset *after*.

    An offset of their own counts when it is beyond the one before; other programs' files lack them, and
    copies of a file have an old id.
    """
    found = []
    for entry in entries:
        offset = entry.offset if entry.offset > after else after + 1
        if entry.offset != offset or entry.session_id != session_id:
            entry = msgspec.structs.replace(entry, offset=offset, session_id=session_id)
        found.append(entry)
        after = offset
    return found


def _foreign(
    content: bytes, raw: list[Entry], entries: list[Entry], begins: list[int], ends: list[int]
) -> int:
    """Return the end of the last entry that is not as we write them."""
    for n in range(len(raw) - 1, -1, -1):
        between = content[ends[n - 1] if n else 0 : begins[n]]
        ours = between == (b",\n" if n else b"[\n") and raw[n].offset == entries[n].offset
        if not ours or content.find(b"\n", begins[n], ends[n]) >= 0:
            return ends[n]
    return 0


def _parse_ours(content: bytes) -> list[tuple[int, int, Entry]] | None:
    """Return the entries of a whole file of ours, quickly; None when it is something else."""
    if not (content.startswith(b"[\n{") and content.endswith(b"}" + CLOSE)):
        return None
    try:
        content.decode()  # msgspec does not look at the names of fields that it does not know
        entries = _decode_all(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    lines = content[FIRST : -len(CLOSE)].split(b",\n")
    if len(lines) != len(entries):
        return None
    found = []
    begin = FIRST
    for line, entry in zip(lines, entries, strict=True):
        found.append((begin, begin + len(line), entry))
        begin += len(line) + len(b",\n")
    return found


def _parse_any(content: bytes) -> list[tuple[int, int, Entry]]:
    return list(_scanned(content))


def _scanned(content: bytes) -> Iterator[tuple[int, int, Entry]]:
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
            content[begin:end].decode()  # what nobody looks at in an entry could be anything else
            entry = decode(content[begin:end])
        except (ValueError, RecursionError, msgspec.MsgspecError):
            return
        yield begin, end, entry
        place, comma = _skip(text, end), ","


def _skip(text: str, place: int) -> int:
    while text[place : place + 1] in (" ", "\t", "\n", "\r"):
        place += 1
    return place
