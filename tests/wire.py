"""A wire between a program and its server that can be cut where it hurts, and that can speak TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Literal, Self


class Wire:
    """Passes bytes on, in both directions, to a port of this machine.

    Attributes
    ----------
    port
        Where to connect to instead.
    to
        The port that connections lead to from now on.
    cut
        What to lose next, together with its connection: the next ``request``, or the next ``answer``, to a
        request that the server has got. None afterwards.
    """

    def __init__(self, to: int, tls: ssl.SSLContext | None = None) -> None:
        self.cut: Literal["request", "answer"] | None = None
        self.to = to
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        _close(self._listening, *self._connections)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed: the test is over
            while True:
                near: socket.socket = self._listening.accept()[0]
                if self._tls is not None:
                    near = self._tls.wrap_socket(near, server_side=True)
                far = socket.create_connection(("127.0.0.1", self.to))
                self._connections += near, far
                for source, target, name in ((near, far, "request"), (far, near, "answer")):
                    thread = threading.Thread(target=self._pass_on, args=[source, target, name])
                    self._threads.append(thread)
                    thread.start()

    def _pass_on(self, source: socket.socket, target: socket.socket, name: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if self.cut == name:
                    self.cut = None
                    break
                target.sendall(data)
        _close(source, target)


def _close(*connections: socket.socket) -> None:
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
        connection.close()
