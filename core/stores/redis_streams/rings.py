"""The bells of other servers: who changes a session says so on a channel, and everybody listens to it.

A ring may be lost when a connection breaks. So all bells are rung after each break and every few seconds:
what is lost is time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ...errors import StoreClosed, StoreError
from .server import TIMEOUT, Server

SLOW_POLL = 5.0  # seconds after which readers look by themselves
PAUSE = 0.2  # seconds between two attempts to reach the server
AWAKE = 0.25  # seconds after which the thread sees that it is over

_log = logging.getLogger("headway.stores.redis_streams")


class Rings:
    """Hears the rings of others, in a thread of its own."""

    def __init__(self, server: Server, ring: Callable[[str | None], None]) -> None:
        """Listen from now on; what we change ourselves is not told."""
        self._server = server
        self._ring = ring
        self._tried = threading.Event()  # the server has subscribed us, or does not answer
        self._listening = True
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="headway-rings", daemon=True)
        self._thread.start()
        self._tried.wait(TIMEOUT)

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                self._listen()
            except StoreClosed:
                return
            except StoreError as error:
                if self._listening:
                    _log.warning("rings of other servers are not heard: %s", error)
                self._listening = False
            except Exception:
                _log.exception("a ring of another server could not be passed on")
            self._tried.set()
            self._over.wait(PAUSE)

    def _listen(self) -> None:
        with self._server.subscribed(self._server.keys.channel) as listening:
            polled = time.monotonic()
            while not self._over.is_set():
                message = listening.get_message(timeout=AWAKE)
                if message is not None:
                    self._tell(message)
                if time.monotonic() - polled > SLOW_POLL:
                    polled = time.monotonic()
                    self._ring(None)

    def _tell(self, message: dict[str, Any]) -> None:
        if message["type"] != "message":  # we have just been subscribed, perhaps again: what was before?
            self._listening = True
            self._tried.set()
            self._ring(None)
            return
        sender, *session_ids = message["data"].decode().split()
        if sender != self._server.name:
            for session_id in session_ids:
                self._ring(session_id)
