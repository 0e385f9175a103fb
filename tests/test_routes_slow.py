"""Viewers that do not read: they cost nobody anything, and are cut only when they take nothing at all."""

import asyncio
import json
import socket
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


def connect_slowly(server, path):
    """Connect by a socket whose kernel holds little for a program that does not read."""
    place = urlsplit(server.url)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    sock.connect(("127.0.0.1", place.port))
    return connect(server.ws + path, sock=sock, max_queue=1)


def test_a_viewer_that_does_not_read_harms_nobody_and_gets_everything_in_the_end(server):
    """500 entries of 8 kB are far more than kernel and server hold for a socket."""
    count = 500

    async def view():
        async with (
            connect_slowly(server, "/ws/progress/s1") as slow,
            connect(f"{server.ws}/ws/progress/s1", max_queue=None) as quick,
        ):
            slow.transport.pause_reading()
            writer = asyncio.create_task(asyncio.to_thread(write))
            async with asyncio.timeout(40):
                for n in range(1, count + 1):
                    assert json.loads(await quick.recv())["offset"] == n
                await writer
                slow.transport.resume_reading()
                return [json.loads(await slow.recv())["offset"] for _ in range(count)]

    def write():
        for number in range(1, count + 1):
            server.runtime.logger.log("s1", "Count", "word " * 1_600, number, count)

    assert asyncio.run(view()) == list(range(1, count + 1))


def test_a_viewer_that_takes_no_byte_is_closed_with_4408(server, until, monkeypatch):
    from headway.dashboard.routes import streams

    monkeypatch.setattr(streams, "STALLED", 0.2)
    for number in range(1, 301):
        server.runtime.logger.log("s1", "Count", "word " * 1_600, number, 300)

    async def view():
        async with connect_slowly(server, "/ws/progress/s1") as socket:
            socket.transport.pause_reading()
            watched = server.runtime.logger.hub.watched
            await asyncio.to_thread(until, lambda: watched("s1"))
            # The server gives up, and says so behind what it has sent.
            await asyncio.to_thread(until, lambda: not watched("s1"))
            socket.transport.resume_reading()
            with pytest.raises(ConnectionClosed) as caught:
                async with asyncio.timeout(20):
                    while True:
                        await socket.recv()
        return caught.value.rcvd and caught.value.rcvd.code

    assert asyncio.run(view()) == 4408
