"""An entry: one immutable record of a session's log, its bounds and its JSON form."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from .bounds import MAX_STEP, MAX_STEPS, check_float, check_number, check_object, check_text
from .errors import InvalidEntry, InvalidSessionId

STATUSES = ("running", "completed", "error", "cancelled", "interrupted")
"""What an entry's ``status`` may be: the state of its run as of the entry."""

MAX_MESSAGE = 8192  # characters
MAX_DATA = 16 * 1024  # bytes of JSON
MAX_DEPTH = 32  # objects and arrays inside each other in data: readers of JSON recurse
MAX_KEY = 200  # characters

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


# gc=False: a record refers to plain values only, so the collector need not look at the many that there are.
class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One immutable record of a session's log.

    The first six fields are those of the specification and always there; the others are left out of the
    JSON form when they have no value.

    Attributes
    ----------
    timestamp : str
        ISO-8601, UTC, microseconds, ``+00:00``.
    step, message : str
        1..200 and 0..8192 characters of plain text.
    step_number, total_steps : int
        ``1 <= step_number <= total_steps <= 10000``.
    offset : int
        The 1-based place in the session's log, given by the store; 0 while the entry is not stored.
    run_id : str or None
        The run that it belongs to.
    status : str
        One of `STATUSES`: the state of the *run* as of this entry.
    fraction, run_fraction : float or None
        0..1: how much of the step, and of the run, is done.
    eta_seconds : float or None
        Seconds left; absent while there is no honest estimate.
    data : dict or None
        A JSON object of at most 16 KiB.
    key : str or None
        Idempotency key: an entry whose key is already in the session's log is not logged again.
    """

    timestamp: str
    step: str
    message: str
    step_number: int
    total_steps: int
    session_id: str
    offset: int = 0
    run_id: str | None = None
    status: str = "running"
    fraction: float | None = None
    run_fraction: float | None = None
    eta_seconds: float | None = None
    data: dict[str, Any] | None = None
    key: str | None = None

    @property
    def terminal(self) -> bool:
        """Whether the run ends with this entry."""
        return self.status != "running"


_encoder = msgspec.json.Encoder()
_entry_decoder = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """Return the JSON form of an entry: UTF-8, one line."""
    return _encoder.encode(entry)


def decode(line: bytes) -> Entry:
    """Return the entry whose JSON form is *line*; fields that it does not know are passed over."""
    return _entry_decoder.decode(line)


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Return a moment as ISO-8601 in UTC with microseconds.

    A time without a zone would be read as local time by browsers (ECMA-262, 21.4.1.32), hence ``+00:00``.
    """
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")


def check_session_id(session_id: object) -> str:
    """Return *session_id* when it is one.

    Raises
    ------
    InvalidSessionId
        It is not. Ids become file names, so everything that a file system could misread is refused.
    """
    if (
        not isinstance(session_id, str)
        or not _SESSION_ID.fullmatch(session_id)
        or session_id.lower() in _DEVICES
    ):
        raise InvalidSessionId(session_id)
    return session_id


def check_entry(entry: Entry) -> Entry:
    """Return *entry* when all its fields are within their bounds, as a reader of its JSON form will get it.

    Raises
    ------
    InvalidEntry, InvalidSessionId
        A field is not; the message names it, its value and what is allowed.
    """
    check_session_id(entry.session_id)
    check_number("total_steps", entry.total_steps, 1, MAX_STEPS)
    check_number("step_number", entry.step_number, 1, entry.total_steps)
    if entry.run_id is not None and not (isinstance(entry.run_id, str) and _RUN_ID.fullmatch(entry.run_id)):
        raise InvalidEntry(
            "run_id", entry.run_id, "1 to 200 letters, digits, '.', '-' or '_', the first a letter or digit"
        )
    if entry.status not in STATUSES:
        raise InvalidEntry("status", entry.status, ", ".join(STATUSES))
    return msgspec.structs.replace(
        entry,
        step=check_text("step", entry.step, 1, MAX_STEP),
        message=check_message(entry.message),
        fraction=check_float("fraction", entry.fraction, 1.0),
        run_fraction=check_float("run_fraction", entry.run_fraction, 1.0),
        eta_seconds=check_float("eta_seconds", entry.eta_seconds),
        data=None if entry.data is None else check_object("data", entry.data, MAX_DATA, MAX_DEPTH),
        key=None if entry.key is None else check_text("key", entry.key, 1, MAX_KEY),
    )


def check_message(message: object) -> str:
    """Return *message* when it is a text of at most 8192 characters; `InvalidEntry` otherwise."""
    return check_text("message", message, 0, MAX_MESSAGE)


def fit_message(message: object) -> str:
    """Return a message that can be logged: what a file name or an error says may be anything."""
    return str(message)[:MAX_MESSAGE].encode("utf-8", "replace").decode()


def repeats(asked: Entry, stored: Entry) -> bool:
    """Whether an entry that was asked for says what the one that is stored under its key says."""
    ours = {"timestamp": stored.timestamp, "offset": stored.offset}  # all that we give and not the caller
    return msgspec.structs.replace(asked, **ours) == stored


def with_key(entry: Entry, key: str) -> Entry:
    """Return the entry with an idempotency key."""
    return check_entry(msgspec.structs.replace(entry, key=key))
