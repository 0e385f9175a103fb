"""A line between readers and a server that can be cut: nothing comes through, and nobody is told."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from .server import HeadwayServer

HELD = 16 * 1024  # bytes that the line holds in each direction, so that a cut is felt


class Cable:
    """Forwards connections to a server.

    While it is cut, what is sent waits, connections that are begun wait, and none is closed. When it is whole
    again half of the old connections turn out to be dead, as they do behind a router that has forgotten them.
    """

    def __init__(self, server: HeadwayServer) -> None:
        self.url = ""
        self._server = server
        self._whole = asyncio.Event()
        self._whole.set()
        self._lines: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[None]:
        """Forward meanwhile."""
        listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            listening.close()
            for line in self._lines:
                line.cancel()
            await asyncio.gather(*self._lines, return_exceptions=True)

    def cut(self) -> None:
        """Let nothing through."""
        self._whole.clear()

    def mend(self, chance: random.Random) -> None:
        """Let everything through again, on those connections that have outlived it."""
        for line in sorted(self._lines, key=id):
            if chance.random() < 0.5:
                line.cancel()
        self._whole.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.ensure_future(self._join(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)
        line.add_done_callback(lambda line: writer.transport.abort())
        with suppress(asyncio.CancelledError, OSError):  # it is dead, or the server is
            await line

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        there, back = await self._connect()
        pumps = [
            asyncio.create_task(self._pump(reader, back)),
            asyncio.create_task(self._pump(there, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            back.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HELD)
        line.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", self._server.port))
        except BaseException:
            line.close()
            raise
        return await asyncio.open_connection(sock=line, limit=HELD)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(HELD):
            await self._whole.wait()
            writer.write(data)
            await writer.drain()
