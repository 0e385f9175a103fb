"""``/ws``: a session's log and the session list, live."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from weakref import WeakKeyDictionary

from tornado.iostream import IOStream, StreamClosedError
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from headway.entry import Entry, check_session_id
from headway.logger import ProgressLogger

from .base import READERS, Guarded
from .fanout import Follower, fanout
from .farewell import GOING, farewell
from .feed import SessionFeed
from .frames import Form
from .streams import sent, stream_of, tune, vanished

BEAT = 20.0  # seconds


class Socket(Guarded, WebSocketHandler):
    """A socket that tells; what it hears is passed over.

    A browser cannot see the status of a handshake that is refused, so whatever is wrong is said by a
    close code (RFC 6455, 7.4.2) and its reason.
    """

    stream: IOStream | None = None  # for direct sends; None when messages go Tornado's way

    max_message_size = 4096  # bytes, of what the client says
    ping_interval = 0.0  # Tornado's pings: a task for each socket; `_beat` needs a timer

    _work: asyncio.Task[None] | None = None
    _heart: asyncio.TimerHandle | None = None

    async def prepare(self) -> None:
        self._refusal = await self.refusal()
        if self._refusal is not None and not self._refusal.shakes_hands:
            raise HTTPError(self._refusal.status)

    def check_origin(self, origin: str) -> bool:
        return True  # the guard has looked at it, and at more

    async def open(self, *args: str) -> None:
        READERS.add(self)
        if self._refusal is not None:
            self.end(self._refusal.close_code, self._refusal.detail)
            return
        self.stream = stream_of(self)
        self.set_nodelay(True)  # also where `tune` has nothing to tune
        tune(self.stream)
        self._heart = asyncio.get_running_loop().call_later(BEAT, self._beat)
        self.work(self.follow(*args))

    def _beat(self) -> None:
        """Ping, for whoever hangs up on silence between us, and see whether the client is still there.

        There is no time limit for the pong: a slow reader finds the ping only when it has read what is
        before it. Its side acknowledges it all the same.
        """
        if vanished(self.stream):
            self.stream.close()  # type: ignore[union-attr]
            return
        self._heart = asyncio.get_running_loop().call_later(BEAT, self._beat)
        with suppress(WebSocketClosedError, StreamClosedError):
            self.ping()
            self.on_ping(b"")  # as for the pongs

    def on_message(self, message: str | bytes) -> None:
        """Pass over what the client says; some say ``ping`` to keep a proxy from hanging up."""

    def on_close(self) -> None:
        READERS.discard(self)
        self.rest()
        if self._heart is not None:
            self._heart.cancel()

    def leave(self) -> None:
        """Close with 1001: the reader shall come back."""
        self.end(*GOING)

    def end(self, code: int, reason: str) -> None:
        """Tell nothing more, and close."""
        self.rest()
        self.close(code, _clip(reason))

    def rest(self) -> None:
        """Tell nothing more."""
        if self._work is not None:
            self._work.cancel()

    def work(self, coroutine: Coroutine[None, None, None]) -> None:
        """Do something for this reader, until it leaves; what goes wrong is its end."""
        self._work = asyncio.create_task(coroutine)
        self._work.add_done_callback(self._worked)

    def _worked(self, work: asyncio.Task[None]) -> None:
        if self._work is work:
            self._work = None
        error = None if work.cancelled() else work.exception()
        if isinstance(error, Exception) and not isinstance(error, (WebSocketClosedError, StreamClosedError)):
            self.end(*farewell(error, self.request.path))  # else the client left while we wrote

    async def follow(self, *args: str) -> None:
        """Send what there is to tell."""
        raise NotImplementedError

    async def send(self, message: bytes) -> None:
        """Send one text message and wait until the reader's side has taken it."""
        await sent(self.write_message(message), self.stream)


class ProgressSocket(Socket):
    """``/ws/progress/{sid}?since=0``: each entry after *since* as one JSON object a message, in order.

    First those that are there, then new ones, without a seam. ``batch=1``: JSON arrays of entries.
    ``live=1``: without the updates that come faster than anybody sees (see `coalesce`).
    """

    _follower: Follower | None = None

    async def follow(self, session_id: str) -> None:
        check_session_id(session_id)
        since, epoch = self.since(), self.epoch()
        form = Form(*(bool(self.whole(name, 0, 0, 1)) for name in Form._fields))
        if self.stream is None:
            await self._follow_alone(session_id, form, since, epoch)
            return
        self._follower = fanout(self.runtime.logger).follower(session_id, form)
        self._follower.add(self, self.stream, since, epoch)

    async def _follow_alone(self, session_id: str, form: Form, since: int, epoch: str | None) -> None:
        """Follow the log by Tornado's own ways, where the stream cannot be written to directly."""
        last: Entry | None = None
        async with aclosing(self.runtime.logger.tail_batches(session_id, since, epoch=epoch)) as found:
            async for part in found:
                for messages, _ in form.chunks(part, before=last):
                    for message in messages:
                        await self.send(message)
                last = part.entries[-1]

    def on_ping(self, data: bytes) -> None:
        # A pong, or a ping of ours, may be half out.
        if self._follower is not None:
            self._follower.step_aside(self)

    def rest(self) -> None:
        super().rest()
        if self._follower is not None:
            self._follower.discard(self)


class SessionsSocket(Socket):
    """``/ws/sessions``: a JSON array of the sessions, then each session that changed as one JSON object.

    A session that is gone is ``{"session_id", "deleted": true}``.
    """

    async def follow(self) -> None:
        async with aclosing(_feed(self.runtime.logger).follow()) as changes:
            await self.send(b"[" + b",".join(await anext(changes)) + b"]")
            async for changed in changes:
                for session in changed:
                    await self.send(session)


_feeds: WeakKeyDictionary[ProgressLogger, SessionFeed] = WeakKeyDictionary()


def _feed(logger: ProgressLogger) -> SessionFeed:
    """Return the one feed of a logger's session list."""
    return _feeds.setdefault(logger, SessionFeed(logger))


def _clip(reason: str) -> str:
    """Cut a reason to what a close frame has room for: 123 bytes (RFC 6455, 5.5)."""
    return reason.encode("utf-8", "replace")[:123].decode(errors="ignore")


ROUTES = [
    (r"/ws/progress/([^/]+)", ProgressSocket),
    (r"/ws/sessions", SessionsSocket),
]
