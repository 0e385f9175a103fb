"""Readers that come back by themselves, over each way that there is, and keep all that they were shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from headway import Entry
from headway.dashboard import client
from headway.entry import decode

AGAIN = 0.1  # seconds until a reader comes back
SILENCE = 20.0  # seconds without a byte after which the line is taken for dead; heartbeats come every 15

_FAILURES = (OSError, httpx.TransportError, httpx.HTTPStatusError, WebSocketException)


class Watcher:
    """Follows a session; when it is cut it comes back with the offset of the last entry that it has.

    Attributes
    ----------
    shown
        Every entry that it was shown, also a repeated one, in order.
    cuts
        How often it was cut.
    gave_up
        Why it came back no more.
    """

    def __init__(self, url: str, session_id: str, since: int = 0) -> None:
        self.url = url
        self.session_id = session_id
        self.shown: list[Entry] = []
        self.cuts = 0
        self.gave_up: Exception | None = None
        self._since = since

    @property
    def since(self) -> int:
        """The offset of the last entry that it has."""
        return self.shown[-1].offset if self.shown else self._since

    async def follow(self) -> None:
        """Follow the session without end."""
        while True:
            try:
                async with aclosing(self.connected()) as coming:
                    async for entry in coming:
                        self.shown.append(entry)
            except _FAILURES:
                pass
            except Exception as error:
                self.gave_up = error
                return
            self.cuts += 1
            await asyncio.sleep(AGAIN)

    async def take(self, number: int) -> None:
        """Connect once, take so many entries, and leave."""
        async with aclosing(self.connected()) as coming:
            while number > 0:
                self.shown.append(await anext(coming))
                number -= 1

    def connected(self) -> AsyncGenerator[Entry]:
        """Yield what one connection brings."""
        raise NotImplementedError


class ByClient(Watcher):
    """By the product's own client, which comes back by itself."""

    def connected(self) -> AsyncGenerator[Entry]:
        return client.tail(self.url, self.session_id, self.since)


class BySocket(Watcher):
    """By a plain WebSocket."""

    async def connected(self) -> AsyncGenerator[Entry]:
        place = f"{self.url.replace('http', 'ws', 1)}/ws/progress/{self.session_id}?since={self.since}"
        async with connect(place, max_queue=None, open_timeout=SILENCE, close_timeout=1) as socket:
            async for message in socket:
                yield decode(message if isinstance(message, bytes) else message.encode())


class ByEvents(Watcher):
    """By server-sent events."""

    async def connected(self) -> AsyncGenerator[Entry]:
        headers = {"Last-Event-ID": str(self.since)}
        async with (
            httpx.AsyncClient(base_url=self.url, verify=False, timeout=SILENCE) as http,
            http.stream("GET", f"/sse/progress/{self.session_id}", headers=headers) as response,
        ):
            response.raise_for_status()
            async for line in response.aiter_lines():
                assert line != "event: reset", "the server has another log"
                if line.startswith("data: "):
                    yield decode(line.removeprefix("data: ").encode())


class ByPolling(Watcher):
    """By held requests, one after the other."""

    async def connected(self) -> AsyncGenerator[Entry]:
        async with httpx.AsyncClient(base_url=self.url, verify=False, timeout=SILENCE) as http:
            since = self.since
            while True:
                query = {"since": since, "wait": 10}
                response = await http.get(f"/api/progress/{self.session_id}", params=query)
                if response.status_code != 404:  # else there is no such session yet
                    response.raise_for_status()
                    for entry in msgspec.json.decode(response.content, type=_Page).logs:
                        since = entry.offset
                        yield entry


class _Page(msgspec.Struct):
    logs: list[Entry]


WAYS = (ByClient, BySocket, ByEvents, ByPolling)


@asynccontextmanager
async def watching(watchers: Iterable[Watcher]) -> AsyncIterator[None]:
    """Have watchers follow meanwhile; one that gives up stops where it is, which the verdict sees."""
    following = [asyncio.create_task(watcher.follow()) for watcher in watchers]
    try:
        yield
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
