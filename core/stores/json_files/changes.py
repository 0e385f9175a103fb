"""What one commit changes, as the journal and the file of records have it: JSON, one line each.

A line of the journal is a checksum and an array of changes: all of it counts, or nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import msgspec

from ...entry import Entry
from ...session import Session


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is known of a session without looking at its log.

    Attributes
    ----------
    length : int
        Bytes of the array file, or of the compressed one; 0 while there is none. A file of another length
        was changed by somebody else, and is read again.
    foreign : int
        Bytes at the beginning of the file whose entries do not all say their own offset, one on each line:
        another program wrote them. They are found by reading from the start.
    """

    session: Session
    length: int = 0
    foreign: int = 0

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self.session.session_id

    @property
    def packed(self) -> bool:
        """Whether the log is in the compressed file."""
        return self.session.archived and self.length > 0


class Appended(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="append", omit_defaults=True):
    """Entries were added to a log.

    Attributes
    ----------
    base : int
        The offset of the last entry before them; 0 when the log begins with them.
    place : int
        The byte of the array file at which they were written, with what separates them.
    watched : bool
        Somebody saw the session live: a run that ended left no notification.
    """

    session_id: str
    epoch: str
    base: int
    place: int
    entries: tuple[msgspec.Raw, ...]
    watched: bool = False

    @property
    def block(self) -> bytes:
        """What was written to the array file."""
        return block_of([bytes(line) for line in self.entries], self.place)


class Recorded(msgspec.Struct, frozen=True, tag_field="do", tag="record"):
    """A record was replaced by another one."""

    record: Record


class Deleted(msgspec.Struct, frozen=True, tag_field="do", tag="delete"):
    """A session was deleted, with all that is in the lines before this one."""

    session_id: str


Change = Appended | Recorded | Deleted

CLOSE = b"\n]\n"  # the end of every array file that we have written to

_encode = msgspec.json.Encoder().encode
_changes = msgspec.json.Decoder(list[Change]).decode


def block_of(lines: Sequence[bytes], place: int) -> bytes:
    """Return what is written at *place* to add entries to an array file: it stays an array."""
    return (b",\n" if place else b"[\n") + b",\n".join(lines) + CLOSE


def appended(session: Session, base: int, place: int, lines: Iterable[bytes], watched: bool) -> bytes:
    """Return the JSON form of `Appended`, from the bytes that the array file gets, too."""
    return b'{"do":"append","session_id":"%b","epoch":%b,"base":%d,"place":%d,%b"entries":[%b]}' % (
        session.session_id.encode(),
        _encode(session.epoch),
        base,
        place,
        b'"watched":true,' if watched else b"",
        b",".join(lines),
    )


def encoded(change: Recorded | Deleted) -> bytes:
    """Return the JSON form of a change."""
    return _encode(change)


def line_of(changes: Sequence[bytes]) -> bytes:
    """Return a line of the journal."""
    text = b"[" + b",".join(changes) + b"]"
    return b"%08x %b\n" % (zlib.crc32(text), text)


def changes_of(line: bytes) -> list[Change] | None:
    """Return what a line of the journal says; None when it is not whole."""
    try:
        checksum, _, text = line.partition(b" ")
        return _changes(text) if checksum == b"%08x" % zlib.crc32(text) else None
    except (UnicodeDecodeError, msgspec.MsgspecError):  # nothing of ours, though its sum is right
        return None


def begun(change: Appended, entry: Entry) -> Session:
    """Return the record of the log that a change begins, before its first entry is folded in."""
    return Session(
        session_id=change.session_id,
        title="",
        created_at=entry.timestamp,
        last_activity=entry.timestamp,
        epoch=change.epoch,
    )
