"""What callers give becomes an entry: checked, redacted, stamped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from .entry import MAX_MESSAGE, Entry, check_entry, timestamp
from .errors import InvalidEntry
from .redact import redact, redact_data

_REQUIRED = {"step", "message", "step_number", "total_steps"}
_FIELDS = _REQUIRED | {"run_id", "status", "fraction", "run_fraction", "eta_seconds", "data", "key"}


def entry_from(session_id: str, fields: Mapping[str, Any], now: datetime) -> Entry:
    """Return the entry that a caller's fields make; it has no offset yet.

    Raises
    ------
    InvalidEntry, InvalidSessionId
        A field is missing, unknown or out of its bounds; the message names it.
    """
    if not isinstance(fields, Mapping):
        raise InvalidEntry("entry", fields, "a JSON object")
    if not fields.keys() <= _FIELDS:
        unknown = fields.keys() - _FIELDS
        raise InvalidEntry(min(unknown), fields[min(unknown)], f"the fields {', '.join(sorted(_FIELDS))}")
    if not fields.keys() >= _REQUIRED:
        missing = _REQUIRED - fields.keys()
        raise InvalidEntry(min(missing), None, "a value; it is missing")
    entry = check_entry(Entry(session_id=session_id, timestamp=timestamp(now), **fields))
    message = redact(entry.message)[:MAX_MESSAGE]  # what stands for a secret may be longer than it
    if message is entry.message and entry.data is None:
        return entry
    return msgspec.structs.replace(entry, message=message, data=redact_data(entry.data))
