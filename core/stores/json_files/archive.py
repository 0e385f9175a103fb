"""Compressed logs: ``{session_id}_progress.json.gz``, until the next entry comes.

Either file is whole before the other one goes, and the record says which one is the log: a crash in between
costs nothing.
"""

from __future__ import annotations

import errno
import gzip
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from ...entry import Entry
from ...session import archived
from .array_text import parse
from .changes import Record, block_of
from .disk import read_file, write_file
from .lines import LogText
from .mending import DAMAGED, folded

PACKED = ".gz"  # behind the array file's name

Keep = Callable[[Sequence[Entry]], Sequence[Entry]]


class ArchiveDamaged(OSError):
    """A compressed log cannot be read; it is left as it is."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EIO, f"the compressed log {path.name!r} is damaged")


def packed_path(path: Path) -> Path:
    """Return the compressed file that stands for an array file."""
    return path.with_name(path.name + PACKED)


def delete_files(path: Path, *, damaged: bool) -> None:
    """Delete the files of a log, and what is put aside beside them, if there is anything."""
    path.unlink(missing_ok=True)
    packed_path(path).unlink(missing_ok=True)
    if damaged:
        for aside in path.parent.glob(f"{path.name}*{DAMAGED}*"):
            aside.unlink(missing_ok=True)


def pack(path: Path, record: Record, keep: Keep) -> Record:
    """Write what is kept of a log to its compressed file, durably, and return its record.

    The array file stays; it can go when the record is on disk.
    """
    content = unpacked(path) if record.packed else read_file(path)
    text = parse(content, record.session_id)
    places = {entry.offset: place for entry, *place in zip(text.entries, text.begins, text.ends, strict=True)}
    kept = keep(text.entries)
    lines = [_line(content[slice(*places[entry.offset])], entry) for entry in kept]
    packed = gzip.compress(block_of(lines, 0), mtime=0)
    write_file(packed_path(path), packed)
    return Record(session=archived(record.session, kept), length=len(packed))


def unpacked(path: Path) -> bytes:
    """Return what the compressed file that stands for an array file has.

    Raises
    ------
    ArchiveDamaged
        It is no gzip file, or not a whole one.
    """
    try:
        return gzip.decompress(read_file(packed_path(path)))
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ArchiveDamaged(packed_path(path)) from None


def text_of(content: bytes, record: Record) -> LogText:
    """Return the log of an array that is in memory."""
    return LogText(lambda count, place: content[place : place + count], record, len(content))


def take_up_packed(path: Path, session_id: str, known: Record | None) -> Record | None:
    """Return the record of a compressed log as its file is found; None when nothing is in it."""
    text = parse(unpacked(path), session_id)
    if not text.entries:
        return None
    session = msgspec.structs.replace(folded(session_id, known, text.entries), archived=True)
    return Record(session=session, length=packed_path(path).stat().st_size)


def _line(raw: bytes, entry: Entry) -> bytes:
    """Return an entry's line, with all that another program may have written into it."""
    fields = msgspec.json.decode(raw) | {"session_id": entry.session_id, "offset": entry.offset}
    return msgspec.json.encode(fields)
