"""How many connections the server takes: the queue before them, the descriptors for them, an end to them."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import socket
from typing import Any

from panel.io.server import Server
from tornado import netutil
from tornado.iostream import IOStream, StreamClosedError, UnsatisfiableReadError

if sys.platform != "win32":
    import resource

log = logging.getLogger("headway.server")

BACKLOG = 4096  # connections that wait to be accepted; 128, as usual, overflow when a crowd comes back
SPARE = 256  # descriptors that are left for logs, databases and what libraries open
MOST = 1_000_000  # descriptors; "unlimited" is no number
PATIENCE = 1.0  # seconds for the request of a client that is refused
RETRY_AFTER = 5  # seconds
LOOK = 1_000  # connections that come between two looks at which are still open

_BODY = b'{"title":"Service Unavailable","status":503,"detail":"too many connections; come back later"}'
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\nContent-Type: application/problem+json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (RETRY_AFTER, len(_BODY), _BODY)
)


def bind(address: str, port: int) -> list[socket]:
    """Return sockets that listen at all addresses of a name, at one port; 0 takes a free one.

    What comes waits there until a server, or several that were forked, `listen_at` them. Raises OSError.
    """
    return netutil.bind_sockets(port, address, backlog=BACKLOG)


def listen_at(server: Server, sockets: Sequence[socket]) -> None:
    """Have a server listen there, and not where Bokeh, which takes no sockets, has bound it."""
    http = server._http
    for number, its_own in list(http._sockets.items()):
        http._handlers.pop(number)()
        http._sockets.pop(number)
        its_own.close()
    http.add_sockets(sockets)
    server._port = sockets[0].getsockname()[1]


def widen(server: Server, most: int | None = None) -> None:
    """Let a server take crowds: all descriptors that it may have, and a limit.

    Parameters
    ----------
    server
        One that listens.
    most
        Connections at once; further ones are answered with 503. What the descriptors allow when left out.
    """
    http = server._http
    room = descriptors() - SPARE
    if most is not None and most > room:
        log.warning("%d connections need more descriptors than the %d here (ulimit -n)", most, room + SPARE)
    http.handle_stream = Limit(http.handle_stream, room if most is None else min(most, room))


def descriptors() -> int:
    """Return how many descriptors this process may have, after asking for all that it can get."""
    if sys.platform == "win32":  # has no such limit
        return MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST if soft == resource.RLIM_INFINITY else soft


class Limit:
    """Answers 503 instead of letting the descriptors run out: accept would fail, and be tried, for ever."""

    def __init__(self, handle: Callable[[IOStream, Any], object], most: int) -> None:
        self._handle = handle
        self._most = most
        self._open: set[IOStream] = set()  # some have been closed since we looked last
        self._enough = min(LOOK, most)  # of them to look again
        self._refusing: set[asyncio.Task[None]] = set()

    def __call__(self, stream: IOStream, address: Any) -> object:
        """Take a connection that was accepted, or refuse it."""
        if self._has_room():
            self._open.add(stream)
            return self._handle(stream, address)
        if len(self._refusing) < SPARE // 2:
            task = asyncio.create_task(_refuse(stream))
            self._refusing.add(task)
            task.add_done_callback(self._refusing.discard)
        else:
            stream.close()
        return None

    def _has_room(self) -> bool:
        if len(self._open) >= self._enough:
            self._open = {stream for stream in self._open if not stream.closed()}
            self._enough = min(len(self._open) + LOOK, self._most)
        return len(self._open) < self._most


async def _refuse(stream: IOStream) -> None:
    """Answer when the request is in: who is hung up on while sending may not see why."""
    with suppress(StreamClosedError, UnsatisfiableReadError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await stream.read_until(b"\r\n\r\n", max_bytes=65_536)
            await stream.write(REFUSAL)
    stream.close()
