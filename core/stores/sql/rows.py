"""What entries and sessions look like in the tables."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ...entry import Entry, decode, encode
from ...session import Session

# PostgreSQL's texts cannot hold NUL. A mark of the private use area stands for it, and "mark 1" for itself.
_MARK = "\ue000"


class EntryRow(msgspec.Struct, omit_defaults=True):
    """An entry as it stands in its table; what has no column of its own is in ``extra``."""

    session: int
    offset: int
    timestamp: str
    step: str
    message: str
    step_number: int
    total_steps: int
    run_id: str | None = None
    status: str | None = None  # of terminal entries only
    key: str | None = None
    extra: str | None = None


class SessionRow(msgspec.Struct):
    """A session as it stands in its table: the record, and what the database looks for."""

    key: int | None
    folded: str
    session_id: str
    last_activity: str
    active: bool
    record: str


class _Extra(msgspec.Struct, omit_defaults=True):
    fraction: float | None = None
    run_fraction: float | None = None
    eta_seconds: float | None = None
    data: dict[str, Any] | None = None


_NOTHING = _Extra()
_encoder = msgspec.json.Encoder()
_extra_decoder = msgspec.json.Decoder(_Extra)
_session_decoder = msgspec.json.Decoder(Session)


def to_json(value: Any) -> str:
    """Return the JSON form of rows, as a statement takes them."""
    return _encoder.encode(value).decode()


def entry_row(session: int, entry: Entry) -> EntryRow:
    """Return the row of an entry of the session with a key."""
    extra = _Extra(entry.fraction, entry.run_fraction, entry.eta_seconds, entry.data)
    return EntryRow(
        session,
        entry.offset,
        entry.timestamp,
        without_nul(entry.step),
        without_nul(entry.message),
        entry.step_number,
        entry.total_steps,
        entry.run_id,
        entry.status if entry.terminal else None,
        None if entry.key is None else without_nul(entry.key),
        None if extra == _NOTHING else to_json(extra),
    )


def entry_of(session_id: str, row: Sequence[Any]) -> Entry:
    """Return the entry of a row, whose columns are those of `EntryRow` from ``offset`` on."""
    offset, timestamp, step, message, step_number, total_steps, run_id, status, key, extra = row
    more = _NOTHING if extra is None else _extra_decoder.decode(extra)
    return Entry(
        timestamp=timestamp,
        step=with_nul(step),
        message=with_nul(message),
        step_number=step_number,
        total_steps=total_steps,
        session_id=session_id,
        offset=offset,
        run_id=run_id,
        status=status or "running",
        fraction=more.fraction,
        run_fraction=more.run_fraction,
        eta_seconds=more.eta_seconds,
        data=more.data,
        key=None if key is None else with_nul(key),
    )


def session_row(key: int | None, session: Session) -> SessionRow:
    """Return the row of a session; one that is not there yet has no key."""
    return SessionRow(
        key,
        session.session_id.lower(),
        session.session_id,
        session.last_activity,
        bool(session.active_runs),
        to_json(session),
    )


def session_of(record: str) -> Session:
    """Return the session of a record."""
    return _session_decoder.decode(record)


def pack(entries: Iterable[Entry]) -> bytes:
    """Return entries compressed."""
    return zlib.compress(b"\n".join(map(encode, entries)))


def unpack(packed: bytes) -> list[Entry]:
    """Return the entries that `pack` compressed."""
    return [decode(line) for line in zlib.decompress(packed).splitlines()]


def without_nul(text: str) -> str:
    """Return a text that PostgreSQL can hold; `with_nul` gives it back."""
    if "\0" in text or _MARK in text:
        return text.replace(_MARK, _MARK + "1").replace("\0", _MARK + "0")
    return text


def with_nul(text: str) -> str:
    """Return the text that `without_nul` was given."""
    return text.replace(_MARK + "0", "\0").replace(_MARK + "1", _MARK) if _MARK in text else text
