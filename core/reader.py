"""The reading half of a logger: what is there, then what comes, as one path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from .bounds import check_number
from .entry import Entry, check_session_id
from .errors import LogReplaced, UnknownSession
from .hub import Hub
from .recorder import Recorder
from .session import Session
from .stores import Excerpt, Store

PAGE = 1_000  # entries that tail reads at once


class LogReader:
    """Reads the logs of a recorder's store, and waits for its bells.

    Methods that are not coroutines are callable from any thread and may block for the disk; in an event
    loop call them through ``asyncio.to_thread``.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    @property
    def store(self) -> Store:
        """The store; reads are free to use it, writes go through the logger."""
        return self._recorder.store

    @property
    def hub(self) -> Hub:
        """The bells that ring when a session has something new."""
        return self._recorder.hub

    @property
    def owner(self) -> str:
        """Who starts runs by this logger, in the store's leases."""
        return self._recorder.owner

    def get_progress_logs(self, session_id: str, since: int = 0, limit: int | None = None) -> list[Entry]:
        """Return the entries of a session after offset *since*, at most *limit*; none if there are none."""
        _check_place(session_id, since, limit)
        found = self._recorder.read(session_id, since, limit)
        return found.entries if found else []

    async def read(
        self, session_id: str, since: int = 0, limit: int | None = None, *, epoch: str | None = None
    ) -> Excerpt | None:
        """Return the entries of a session after offset *since*, with its record; without blocking the loop.

        Parameters
        ----------
        session_id
            The session.
        since
            The offset of the last entry that the reader has; 0 when it has none.
        limit
            The most entries to return.
        epoch
            The epoch of the log that the reader knows, if it knows one.

        Returns
        -------
        Excerpt or None
            None when there is no such session, and the reader knows of none.

        Raises
        ------
        LogReplaced
            The log is another one than the reader knows, or is gone.
        StoreError
            The log cannot be read.
        """
        _check_place(session_id, since, limit)
        found = self._recorder.recent.after(session_id, since, limit, epoch)
        if found is None:
            found = await asyncio.to_thread(self._recorder.read, session_id, since, limit, epoch)
        if found is None:
            if since or epoch:
                raise LogReplaced(session_id, None)
        elif since > found.session.last_offset or epoch not in (None, found.session.epoch):
            raise LogReplaced(session_id, found.session.epoch)
        return found

    async def tail(
        self, session_id: str, since: int = 0, *, epoch: str | None = None
    ) -> AsyncGenerator[Entry]:
        """Yield a session's entries after offset *since*: first those that are there, then new ones.

        It has no end of its own. A session that is not there yet is waited for.

        Parameters
        ----------
        session_id
            The session.
        since, epoch
            As in `read`.

        Raises
        ------
        LogReplaced
            The log is another one than the reader knows, or was deleted meanwhile.
        StoreError
            The log cannot be read.
        """
        async with aclosing(self.tail_batches(session_id, since, epoch=epoch)) as batches:
            async for found in batches:
                for entry in found.entries:
                    yield entry

    async def tail_batches(
        self, session_id: str, since: int = 0, *, epoch: str | None = None, watching: bool = True
    ) -> AsyncGenerator[Excerpt]:
        """Yield the same entries as `tail` in excerpts of at most 1,000, as they were found.

        Whoever follows a session has seen it: it is *watching*, unless it says otherwise.
        """
        live = False
        with self.hub.listen(check_session_id(session_id), watching=watching) as bell:
            while True:
                bell.clear()  # before the look: an append during it rings again
                found = await self.read(session_id, since, PAGE, epoch=epoch)
                if found is not None:
                    epoch = found.session.epoch
                if found is not None and found.entries:
                    if live and watching:
                        self.seen(found)
                    yield found
                    since = found.entries[-1].offset
                else:
                    live = True
                    await bell.wait()

    def seen(self, found: Excerpt) -> None:
        """Take note that somebody is shown entries as they come: the end of a run leaves no notification.

        One that another server made, which did not know of the watcher here, is read then.
        """
        notification = found.session.notification
        if notification is None or not self.store.shared:
            return
        if any(entry.terminal and notification == (entry.message or entry.step) for entry in found.entries):
            session_id = found.session.session_id
            self._recorder.change(
                session_id,
                lambda: self.store.update_session(session_id, lambda session: session.seen(notification)),
                None,
            )

    def sessions(self, limit: int = 50, before: str | None = None) -> list[Session]:
        """Return sessions, newest activity first; *before* is the `Session.cursor` of the last one seen."""
        return self.store.sessions(limit, before)

    def session(self, session_id: str) -> Session:
        """Return a session; `UnknownSession` when there is none."""
        session = self.store.session(check_session_id(session_id))
        if session is None:
            raise UnknownSession(session_id)
        return session


def _check_place(session_id: str, since: int, limit: int | None) -> None:
    check_session_id(session_id)
    check_number("since", since, 0)
    if limit is not None:
        check_number("limit", limit, 0)
