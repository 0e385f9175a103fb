"""A reader that connects and then does not read, as a laptop does that is closed."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from headway import Entry
from headway.entry import decode

TEXT = 1  # RFC 6455, 5.2
HELD = 32 * 1024  # bytes that the kernel holds for it


class StalledReader:
    """A plain socket that has asked for a session's log."""

    def __init__(self, port: int, session_id: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HELD)
        self._socket.settimeout(60)
        self._socket.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /ws/progress/{session_id} HTTP/1.1",
            f"Host: localhost:{port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
        )
        self._socket.sendall("\r\n".join([*request, "", ""]).encode())

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def wake(self) -> list[Entry]:
        """Read all that was sent, up to the end, and return the entries that are whole.

        The server has hung up: it could not say why, in the middle of a frame that was not taken.
        """
        content = b"".join(iter(lambda: self._socket.recv(1 << 20), b""))
        frames = content.partition(b"\r\n\r\n")[2]
        entries = []
        while len(frames) > 10:
            kind, size = frames[0] & 0x0F, frames[1]
            head = {126: 4, 127: 10}.get(size, 2)
            size = int.from_bytes(frames[2:head]) if head > 2 else size
            payload, frames = frames[head : head + size], frames[head + size :]
            if kind == TEXT and len(payload) == size:
                entries.append(decode(payload))
        return entries


@contextmanager
def asleep(number: int, port: int, session_id: str) -> Iterator[list[StalledReader]]:
    """Give so many readers of a session that do not read."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(StalledReader(port, session_id))) for _ in range(number)]
