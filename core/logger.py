"""`ProgressLogger`: log the steps of slow work once, durably, and let any number of readers follow.

A caller's entry is checked, redacted and stamped, then stored by the recorder; readers are woken and read
what follows the entries that they have. Replay, live and resume are that one path: `ProgressLogger.tail`.
"""

from __future__ import annotations

import asyncio
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Literal

import msgspec

from .entry import Entry, check_message, check_session_id, repeats, timestamp, utc_now, with_key
from .errors import InvalidEntry, InvalidOption, KeyReused
from .incoming import entry_from
from .reader import LogReader
from .recorder import MAX_ENTRIES, Recorder, open_recorder
from .redact import redact
from .session import Session, check_title
from .stores import Store
from .updates import compacted

MAX_BATCH = 1_000  # entries in one call of log_batch
MAX_BEHIND = 10_000  # calls that may wait to be written while their callers go on

Durability = Literal["disk", "process", "memory"]
"""What an entry outlasts when the call that logged it returns: a power cut, the end of this process by
whatever cause, or neither: the call does not wait, and the entry that it returns has no offset yet."""
DURABILITIES = ("disk", "process", "memory")


class ProgressLogger(LogReader):
    """The log of many sessions.

    Methods that are not coroutines are callable from any thread and return when the disk has it; in an
    event loop call them through ``asyncio.to_thread``.
    """

    def __init__(
        self,
        store: str | Store = "json:logs",
        *,
        durability: Durability = "disk",
        max_entries: int = MAX_ENTRIES,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Open the store.

        Parameters
        ----------
        store
            Its URL (``json:FOLDER``, ``sqlite:///FILE``, ``postgresql://...``, ``redis://...``, ``memory:``)
            or an open store, which the logger closes in the end.
        durability
            What an entry outlasts when its call returns; single calls may ask for something else.
        max_entries
            In one session's log. The first logger of this process that opens a store decides.
        now
            The clock, in UTC.

        Raises
        ------
        UnknownStore, StoreError
            The store cannot be opened; the message says why.
        """
        self._durability = _check_durability(durability)
        if isinstance(store, str):
            recorder = open_recorder(store, max_entries)
        else:
            recorder = Recorder(store, limit=max_entries)
        super().__init__(recorder)
        self._now = now
        self._release = weakref.finalize(self, recorder.release)  # also when nobody closes it

    async def log_progress(
        self,
        session_id: str,
        step: str,
        message: str,
        step_number: int,
        total_steps: int,
        *,
        durability: Durability | None = None,
        **more: Any,
    ) -> Entry:
        """Log one entry and return it as stored; the disk has it then.

        Parameters
        ----------
        session_id
            The session; made when it is not there.
        step, message
            The step's name and what is going on; secrets are taken out of the message.
        step_number, total_steps
            1-based place of the step, and the number of steps.
        durability
            ``disk``, ``process`` or ``memory``; the logger's when left out.
        **more
            Further fields of `Entry`: ``run_id``, ``status``, ``fraction``, ``run_fraction``,
            ``eta_seconds``, ``data`` and ``key``.

        Raises
        ------
        InvalidSessionId, InvalidEntry, RunEnded, LogFull, SessionExists
            The entry cannot be part of the log. Nothing was logged.
        StoreError
            The store failed. Nothing was logged, unless it is `StoreUnreachable`.
        """
        more |= {"step": step, "message": message, "step_number": step_number, "total_steps": total_steps}
        entry = entry_from(session_id, more, self._now())
        return (await self._append([entry], durability))[0]

    def log(
        self,
        session_id: str,
        step: str,
        message: str,
        step_number: int,
        total_steps: int,
        *,
        durability: Durability | None = None,
        **more: Any,
    ) -> Entry:
        """Log one entry: the synchronous twin of `log_progress`."""
        more |= {"step": step, "message": message, "step_number": step_number, "total_steps": total_steps}
        entry = entry_from(session_id, more, self._now())
        waiting: Future[list[Entry]] | None = None if self._goes_on(durability) else Future()
        self._recorder.append([entry], waiting, flush=self._flush(durability))
        return entry if waiting is None else waiting.result()[0]

    async def log_batch(
        self,
        session_id: str,
        entries: Sequence[Mapping[str, Any]],
        key: str | None = None,
        *,
        durability: Durability | None = None,
    ) -> list[Entry]:
        """Log at most 1,000 entries of a session, all or none, and return them as stored.

        Parameters
        ----------
        entries
            The arguments of `log_progress` by name.
        key
            Idempotency key of the whole: a repeat returns what is stored, or raises `KeyReused`.
        durability
            As in `log_progress`.
        """
        if len(entries) > MAX_BATCH:
            raise InvalidEntry("entries", f"{len(entries)} entries", f"at most {MAX_BATCH} in one call")
        checked = [entry_from(session_id, fields, self._now()) for fields in entries]
        if key is not None:
            checked = [with_key(entry, f"{key}/{n}") for n, entry in enumerate(checked)]
        stored = await self._append(checked, durability) if checked else []
        if key is not None and not all(map(repeats, checked, stored)):
            raise KeyReused(key)
        return stored

    async def _append(self, entries: list[Entry], durability: Durability | None) -> list[Entry]:
        if self._goes_on(durability):
            self._recorder.append(entries, None, flush=False)
            return entries
        waiting: asyncio.Future[list[Entry]] = asyncio.get_running_loop().create_future()
        self._recorder.append(entries, waiting, flush=self._flush(durability))
        return await waiting

    def _flush(self, durability: Durability | None) -> bool:
        return (durability or self._durability) == "disk"

    def _goes_on(self, durability: Durability | None) -> bool:
        """Whether the caller does not wait for the commit: too many that do not would fill the memory."""
        if durability is not None:
            _check_durability(durability)
        return (durability or self._durability) == "memory" and self._recorder.behind < MAX_BEHIND

    def create_session(self, title: str = "", session_id: str | None = None) -> Session:
        """Make a session and return it; its id is a new UUID (RFC 9562) unless one is given.

        Raises
        ------
        SessionExists
            The id is taken, in this or another case.
        """
        now = timestamp(self._now())
        session = Session(
            session_id=check_session_id(str(uuid.uuid4()) if session_id is None else session_id),
            title=redact(check_title(title)),
            created_at=now,
            last_activity=now,
        )
        self._change(session.session_id, lambda: self.store.add_session(session))
        return session

    def rename_session(self, session_id: str, title: str) -> Session:
        """Give a session another title and return it; `UnknownSession` when there is none."""
        title = redact(check_title(title))
        return self._update(session_id, lambda session: msgspec.structs.replace(session, title=title))

    def archive_session(self, session_id: str) -> Session:
        """Keep a session's log compressed until its next entry, and return the session.

        Updates that a later one of the same step superseded are dropped from runs that have ended: whoever
        reads the log ends up the same. `UnknownSession` when there is none.
        """
        session: Session = self._change(session_id, lambda: self.store.archive(session_id, compacted))
        return session

    def delete_session(self, session_id: str) -> None:
        """Delete a session with its log; whoever follows it is told. `UnknownSession` when there is none."""
        self._change(session_id, lambda: self.store.delete_session(session_id))

    def add_notification(self, session_id: str, message: str) -> None:
        """Mark a session as having something unseen (the blue dot); made when it is not there.

        Entries without a run are over then: the session is no longer processing because of them.
        """
        message = redact(check_message(message))
        now = timestamp(self._now())

        def notify() -> None:
            if self.store.session(session_id) is None:
                made = Session(session_id=session_id, title="", created_at=now, last_activity=now)
                self.store.add_session(made.notified(message, now))
            else:
                self.store.update_session(session_id, lambda session: session.notified(message, now))

        self._change(session_id, notify)

    def mark_notification_read(self, session_id: str) -> Session:
        """Clear a session's notification and return the session; `UnknownSession` when there is none."""
        return self._update(session_id, lambda session: msgspec.structs.replace(session, notification=None))

    def close(self) -> None:
        """Write all that was asked for and give the store back; closing twice is harmless.

        The store itself is closed when no other logger of this process has it open.
        """
        self._release()

    def _change(self, session_id: str, work: Callable[[], Any]) -> Any:
        waiting: Future[Any] = Future()
        self._recorder.change(check_session_id(session_id), work, waiting)
        return waiting.result()

    def _update(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        session: Session = self._change(session_id, lambda: self.store.update_session(session_id, change))
        return session


def _check_durability(durability: Durability) -> Durability:
    if durability not in DURABILITIES:
        raise InvalidOption("durability", durability, ", ".join(DURABILITIES))
    return durability
