"""Hears the notifications of a PostgreSQL database, in a thread on a connection of its own."""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg

from ...errors import StoreError

CHANNEL = "headway"
POLL = 5.0  # seconds between two proofs that notifications come
AGAIN = 0.5  # seconds between two attempts to reach the server
BEGUN = 2.0  # seconds that whoever starts or ends it waits for its connection

_log = logging.getLogger("headway.listener")


class Listener:
    """Rings for what others change.

    A notification is the name of its sender, then ids of sessions. Every few seconds the listener sends
    itself a number: PostgreSQL delivers in the order of commits, so who hears his number has heard all that
    came before. Who does not, because something between swallows notifications, looks at everything instead.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        name: str,
        ring: Callable[[str | None], None],
    ) -> None:
        """Start to listen, on a connection of *connect*; *name* is our own, whose bells are passed over."""
        self._connect = connect
        self._name = name
        self._ring = ring
        self._awake, self._wake = socket.socketpair()
        self._over = threading.Event()
        self._begun = threading.Event()
        self._sent = self._heard = 0
        self._thread = threading.Thread(target=self._work, name="headway-listener", daemon=True)
        self._thread.start()
        self._begun.wait(BEGUN)

    def close(self) -> None:
        """Listen no more."""
        self._wake.send(b"!")  # before it is over: then the thread closes the socket
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(BEGUN)  # it may be waiting for a server that does not answer

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                with closing(self._connect()) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._begun.set()
                    self._ring(None)  # for all that was rung before
                    self._listen(connection)
            except (psycopg.Error, StoreError) as error:
                _log.info("no bells from PostgreSQL for the moment: %s", error)
                self._over.wait(AGAIN)
        self._awake.close()
        self._wake.close()

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        self._sent = self._heard = 0
        look = time.monotonic()
        while not self._over.is_set():
            if time.monotonic() >= look:
                if self._heard < self._sent:
                    self._ring(None)
                self._sent += 1
                connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, f"{self._name} ?{self._sent}"))
                look = time.monotonic() + POLL
            for bell in connection.notifies(timeout=0):  # also those that came with the answer above
                self._hear(*bell.payload.split(" "))
            seconds = max(0.0, look - time.monotonic())
            select.select([connection.fileno(), self._awake.fileno()], [], [], seconds)

    def _hear(self, sender: str, *said: str) -> None:
        number = said[0].partition("?")[2]  # no id has a question mark
        if sender != self._name and not number:
            for session_id in said:
                self._ring(session_id)
        elif sender == self._name and number:
            self._heard = int(number)
