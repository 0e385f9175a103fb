"""`ProgressLogger`: log the steps of slow work once, durably, and let any number of readers follow.

A caller's entry is checked, redacted and stamped, then stored by the recorder; readers are woken and read
what follows the entries that they have. Replay, live and resume are that one path: `ProgressLogger.tail`.
"""

from __future__ import annotations

import asyncio
import uuid
import weakref
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

import msgspec

from .bounds import check_number
from .entry import (
    MAX_MESSAGE,
    Entry,
    Session,
    check_entry,
    check_message,
    check_session_id,
    check_title,
    repeats,
    timestamp,
    utc_now,
    with_key,
)
from .errors import InvalidEntry, KeyReused, LogReplaced, UnknownSession
from .hub import Hub
from .recorder import Recorder, open_recorder
from .redact import redact, redact_data
from .stores import Store

MAX_BATCH = 1_000  # entries in one call of log_batch
PAGE = 1_000  # entries that tail reads at once

_REQUIRED = {"step", "message", "step_number", "total_steps"}
_FIELDS = _REQUIRED | {"run_id", "status", "fraction", "run_fraction", "eta_seconds", "data", "key"}


class ProgressLogger:
    """The log of many sessions.

    Methods that are not coroutines are callable from any thread and return when the disk has it; in an
    event loop call them through ``asyncio.to_thread``.
    """

    def __init__(self, store: str | Store = "json:logs", *, now: Callable[[], datetime] = utc_now) -> None:
        """Open the store.

        Parameters
        ----------
        store
            Its URL (``json:FOLDER``, ``memory:``) or an open store, which the logger closes in the end.
        now
            The clock, in UTC.

        Raises
        ------
        UnknownStore, StoreError
            The store cannot be opened; the message says why.
        """
        self._recorder = open_recorder(store) if isinstance(store, str) else Recorder(store)
        self._now = now
        self._release = weakref.finalize(self, self._recorder.release)  # also when nobody closes it

    @property
    def store(self) -> Store:
        """The store; reads are free to use it, writes go through the logger."""
        return self._recorder.store

    @property
    def hub(self) -> Hub:
        """The bells that ring when a session has something new."""
        return self._recorder.hub

    async def log_progress(
        self, session_id: str, step: str, message: str, step_number: int, total_steps: int, **more: Any
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
        **more
            Further fields of `Entry`: ``run_id``, ``status``, ``fraction``, ``run_fraction``,
            ``eta_seconds``, ``data`` and ``key``.

        Raises
        ------
        InvalidSessionId, InvalidEntry, RunEnded, SessionExists
            The entry cannot be part of the log. Nothing was logged.
        StoreError
            The store failed. Nothing was logged.
        """
        fields = {"step": step, "message": message, "step_number": step_number, "total_steps": total_steps}
        return (await self.log_batch(session_id, [fields | more]))[0]

    def log(
        self, session_id: str, step: str, message: str, step_number: int, total_steps: int, **more: Any
    ) -> Entry:
        """Log one entry: the synchronous twin of `log_progress`."""
        fields = {"step": step, "message": message, "step_number": step_number, "total_steps": total_steps}
        return self._recorder.append([self._entry(session_id, fields | more)]).result()[0]

    async def log_batch(
        self, session_id: str, entries: Sequence[Mapping[str, Any]], key: str | None = None
    ) -> list[Entry]:
        """Log at most 1,000 entries of a session, all or none, and return them as stored.

        Parameters
        ----------
        entries
            The arguments of `log_progress` by name.
        key
            Idempotency key of the whole: a repeat returns what is stored, or raises `KeyReused`.
        """
        if len(entries) > MAX_BATCH:
            raise InvalidEntry("entries", f"{len(entries)} entries", f"at most {MAX_BATCH} in one call")
        checked = [self._entry(session_id, fields) for fields in entries]
        if key is not None:
            checked = [with_key(entry, f"{key}/{n}") for n, entry in enumerate(checked)]
        stored = await asyncio.wrap_future(self._recorder.append(checked))
        if key is not None and not all(map(repeats, checked, stored)):
            raise KeyReused(key)
        return stored

    def get_progress_logs(self, session_id: str, since: int = 0, limit: int | None = None) -> list[Entry]:
        """Return the entries of a session after offset *since*, at most *limit*; none if there are none."""
        recent = self._recent(session_id, since, limit)
        return self.store.entries(session_id, since, limit) if recent is None else recent

    async def read(self, session_id: str, since: int = 0, limit: int | None = None) -> list[Entry]:
        """Return the same as `get_progress_logs` without blocking the event loop."""
        recent = self._recent(session_id, since, limit)
        if recent is not None:
            return recent
        return await asyncio.to_thread(self.store.entries, session_id, since, limit)

    async def tail(
        self, session_id: str, since: int = 0, *, epoch: str | None = None
    ) -> AsyncGenerator[Entry]:
        """Yield a session's entries after offset *since*: first those that are there, then new ones.

        It has no end of its own. A session that is not there yet is waited for.

        Parameters
        ----------
        session_id
            The session.
        since
            How many of its entries the reader has.
        epoch
            The epoch of the log that the reader knows, if it knows one.

        Raises
        ------
        LogReplaced
            The log is another one than the reader knows, or was deleted meanwhile.
        StoreError
            The log cannot be read.
        """
        async with aclosing(self.tail_batches(session_id, since, epoch=epoch)) as batches:
            async for batch in batches:
                for entry in batch:
                    yield entry

    async def tail_batches(
        self, session_id: str, since: int = 0, *, epoch: str | None = None
    ) -> AsyncGenerator[list[Entry]]:
        """Yield the same entries as `tail` in lists of at most 1,000, as they were found."""
        check_session_id(session_id)
        with self.hub.listen(session_id) as bell:
            known = self._check_epoch(session_id, since, epoch)
            while True:
                bell.clear()  # before the look: an append during it rings again
                entries = await self.read(session_id, since, PAGE)
                epoch, known = known, self._check_epoch(session_id, since + len(entries), known)
                if epoch != known:
                    continue  # the log has just begun: what was read may be of another one
                if entries:
                    yield entries
                    since += len(entries)
                else:
                    await bell.wait()

    def sessions(self, limit: int = 50, before: str | None = None) -> list[Session]:
        """Return sessions, newest activity first; *before* is the `Session.cursor` of the last one seen."""
        return self.store.sessions(limit, before)

    def session(self, session_id: str) -> Session:
        """Return a session; `UnknownSession` when there is none."""
        session = self.store.session(check_session_id(session_id))
        if session is None:
            raise UnknownSession(session_id)
        return session

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

    def _entry(self, session_id: str, fields: Mapping[str, Any]) -> Entry:
        """Return a checked, redacted and stamped entry."""
        if not isinstance(fields, Mapping):
            raise InvalidEntry("entry", fields, "a JSON object")
        if unknown := fields.keys() - _FIELDS:
            raise InvalidEntry(min(unknown), fields[min(unknown)], f"the fields {', '.join(sorted(_FIELDS))}")
        if missing := _REQUIRED - fields.keys():
            raise InvalidEntry(min(missing), None, "a value; it is missing")
        entry = check_entry(Entry(session_id=session_id, timestamp=timestamp(self._now()), **fields))
        message = redact(entry.message)[:MAX_MESSAGE]  # what stands for a secret may be longer than it
        return msgspec.structs.replace(entry, message=message, data=redact_data(entry.data))

    def _recent(self, session_id: str, since: int, limit: int | None) -> list[Entry] | None:
        """Return the entries when they are in memory."""
        check_number("since", since, 0)
        if limit is not None:
            check_number("limit", limit, 0)
        recent = self._recorder.recent.after(check_session_id(session_id), since)
        return None if recent is None else recent[:limit]

    def _check_epoch(self, session_id: str, since: int, epoch: str | None) -> str | None:
        """Return the epoch of the log that a reader goes on with; None while there is none."""
        session = self.store.session(session_id)
        if session is None:
            if since or epoch:
                raise LogReplaced(session_id, None)
            return None
        if epoch not in (None, session.epoch) or since > session.last_offset:
            raise LogReplaced(session_id, session.epoch)
        return session.epoch

    def _change(self, session_id: str, work: Callable[[], Any]) -> Any:
        return self._recorder.change(check_session_id(session_id), work).result()

    def _update(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        session: Session = self._change(session_id, lambda: self.store.update_session(session_id, change))
        return session
