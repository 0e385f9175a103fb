"""The two records: an entry of a session's log, and the session itself.

A session's record is a *fold* of its log: `Session.after` says what one more entry makes of it. Every
store uses that one function inside its commit, so the session list can never say anything else than
the log.
"""

from __future__ import annotations

import re
import secrets
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
MAX_TITLE = 200  # characters

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
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


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation: its title, its status and the place its log has reached.

    Attributes
    ----------
    status : str
        ``processing``, ``completed`` or ``error``.
    notification : str or None
        The unread mark's text.
    last_offset : int
        The number of entries in the log.
    epoch : str
        Random, made with the log: another epoch is another log, whatever the id.
    run_fraction, eta_seconds : float or None
        Those of the last entry.
    active_runs : tuple of str
        The runs without a terminal entry, the oldest first; ``""`` stands for entries without a run.
    """

    session_id: str
    title: str
    created_at: str
    last_activity: str
    status: str = "completed"
    notification: str | None = None
    last_offset: int = 0
    epoch: str = msgspec.field(default_factory=lambda: secrets.token_hex(8))
    run_fraction: float | None = None
    eta_seconds: float | None = None
    active_runs: tuple[str, ...] = ()

    @property
    def has_notification(self) -> bool:
        """Whether something in the session has not been seen yet (the blue dot)."""
        return self.notification is not None

    @property
    def cursor(self) -> str:
        """The session's place in the list, newest activity first: what ``before`` takes."""
        return f"{self.last_activity},{self.session_id}"

    def to_wire(self) -> dict[str, Any]:
        """Return the REST form: the fields, and ``has_notification``."""
        return msgspec.structs.asdict(self) | {"has_notification": self.has_notification}

    def after(self, entry: Entry, *, watched: bool = False) -> Session:
        """Return the session as it is after one more stored entry of its log.

        Parameters
        ----------
        entry
            The entry, with its offset.
        watched
            Somebody sees the session live: a run that ends then leaves no notification.
        """
        run = entry.run_id or ""
        active = tuple(r for r in self.active_runs if r != run)
        status, notification = "processing", self.notification
        if not entry.terminal:
            active = (*active, run) if run not in self.active_runs else self.active_runs
        else:
            if not active:
                status = "completed" if entry.status == "completed" else "error"
            if not watched:
                notification = entry.message or entry.step
        data = entry.data or {}
        name = data.get("title") or data.get("prompt")
        title = self.title or (title_from(name) if isinstance(name, str) else "")
        return msgspec.structs.replace(
            self,
            title=title,
            last_activity=entry.timestamp,
            status=status,
            notification=notification,
            last_offset=entry.offset,
            run_fraction=entry.run_fraction,
            eta_seconds=entry.eta_seconds,
            active_runs=active,
        )

    def notified(self, message: str, timestamp: str) -> Session:
        """Return the session with an unread mark; entries without a run are over then."""
        active = tuple(run for run in self.active_runs if run)
        status = "completed" if self.status == "processing" and not active else self.status
        return msgspec.structs.replace(
            self, notification=message, last_activity=timestamp, active_runs=active, status=status
        )


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
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def title_from(prompt: str) -> str:
    """Return a session's title from its first prompt: one line of at most 80 characters."""
    line = " ".join(prompt.split())
    return line if len(line) <= 80 else line[:79].rstrip() + "…"


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


def check_title(title: object) -> str:
    """Return *title*, on one line, when it is a text of at most 200 characters; `InvalidEntry` otherwise."""
    return " ".join(check_text("title", title, 0, MAX_TITLE).split())


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
