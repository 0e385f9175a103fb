"""A straight port to Tornado: one ``write_message`` for each client."""

from __future__ import annotations

import asyncio
import os
import threading

from publishing import entry, obey
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

clients: set[Progress] = set()


class Progress(WebSocketHandler):
    """A reader."""

    def open(self, session_id: str) -> None:
        """Keep it."""
        clients.add(self)

    def on_close(self) -> None:
        """Let it go."""
        clients.discard(self)


async def publish(dues: list[int]) -> None:
    """Send each entry to every client."""
    for due in dues:
        told = entry(due)
        for client in clients:
            client.write_message(told)
        await asyncio.sleep(0)


def compute() -> None:
    """Keep the interpreter busy."""
    n = 0
    while True:
        n += 1


async def main() -> None:
    """Serve until the input ends."""
    (listening,) = bind_sockets(0, "127.0.0.1", backlog=4096)
    HTTPServer(Application([(r"/ws/progress/(.*)", Progress)])).add_sockets([listening])
    print(f"port :{listening.getsockname()[1]}", flush=True)
    if os.environ.get("BENCH_BUSY"):
        threading.Thread(target=compute, daemon=True).start()
    await obey(publish)


asyncio.run(main())
