"""A session's record: its title, its status and the place that its log has reached.

The record is a *fold* of the log: `Session.after` says what one more entry makes of it. Every store uses
that one function inside its commit, so the session list can never say anything else than the log.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

import msgspec

from .bounds import check_text
from .entry import Entry, encode

MAX_TITLE = 200  # characters


class ActiveRun(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A run without its terminal entry.

    Attributes
    ----------
    run_id : str
        ``""`` stands for the entries without a run.
    owner : str or None
        Who works on it, from the first entry's ``data.owner``; None when nobody says so.
    run_fraction : float
        How much of it is done as of its newest entry.
    """

    run_id: str
    owner: str | None = None
    run_fraction: float = 0.0


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One conversation.

    Attributes
    ----------
    status : str
        ``processing``, ``completed`` or ``error``.
    notification : str or None
        The unread mark's text.
    last_offset : int
        The offset of the log's last entry; 0 while it has none.
    epoch : str
        Random, made with the log: another epoch is another log, whatever the id.
    run_fraction, eta_seconds : float or None
        Those of the last entry.
    active_runs : tuple of ActiveRun
        The runs without a terminal entry, the oldest first.
    size : int
        Bytes of the entries' JSON forms, together.
    archived : bool
        The log is kept compressed, until the next entry comes.
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
    active_runs: tuple[ActiveRun, ...] = ()
    size: int = 0
    archived: bool = False

    @property
    def has_notification(self) -> bool:
        """Whether something in the session has not been seen yet (the blue dot)."""
        return self.notification is not None

    @property
    def cursor(self) -> str:
        """The session's place in the list, newest activity first: what ``before`` takes."""
        return f"{self.last_activity},{self.session_id}"

    def active(self, run_id: str | None) -> ActiveRun | None:
        """Return what is known of a run that goes on; None when no such run does."""
        for run in self.active_runs:
            if run.run_id == (run_id or ""):
                return run
        return None

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
        active = self._active_after(entry)
        status, notification = "processing", self.notification
        if entry.terminal:
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
            size=self.size + len(encode(entry)),
            archived=False,
        )

    def _active_after(self, entry: Entry) -> tuple[ActiveRun, ...]:
        run = self.active(entry.run_id)
        if entry.terminal:
            return self.active_runs if run is None else tuple(r for r in self.active_runs if r is not run)
        done = entry.run_fraction or 0.0
        if run is None:
            owner = (entry.data or {}).get("owner")
            started = ActiveRun(entry.run_id or "", owner if isinstance(owner, str) else None, done)
            return (*self.active_runs, started)
        if run.run_fraction == done:
            return self.active_runs
        now = ActiveRun(run.run_id, run.owner, done)
        return tuple(now if r is run else r for r in self.active_runs)

    def notified(self, message: str, timestamp: str) -> Session:
        """Return the session with an unread mark; entries without a run are over then."""
        active = tuple(run for run in self.active_runs if run.run_id)
        status = "completed" if self.status == "processing" and not active else self.status
        return msgspec.structs.replace(
            self, notification=message, last_activity=timestamp, active_runs=active, status=status
        )

    def seen(self, notification: str) -> Session:
        """Return the session after somebody has seen a notification; another one stays."""
        return msgspec.structs.replace(self, notification=None) if self.notification == notification else self


def archived(session: Session, kept: Iterable[Entry]) -> Session:
    """Return the record of a session of whose log these entries are kept, compressed."""
    return msgspec.structs.replace(session, archived=True, size=sum(len(encode(entry)) for entry in kept))


def title_from(prompt: str) -> str:
    """Return a session's title from its first prompt: one line of at most 80 characters."""
    line = " ".join(prompt.split())
    return line if len(line) <= 80 else line[:79].rstrip() + "…"


def check_title(title: object) -> str:
    """Return *title*, on one line, when it is a text of at most 200 characters; `InvalidEntry` otherwise."""
    return " ".join(check_text("title", title, 0, MAX_TITLE).split())
