"""Taking up a log as its file is found: new, changed by somebody else, or torn by a crash.

The file is closed again as an array, what the journal has beyond it is added, and damaged bytes are put
aside in a ``.damaged-*`` file; nothing is ever deleted.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ...entry import Entry, decode
from ...session import Session
from ..commit import begin
from .array_text import BLANK, ArrayText, parse, placed
from .changes import CLOSE, Appended, Record, block_of
from .disk import PRIVATE, READ, WRITE, read_at, read_file, write_at

DAMAGED = ".damaged-"

_log = logging.getLogger("headway.stores.json")


def put_aside(path: Path, damaged: bytes) -> None:
    """Keep damaged bytes of a file beside it."""
    aside = path.with_name(f"{path.name}{DAMAGED}{time.time_ns()}")
    descriptor = os.open(aside, WRITE | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        write_at(descriptor, damaged, 0)
    finally:
        os.close(descriptor)
    _log.warning("damaged bytes of %s were put aside in %s", path, aside.name)


def has(path: Path, record: Record, chain: Sequence[Appended]) -> bool:
    """Whether a file ends with what the journal says, so that nobody need read all of it."""
    expected = b"".join(change.block[: -len(CLOSE)] for change in chain) + CLOSE
    try:
        descriptor = os.open(path, READ)
    except FileNotFoundError:
        return False
    try:
        place = chain[0].place
        return (
            os.fstat(descriptor).st_size == record.length == place + len(expected)
            and read_at(descriptor, len(expected), place) == expected
        )
    finally:
        os.close(descriptor)


def take_up(
    path: Path, session_id: str, known: Record | None, chain: Sequence[Appended] = ()
) -> Record | None:
    """Return the record of a log as it is now; None when there is nothing in it.

    Parameters
    ----------
    path
        Its array file, which is mended.
    known
        The record as it was.
    chain
        What the journal says was added, in order: what the file lacks of it is written to it.
    """
    try:
        content = read_file(path)
    except FileNotFoundError:
        content = b""
    sure = _sure(content, chain)
    if _says_more(content[sure:], chain):
        put_aside(path, content[sure:])
    text = parse(content[:sure], session_id)
    new, lost = lacking(text.last_offset, chain)
    if lost and content:
        put_aside(path, b"\n".join(lost))
    found = text.entries + placed(map(decode, new), session_id, text.last_offset)
    length = _mend(path, content, text, new)
    if not found:
        return None
    session = folded(session_id, known, found, chain)
    return Record(session=session, length=length, foreign=text.foreign)


def _sure(content: bytes, chain: Sequence[Appended]) -> int:
    """Return how far a file can be believed: up to the first bytes that are not those of the journal.

    What follows was not flushed: it may be anything, also what looks like an entry.
    """
    differing = [
        change.place for change in chain if not content.startswith(change.block[: -len(CLOSE)], change.place)
    ]
    return min([len(content), *differing])


def _says_more(rest: bytes, chain: Sequence[Appended]) -> bool:
    """Whether bytes that cannot be believed are more than the beginning of what the journal has."""
    expected = b"".join(change.block[: -len(CLOSE)] for change in chain)
    return rest.strip(BLANK) not in expected


def write_again(path: Path, change: Appended) -> None:
    """Write to an array file what it has already.

    After a flush that failed, the system takes what it could not write for written (see fsync(2), Linux):
    only what is written again is flushed.
    """
    block = change.block[: -len(CLOSE)]
    descriptor = os.open(path, WRITE)
    try:
        if os.fstat(descriptor).st_size >= change.place + len(block):
            write_at(descriptor, block, change.place)
    finally:
        os.close(descriptor)


def lacking(reached: int, chain: Sequence[Appended]) -> tuple[list[bytes], list[bytes]]:
    """Return the lines that follow an offset, and those that do not because something between is gone."""
    new: list[bytes] = []
    lost: list[bytes] = []
    for change in chain:
        lines = [bytes(line) for line in change.entries]
        if change.base > reached:
            lost += lines
            continue
        for line in lines:
            if (offset := decode(line).offset) > reached:
                new.append(line)
                reached = offset
    return new, lost


def _mend(path: Path, content: bytes, text: ArrayText, new: Sequence[bytes]) -> int:
    """Close the array, with new lines in it; return its length."""
    if text.damaged:
        put_aside(path, text.damaged)
    if not text.entries and not new:
        path.unlink(missing_ok=True)
        return 0
    block = block_of(new, text.end) if new else CLOSE
    if content[text.end :] != block:
        descriptor = os.open(path, WRITE | os.O_CREAT, PRIVATE)
        try:
            write_at(descriptor, block, text.end)
            os.ftruncate(descriptor, text.end + len(block))
        finally:
            os.close(descriptor)
    return text.end + len(block)


def folded(
    session_id: str, known: Record | None, entries: Sequence[Entry], chain: Sequence[Appended] = ()
) -> Session:
    """Return the record that a log's entries make of what was known of it."""
    if known is None:
        session = begin(entries[0])
        if chain:
            session = msgspec.structs.replace(session, epoch=chain[0].epoch)
    elif known.session.last_offset > entries[-1].offset:  # what it counts is gone: this is another log
        session = Session(
            session_id=session_id,
            title=known.session.title,
            created_at=known.session.created_at,
            last_activity=known.session.last_activity,
        )
    else:
        session = msgspec.structs.replace(known.session, archived=False)
    for entry in entries:
        if entry.offset > session.last_offset:
            session = session.after(entry)
    return session
