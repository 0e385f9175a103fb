"""Connections for reading: as many as read at once, some of them kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

KEPT = 4


class Closable(Protocol):
    """A connection."""

    def close(self) -> None:
        """Give it back to the system."""


C = TypeVar("C", bound=Closable)


class Pool(Generic[C]):
    """Lends connections. Callable from any thread."""

    def __init__(self, connect: Callable[[], C]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[C] = []
        self._closed = False

    @contextmanager
    def borrowed(self) -> Iterator[C]:
        """Lend a connection, which is closed when its use fails: nobody knows what state it is in then."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            keep = len(self._idle) < KEPT and not self._closed
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()

    def drop(self) -> None:
        """Close those that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Close all, those in use when they come back."""
        self._closed = True
        self.drop()
