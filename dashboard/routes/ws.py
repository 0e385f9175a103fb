"""``/ws``: a session's log and the session list, live."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from weakref import WeakKeyDictionary

from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from headway.entry import Entry, check_session_id, encode
from headway.errors import InvalidSessionId, LogReplaced, StoreClosed, StoreError
from headway.logger import ProgressLogger

from .base import READERS, STALLED, Guarded, Problem, StalledReader, log, sent
from .feed import SessionFeed

FRAME = 64 * 1024  # bytes of entries in one frame
SEND_BUFFER = 128 * 1024  # bytes; the kernel would take 4 MB for a reader that does not read


class Socket(Guarded, WebSocketHandler):
    """A socket that tells; what it hears is passed over.

    A browser cannot see the status of a handshake that is refused, so whatever is wrong is said by a
    close code (RFC 6455, 7.4.2) and its reason.
    """

    _pump: asyncio.Task[None] | None = None

    max_message_size = 4096  # bytes, of what the client says
    ping_interval = 20.0  # seconds
    # No time limit for the pong: a slow reader finds the ping only when it has read what is before it.
    # A peer that is gone is found out by TCP_USER_TIMEOUT, one that reads nothing by STALLED.
    ping_timeout = 0.0

    async def prepare(self) -> None:
        self._refusal = await self.refusal()
        if self._refusal is not None and self._refusal.status == 421:
            raise HTTPError(421)

    def check_origin(self, origin: str) -> bool:
        return True  # the guard has looked at it, and at more

    async def open(self, *args: str) -> None:
        READERS.add(self)
        self._pump = asyncio.create_task(self._tell(*args))

    def on_message(self, message: str | bytes) -> None:
        """Pass over what the client says; some say ``ping`` to keep a proxy from hanging up."""

    def on_close(self) -> None:
        READERS.discard(self)
        if self._pump is not None:
            self._pump.cancel()

    def leave(self) -> None:
        """Close with 1001: the reader shall come back."""
        if self._pump is not None:
            self._pump.cancel()
        self.close(1001, "the server is going away")

    async def follow(self, *args: str) -> None:
        """Send what there is to tell, for ever."""
        raise NotImplementedError

    async def _tell(self, *args: str) -> None:
        try:
            if self._refusal is not None:
                raise _Close(self._refusal.close_code, self._refusal.detail)
            _tune(self)
            await self.follow(*args)
        except WebSocketClosedError:
            pass  # the client left while we wrote
        except _Close as close:
            self.close(close.code, _clip(close.reason))
        except (Problem, InvalidSessionId) as error:
            self.close(4400, _clip(error.detail if isinstance(error, Problem) else str(error)))
        except LogReplaced as error:
            self.close(4409, _clip(f"log replaced; epoch={error.epoch or ''}"))
        except StalledReader:
            self.close(4408, "no byte taken for 30 s")
        except StoreClosed:
            self.close(1001, "the server is going away")
        except StoreError:
            log.exception("%s cannot be read", self.request.path)
            self.close(1011, "the log cannot be read")
        except Exception:
            log.exception("%s failed", self.request.path)
            self.close(1011, "internal error")

    async def send(self, message: bytes) -> None:
        """Send one text message and wait until the reader's side has taken it."""
        await sent(self.write_message(message))


class ProgressSocket(Socket):
    """``/ws/progress/{sid}?since=0``: each entry after *since* as one JSON object a message, in order.

    First those that are there, then new ones, without a seam. ``batch=1``: JSON arrays of entries.
    """

    async def follow(self, session_id: str) -> None:
        check_session_id(session_id)
        since, epoch, batch = self.since(), self.epoch(), self.whole("batch", 0, 0, 1)
        async with aclosing(self.runtime.logger.tail_batches(session_id, since, epoch=epoch)) as found:
            async for entries in found:
                for frame in _arrays(entries) if batch else map(encode, entries):
                    await self.send(frame)


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


class _Close(Exception):
    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason


_feeds: WeakKeyDictionary[ProgressLogger, SessionFeed] = WeakKeyDictionary()


def _feed(logger: ProgressLogger) -> SessionFeed:
    """Return the one feed of a logger's session list."""
    return _feeds.setdefault(logger, SessionFeed(logger))


def _arrays(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Join entries to JSON arrays of about `FRAME` bytes."""
    frame: list[bytes] = []
    size = 0
    for encoded in map(encode, entries):
        if frame and size + len(encoded) > FRAME:
            yield b"[" + b",".join(frame) + b"]"
            frame, size = [], 0
        frame.append(encoded)
        size += len(encoded)
    yield b"[" + b",".join(frame) + b"]"


def _tune(handler: WebSocketHandler) -> None:
    """Set the socket up for small messages at once, little kernel memory, and peers that vanish.

    Tornado turns Nagle's algorithm back on when the handshake's answer is out.
    """
    handler.set_nodelay(True)
    connection = handler.ws_connection
    stream = getattr(connection, "stream", None)  # has no public name; without it the defaults stay
    if stream is None or stream.socket is None:
        return
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; a little later than our own limit
        stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1500 * STALLED))


def _clip(reason: str) -> str:
    """Cut a reason to what a close frame has room for: 123 bytes (RFC 6455, 5.5)."""
    return reason.encode("utf-8", "replace")[:123].decode(errors="ignore")


ROUTES = [
    (r"/ws/progress/([^/]+)", ProgressSocket),
    (r"/ws/sessions", SessionsSocket),
]
