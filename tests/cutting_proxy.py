"""A proxy before PostgreSQL that cuts connections, also between a commit and its answer."""

from __future__ import annotations

import select
import socket
import threading
from pathlib import Path
from typing import Self

IDLE = b"Z\x00\x00\x00\x05I"  # ReadyForQuery, in no transaction: the commit is done (PostgreSQL, 53.7)


class CuttingProxy:
    """Passes on what clients and the server say, until it is told otherwise.

    Attributes
    ----------
    swallow
        While set, the answer to the next COMMIT is not passed on: the connection is cut instead.
    mute
        While set, notifications are not passed on, as by a pool of connections that does not know them.
    closed
        While set, whoever connects is cut off.
    swallowed
        How many answers were.
    """

    def __init__(self, server: Path) -> None:
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.swallow = threading.Event()
        self.mute = threading.Event()
        self.closed = threading.Event()
        self.swallowed = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listening.close()
        self.cut()

    def url(self, database: str) -> str:
        """Return the URL of a database behind the proxy."""
        return f"postgresql://postgres@127.0.0.1:{self._listening.getsockname()[1]}/{database}"

    def cut(self) -> None:
        """Cut all connections that there are."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _shut(*pair)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server / ".s.PGSQL.5432"))
            self._pairs.append((client, server))
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        swallowing = False
        try:
            while not self.closed.is_set():
                for end in select.select([client, server], [], [])[0]:
                    said = end.recv(1 << 16)
                    if not said:
                        return
                    if end is client and self.swallow.is_set() and b"COMMIT" in said:
                        swallowing = True
                        self.swallow.clear()
                    if end is client:
                        server.sendall(said)
                    elif not swallowing:
                        client.sendall(_without_bells(said) if self.mute.is_set() else said)
                    elif IDLE in said:
                        self.swallowed += 1
                        return
        except (OSError, ValueError):
            pass
        finally:
            _shut(client, server)


def _without_bells(said: bytes) -> bytes:
    """Return messages of the server without NotificationResponse; a message is a letter, its length, text."""
    left = b""
    while said:
        length = 1 + int.from_bytes(said[1:5], "big")
        left += b"" if said[:1] == b"A" else said[:length]
        said = said[length:]
    return left


def _shut(*ends: socket.socket) -> None:
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()
