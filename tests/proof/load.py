"""Producers that log over the network and keep every answer, as a program does that may lose nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx
import msgspec

from headway import Entry

from .server import until

AGAIN = 0.1  # seconds until a producer asks again
PAGE = 5_000


class Load:
    """Producers, each with a session, that repeat a call under its key until it is acknowledged.

    Attributes
    ----------
    asked
        Session and message of every entry that was sent, acknowledged or not.
    acknowledged
        Session and message -> the offset that the server said.
    refused
        How often the server said which status instead; 0 when there was no answer.
    """

    def __init__(
        self,
        url: str,
        sessions: int = 8,
        producers: int = 16,
        text: str = "",
        pause: float = 0.0,
        name: str = "session",
    ) -> None:
        """Prepare a load.

        Parameters
        ----------
        text
            Of each message, behind its number.
        pause
            Seconds that each producer works between two calls.
        name
            With which the sessions' ids begin.
        """
        self.url = url
        self.sessions = [f"{name}-{n}" for n in range(sessions)]
        self.asked: set[tuple[str, str]] = set()
        self.acknowledged: dict[tuple[str, str], int] = {}
        self.refused: Counter[int] = Counter()
        self._producers = producers
        self._text = text
        self._pause = pause
        self._over = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Produce meanwhile; at the end each producer waits for its last answer."""
        async with httpx.AsyncClient(base_url=self.url, verify=False, timeout=30) as client:
            async with asyncio.TaskGroup() as group:
                for number in range(self._producers):
                    group.create_task(self._produce(client, number))
                yield
                self._over.set()

    async def more(self, number: int) -> None:
        """Wait until so many more entries are acknowledged."""
        wanted = len(self.acknowledged) + number
        await until(lambda: len(self.acknowledged) >= wanted)

    async def _produce(self, client: httpx.AsyncClient, producer: int) -> None:
        session_id = self.sessions[producer % len(self.sessions)]
        for number in count():
            if self._over.is_set():
                return
            messages = [f"{producer}.{number}.{n}{self._text}" for n in range(1 + 2 * (number % 2))]
            self.asked.update((session_id, message) for message in messages)
            last = await self._acknowledged(client, session_id, f"{producer}.{number}", messages)
            for back, message in enumerate(reversed(messages)):
                self.acknowledged[session_id, message] = last - back
            await asyncio.sleep(self._pause)

    async def _acknowledged(
        self, client: httpx.AsyncClient, session_id: str, key: str, messages: list[str]
    ) -> int:
        """Send entries until the server says that it has them; return the offset of the last."""
        body = [{"step": "Work", "message": text, "step_number": 1, "total_steps": 1} for text in messages]
        while True:
            status, answer = await _post(client, f"/api/progress/{session_id}", key, body)
            if status == 201:
                return int(answer["offset"])
            assert status == 0 or status == 429 or status >= 500, (status, answer)
            self.refused[status] += 1
            await asyncio.sleep(AGAIN)


async def _post(client: httpx.AsyncClient, path: str, key: str, body: Any) -> tuple[int, Any]:
    """Return the status and the body of the answer; 0 and None when there is none."""
    try:
        response = await client.post(path, json=body, headers={"Idempotency-Key": key})
    except httpx.TransportError:
        return 0, None
    return response.status_code, response.json()


class _Page(msgspec.Struct):
    logs: list[Entry]
    more: bool


async def logs(url: str, sessions: list[str]) -> dict[str, list[Entry]]:
    """Return what a server has of some sessions' logs."""
    found: dict[str, list[Entry]] = {}
    async with httpx.AsyncClient(base_url=url, verify=False, timeout=30) as client:
        for session_id in sessions:
            log, more = found.setdefault(session_id, []), True
            while more:
                query = {"since": log[-1].offset if log else 0, "limit": PAGE}
                response = await client.get(f"/api/progress/{session_id}", params=query)
                if response.status_code == 404:
                    break
                page = msgspec.json.decode(response.raise_for_status().content, type=_Page)
                log += page.logs
                more = page.more
    return found
