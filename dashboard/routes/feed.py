"""The session list as a stream of changes, worked out once for all who follow it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from headway.entry import Session
from headway.errors import StoreError
from headway.logger import ProgressLogger

LISTED = 500  # sessions, those with the newest activity
PAUSE = 0.05  # seconds between two looks at the list while it changes


class SessionFeed:
    """The changes of the session list.

    Each change has a version, and a reader is the version that it has reached: like an offset in a log,
    this makes a slow reader cost nothing. Only the last change of a session is kept, so a reader that
    comes late sees each session once. While nobody reads or nothing changes, nothing is done.
    """

    def __init__(self, logger: ProgressLogger) -> None:
        self._logger = logger
        self._readers = 0

    async def follow(self) -> AsyncGenerator[list[bytes]]:
        """Yield the sessions, the newest activity first, then what changed each time, as JSON objects.

        Raises
        ------
        StoreError
            The store cannot be read.
        """
        self._readers += 1
        if self._readers == 1:
            self._start()
        version = 0
        try:
            while True:
                changed = self._changed  # before the look: a change during it is not lost
                if self._error is not None:
                    raise self._error
                if version == 0 < self._version:
                    version = self._version
                    yield [_encode(session) for session in self._known.values()]
                elif news := self._after(version):
                    version = self._version
                    yield news
                else:
                    await changed.wait()
        finally:
            self._readers -= 1
            if not self._readers:
                self._task.cancel()

    def _start(self) -> None:
        self._known: dict[str, Session] = {}
        self._changes: dict[str, tuple[int, bytes]] = {}  # the newest last
        self._version = 0  # of the list; 0 before the first look
        self._changed = asyncio.Event()
        self._error: StoreError | None = None
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        try:
            with self._logger.hub.listen(None) as bell:
                while True:
                    bell.clear()
                    self._note(*await asyncio.to_thread(self._look))
                    await asyncio.sleep(PAUSE)  # what changes meanwhile is seen in one look
                    await bell.wait()
        except StoreError as error:
            self._error = error
            self._changed.set()

    def _look(self) -> tuple[dict[str, Session], list[str]]:
        """Return the sessions as they are now, and the ids of those that are gone."""
        listed = self._logger.sessions(LISTED)
        known = {session.session_id: session for session in listed}
        missing = [session_id for session_id in self._known if session_id not in known]
        if len(listed) == LISTED:  # some have only fallen off the list's end
            missing = [session_id for session_id in missing if self._logger.store.session(session_id) is None]
        return known, missing

    def _note(self, known: dict[str, Session], gone: list[str]) -> None:
        """Make a change of each session that is not what it was."""
        news = [(sid, _encode(session)) for sid, session in known.items() if self._known.get(sid) != session]
        news += [(sid, msgspec.json.encode({"session_id": sid, "deleted": True})) for sid in gone]
        first = self._version == 0
        self._known = known
        self._version += first
        for session_id, change in news:
            self._version += not first
            self._changes.pop(session_id, None)
            self._changes[session_id] = (self._version, change)
        if news or first:
            self._changed.set()
            self._changed = asyncio.Event()

    def _after(self, version: int) -> list[bytes]:
        news = []
        for changed_at, change in reversed(self._changes.values()):
            if changed_at <= version:
                break
            news.append(change)
        return news[::-1]


def _encode(session: Session) -> bytes:
    return msgspec.json.encode(session.to_wire())
