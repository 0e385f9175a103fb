"""How an entry lies in its stream, and a whole log when it is archived.

An entry is one field with a JSON array, not an object: in the stream's nodes the names would be repeated with
every entry. A log that is archived is the array of all its rows, compressed.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from ...entry import Entry

FIELD = "e"
"""The one field of a stream's entry; nodes keep its name once."""


class _More(msgspec.Struct, frozen=True, omit_defaults=True):
    """What most entries do not have."""

    run_id: str | None = None
    status: str = "running"
    fraction: float | None = None
    run_fraction: float | None = None
    eta_seconds: float | None = None
    data: dict[str, Any] | None = None
    key: str | None = None


_Row = tuple[int, str, str, str, int, int, _More]
_encoder = msgspec.json.Encoder()
_rows = msgspec.json.Decoder(list[_Row])


def row(entry: Entry) -> str:
    """Return what a stream keeps of a stored entry; its session is in the stream's key."""
    more = _More(
        entry.run_id,
        entry.status,
        entry.fraction,
        entry.run_fraction,
        entry.eta_seconds,
        entry.data,
        entry.key,
    )
    plain = (entry.offset, entry.timestamp, entry.step, entry.message, entry.step_number, entry.total_steps)
    return _encoder.encode((*plain, more)).decode()


def entries(session_id: str, rows: bytes) -> list[Entry]:
    """Return the entries of a session from the JSON array of their rows."""
    return [
        Entry(
            timestamp=timestamp,
            step=step,
            message=message,
            step_number=step_number,
            total_steps=total_steps,
            session_id=session_id,
            offset=offset,
            run_id=more.run_id,
            status=more.status,
            fraction=more.fraction,
            run_fraction=more.run_fraction,
            eta_seconds=more.eta_seconds,
            data=more.data,
            key=more.key,
        )
        for offset, timestamp, step, message, step_number, total_steps, more in _rows.decode(rows)
    ]


def pack(log: Sequence[Entry]) -> bytes:
    """Return a whole log, compressed."""
    return zlib.compress(f"[{','.join(map(row, log))}]".encode())


def unpack(session_id: str, packed: bytes) -> list[Entry]:
    """Return the log that `pack` compressed."""
    return entries(session_id, zlib.decompress(packed))
