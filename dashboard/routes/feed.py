"""The session list as a stream of changes, worked out once for all who follow it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from operator import attrgetter

import msgspec

from headway.errors import LogReplaced
from headway.logger import ProgressLogger
from headway.session import Session

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
                    yield [_encode(session) for session in self._newest()]
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
        self._error: Exception | None = None
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Look at the sessions whose bells rang; at the whole list when it is not known which."""
        try:
            with self._logger.hub.listen(None) as bell:
                self._note(await self._list())
                self._version = max(self._version, 1)
                self._tell()
                while True:
                    await bell.wait()
                    rung = bell.clear()
                    known = [session_id for session_id in rung if session_id is not None]
                    self._note(await self._list() if None in rung else await self._look_at(known))
                    await asyncio.sleep(PAUSE)  # what changes meanwhile is seen in one look
        except Exception as error:
            self._error = error
            self._tell()

    async def _list(self) -> dict[str, Session | None]:
        """Return the sessions as they are now; None for those that are gone."""
        listed = await asyncio.to_thread(self._logger.sessions, LISTED)
        found: dict[str, Session | None] = {session.session_id: session for session in reversed(listed)}
        missing = self._known.keys() - found.keys()
        # When the list is full, some have only fallen off its end.
        return (await self._look_at(missing) if len(listed) == LISTED else dict.fromkeys(missing)) | found

    async def _look_at(self, session_ids: Collection[str]) -> dict[str, Session | None]:
        return {session_id: await self._session(session_id) for session_id in session_ids}

    async def _session(self, session_id: str) -> Session | None:
        """Return a session's record, from memory where somebody logs."""
        known = self._known.get(session_id)
        try:
            found = await self._logger.read(session_id, known.last_offset if known else 0, 0)
        except LogReplaced:
            found = await self._logger.read(session_id, 0, 0)
        return None if found is None else found.session

    def _note(self, seen: Mapping[str, Session | None]) -> None:
        """Make a change of each session that is not what it was."""
        before = self._version
        for session_id, session in seen.items():
            if session == self._known.get(session_id):
                continue
            if session is None:
                del self._known[session_id]
                change = msgspec.json.encode({"session_id": session_id, "deleted": True})
            else:
                self._known[session_id] = session
                change = _encode(session)
            self._version += 1
            self._changes.pop(session_id, None)
            self._changes[session_id] = (self._version, change)
        if self._version != before:
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _newest(self) -> list[Session]:
        return sorted(self._known.values(), key=attrgetter("cursor"), reverse=True)[:LISTED]

    def _after(self, version: int) -> list[bytes]:
        news = []
        for changed_at, change in reversed(self._changes.values()):
            if changed_at <= version:
                break
            news.append(change)
        return news[::-1]


def _encode(session: Session) -> bytes:
    return msgspec.json.encode(session.to_wire())
