"""One session's log for many sockets: read once, framed once, sent to each by one call.

All readers that keep up share one place in the log and stand in one list. A flush joins what follows that
place and sends it to each. A reader that cannot take all of it leaves the list: it has a place of its own
then, is fed chunks from the log as it takes them, and comes back when it has caught up. There is no queue
for any reader, so being slow costs no memory, and whoever comes with a backlog is the same case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from socket import socket
from typing import Protocol
from weakref import WeakKeyDictionary

from tornado.iostream import IOStream, StreamClosedError

from headway.entry import Entry
from headway.logger import ProgressLogger
from headway.stores import Excerpt

from .coalesce import PERIOD
from .farewell import farewell
from .frames import Form, framed
from .streams import send, sent


class Reader(Protocol):
    """A socket that follows a session's log."""

    def work(self, coroutine: Coroutine[None, None, None]) -> None:
        """Do something for this reader, to be cancelled when it leaves; what goes wrong is its end."""

    def end(self, code: int, reason: str) -> None:
        """Close the socket."""


class Follower:
    """Follows a log in one form, as long as it has readers. For one event loop."""

    def __init__(
        self, logger: ProgressLogger, session_id: str, form: Form, ended: Callable[[], object]
    ) -> None:
        self._logger = logger
        self._ended = ended
        self._session_id = session_id
        self._form = form
        self._epoch: str | None = None
        self._place = -1  # the offset that all in the list have reached; -1 while the log was not looked at
        self._last: Entry | None = None  # that they got
        self._moved = asyncio.Event()
        self._here: dict[Reader, IOStream] = {}
        self._list: dict[Reader, socket] = {}
        self._task = asyncio.create_task(self._follow())

    def add(self, reader: Reader, stream: IOStream, since: int, epoch: str | None) -> None:
        """Tell a reader what follows offset *since*, by its stream, until it leaves."""
        self._here[reader] = stream
        reader.work(self._begin(reader, since, epoch))

    def discard(self, reader: Reader) -> None:
        """Let a reader go, if it has not left yet; with the last one the following ends."""
        if self._here.pop(reader, None) is None:
            return
        self._list.pop(reader, None)
        if not self._here:
            self._ended()
            self._task.cancel()

    def step_aside(self, reader: Reader) -> None:
        """Take a reader off the list until what was written to it by others is out."""
        stream = self._here.get(reader)
        if stream is not None and stream.writing() and self._list.pop(reader, None) is not None:
            reader.work(self._catch_up(reader, self._place, self._epoch, stream.write(b"")))

    async def _follow(self) -> None:
        try:
            with self._logger.hub.listen(self._session_id) as bell:
                found = await self._logger.read(self._session_id, 0, 0)
                if found is not None:
                    self._epoch = found.session.epoch
                self._move(found.session.last_offset if found is not None else 0)
                while True:
                    bell.clear()  # before the look: an append during it rings again
                    found = await self._read(self._place, self._epoch)
                    if found is not None and found.entries:
                        self._epoch = found.session.epoch
                        self._flush(found)
                        self._logger.seen(found)
                        # One flush in a turn of the loop: what comes meanwhile goes into the next one.
                        await asyncio.sleep(PERIOD.total_seconds() if self._form.live else 0)
                    else:
                        await bell.wait()
        except Exception as error:
            goodbye = farewell(error, f"session {self._session_id}")
            for reader in list(self._here):
                reader.end(*goodbye)

    def _flush(self, found: Excerpt) -> None:
        """Send what was found to all in the list; those that do not take all of it leave the list."""
        messages, last = next(self._form.chunks(found, before=self._last))
        self._last = last
        self._move(last.offset)
        data = framed(messages) if self._list else b""
        for reader, taken in send(self._list, data):
            del self._list[reader]
            try:  # in this step, else a frame would be torn
                rest = self._here[reader].write(memoryview(data)[max(taken, 0) :])
            except StreamClosedError:
                continue  # the reader is about to leave
            reader.work(self._catch_up(reader, last.offset, self._epoch, rest))

    def _move(self, place: int) -> None:
        self._place = place
        self._moved.set()

    async def _begin(self, reader: Reader, since: int, epoch: str | None) -> None:
        # Refuses who knows another log.
        found = await self._logger.read(self._session_id, since, 0, epoch=epoch)
        while self._place < since:  # we have not looked yet
            self._moved.clear()
            await self._moved.wait()
        await self._catch_up(reader, since, epoch if found is None else found.session.epoch)

    async def _catch_up(
        self, reader: Reader, since: int, epoch: str | None, write: asyncio.Future[None] | None = None
    ) -> None:
        """Feed a reader that has reached *since* until it has what all in the list have, and put it there."""
        stream, last = self._here[reader], None
        if write is not None:
            await sent(write, stream)
        while since < self._place or stream.writing():
            data, last, epoch = await self._chunk(since, epoch, last)
            if last is not None:
                since = last.offset
            await sent(stream.write(data), stream)
            await asyncio.sleep(0)  # the others' turn
        if stream.socket is not None:  # else the reader is about to leave
            self._list[reader] = stream.socket  # in the step of the last comparison: without gap or repeat

    async def _read(self, since: int, epoch: str | None) -> Excerpt | None:
        return await self._logger.read(self._session_id, since, self._form.page, epoch=epoch)

    async def _chunk(
        self, since: int, epoch: str | None, last: Entry | None
    ) -> tuple[bytes, Entry | None, str | None]:
        """Return frames of what follows, with the last entry in them and the log's epoch."""
        found = await self._read(since, epoch)
        if found is None:
            return b"", last, epoch
        for messages, reached in self._form.chunks(found, self._place, last):
            return framed(messages), reached, found.session.epoch
        return b"", last, found.session.epoch


class Fanout:
    """The followers of a logger's sessions, one for each session and form that somebody reads."""

    def __init__(self, logger: ProgressLogger) -> None:
        self._logger = logger
        self._followers: dict[tuple[str, Form], Follower] = {}

    def follower(self, session_id: str, form: Form) -> Follower:
        """Return the one that follows a session in a form; to be given a reader in the same step."""
        key = session_id, form
        if key not in self._followers:
            self._followers[key] = Follower(self._logger, session_id, form, partial(self._followers.pop, key))
        return self._followers[key]


_fanouts: WeakKeyDictionary[ProgressLogger, Fanout] = WeakKeyDictionary()


def fanout(logger: ProgressLogger) -> Fanout:
    """Return the one fan-out of a logger."""
    return _fanouts.setdefault(logger, Fanout(logger))
