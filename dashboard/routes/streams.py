"""The TCP streams of those who stay: set up, written to directly, and watched for readers that take nothing.

`send` is the fast path of the fan-out: one system call for each reader, without a Future, a Task or a copy,
and of Python's objects it touches one for each. It goes past Tornado's buffers, so these hold:

1. Bytes are sent directly only while Tornado's own buffer of the stream is empty: nothing may come between
   the halves of a pong or a ping. Whoever has something written otherwise asks ``stream.writing()``
   afterwards, and takes the reader off the list when it is so (`Follower.step_aside`). Nothing else is
   written to a reader in the list: who closes takes it off first.
2. What the kernel does not take is given to ``stream.write`` by the caller in the same synchronous step, so
   it is next, and a frame is never torn.
3. The socket object is asked for its descriptor each time: closed, it says -1, and its number may be
   another connection's already.
4. Only plain TCP streams of Tornado's own class are written to; TLS has a state of its own.
5. The interpreter's lock is kept during a send: it never blocks, and to get the lock back from a thread that
   computes would cost 5 ms for each reader.

`stream_of` touches the one attribute that Tornado does not document.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

from tornado.iostream import IOStream
from tornado.websocket import WebSocketHandler

STALLED = 30.0  # seconds in which a reader takes no byte
SEND_BUFFER = 128 * 1024  # bytes; the kernel would take 4 MB for a reader that does not read

K = TypeVar("K")

_INFO = 128  # bytes of tcp_info, up to tcpi_bytes_acked
_U32, _U64 = struct.Struct("=I"), struct.Struct("=Q")
_FLAGS = getattr(socket, "MSG_DONTWAIT", 0) | getattr(socket, "MSG_NOSIGNAL", 0)


class StalledReader(Exception):
    """The reader took no byte for `STALLED` seconds."""


def stream_of(handler: WebSocketHandler) -> IOStream | None:
    """Return the stream of an open socket that `send` may use; None when it has to go Tornado's way."""
    stream = getattr(handler.ws_connection, "stream", None)
    return stream if type(stream) is IOStream and stream.socket is not None and os.name == "posix" else None


def send(sockets: Mapping[K, socket.socket], data: bytes) -> list[tuple[K, int]]:
    """Send *data* to each socket; return the keys of those that did not take all, with how much they took.

    That is less than nothing where something is wrong, which the stream finds out by itself.
    """
    size, c_size, flags, call = len(data), ctypes.c_size_t(len(data)), _FLAGS, _send
    return [
        (key, taken)
        for key, sock in sockets.items()
        if (taken := call(sock.fileno(), data, c_size, flags)) != size
    ]


def _by_os(descriptor: int, data: bytes, size: ctypes.c_size_t, flags: int) -> int:
    """Send where the C library cannot be called directly."""
    try:
        return os.write(descriptor, data)
    except OSError:
        return -1


def _c_send() -> Callable[[int, bytes, ctypes.c_size_t, int], int]:
    """Return send(2), called without giving the interpreter's lock away.

    Its argument types are not declared: that would take longer than all the rest of a call. So the size has
    to be a `ctypes.c_size_t`; the others are what ctypes makes of an int and of bytes.
    """
    if not sys.platform.startswith("linux"):
        return _by_os  # flags and their meaning differ
    try:
        function = ctypes.PyDLL(None).send
    except (OSError, AttributeError):
        return _by_os
    function.restype = ctypes.c_ssize_t
    return function


_send = _c_send()


def tune(stream: IOStream | None) -> None:
    """Set a stream up for small messages at once, and little kernel memory.

    To be called when the headers are out: Tornado turns Nagle's algorithm back on with them. There is no
    TCP_USER_TIMEOUT: Linux ends a slow reader by it, too, whose window is too small for a whole segment.
    """
    if stream is None or stream.socket is None:
        return
    stream.set_nodelay(True)
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


async def sent(write: asyncio.Future[None], stream: IOStream | None) -> None:
    """Wait until the kernel has taken what was written to a reader.

    This wait is all the flow control there is: a slow reader is only further behind in the log.

    Raises
    ------
    StalledReader
        The reader took no byte for 30 s; where it cannot be seen what it takes: nothing was taken off our
        hands in that time.
    """
    if not write.done():
        write.add_done_callback(_forget)
        clock = asyncio.get_running_loop().time
        acknowledged, since = _acknowledged(stream), clock()
        while not (await asyncio.wait({write}, timeout=STALLED / 6))[0]:
            before, acknowledged = acknowledged, _acknowledged(stream)
            if acknowledged != before:
                since = clock()
            elif clock() - since >= STALLED:
                raise StalledReader
    write.result()


def vanished(stream: IOStream | None) -> bool:
    """Whether the reader's side has not even acknowledged anything for a while, though something is out."""
    info = _info(stream)
    unacknowledged, last_ack = _U32.unpack_from(info, 24)[0], _U32.unpack_from(info, 56)[0]
    return unacknowledged > 0 and last_ack > 1500 * STALLED  # milliseconds


def _acknowledged(stream: IOStream | None) -> int:
    """Return how many bytes the reader's side has taken so far."""
    return int(_U64.unpack_from(_info(stream), 120)[0])


def _info(stream: IOStream | None) -> bytes:
    """Return what Linux tells of a connection (``struct tcp_info`` of linux/tcp.h); zeros elsewhere."""
    if stream is not None and stream.socket is not None and sys.platform.startswith("linux"):
        try:
            return stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO).ljust(_INFO, b"\0")
        except OSError:
            pass  # no TCP, or closed
    return bytes(_INFO)


def _forget(write: asyncio.Future[None]) -> None:
    if not write.cancelled():
        write.exception()  # a reader that left is no error, also when nobody waits any more
