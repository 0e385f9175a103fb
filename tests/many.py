"""What the tests of several servers share: a store that each of them has open, and the servers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

APP = """
import threading
from headway.requests import request_type

@request_type("count", ["Count"])
def count(prompt, run):
    waiting = threading.Event()
    for number in range(int(prompt)):
        run.step("Count", str(number))
        waiting.wait(0.002)
    run.finish("Counted")
"""

ENTRY = {"step": "One", "message": "", "step_number": 1, "total_steps": 1}


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty store of each kind that several processes may share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shared.db'}"
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres").create("many")
        return url
    valkey = request.getfixturevalue("valkey")
    valkey.flush()
    url = valkey.url()
    return url


class One:
    """One server of several, in a process of its own."""

    def __init__(self, process: Any) -> None:
        self.process = process
        self.url: str = process.url()
        self.ws = self.url.replace("http", "ws", 1)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Ask for a path below ``/api``."""
        place = f"{self.url}/api/{path}"
        return httpx.request(method, place, json=body, headers=headers, timeout=30)

    def run(self, session_id: str, numbers: int) -> str:
        """Start a run that counts, and return its id."""
        body = {"prompt": str(numbers), "type": "count"}
        answer = self.ask("POST", f"sessions/{session_id}/requests", body)
        assert answer.status_code == 202, answer.text
        run_id: str = answer.json()["run_id"]
        return run_id

    def session(self, session_id: str) -> dict[str, Any]:
        """Return a session's record."""
        found: dict[str, Any] = self.ask("GET", f"sessions/{session_id}").json()
        return found

    def log(self, session_id: str) -> list[dict[str, Any]]:
        """Return the first 5,000 entries of a log."""
        found: list[dict[str, Any]] = self.ask("GET", f"progress/{session_id}?limit=5000").json()["logs"]
        return found

    @asynccontextmanager
    async def watch(self, session_id: str, since: int = 0) -> AsyncIterator[ClientConnection]:
        """Follow a session's log."""
        async with connect(f"{self.ws}/ws/progress/{session_id}?since={since}") as socket:
            yield socket


@pytest.fixture
def serve_one(start: Callable[..., Any], shared: str, tmp_path: Path) -> Iterator[Callable[..., One]]:
    """Give a function that starts a server on the shared store; none may have logged a traceback."""
    (tmp_path / "app.py").write_text(APP)
    started: list[One] = []

    def serve(*options: str, **environment: str) -> One:
        arguments = ["-m", "headway", "serve", "app.py", "--port", "0", "--store", shared]
        folder = ["--artifacts", str(tmp_path / "artifacts")]
        started.append(One(start(*arguments, *folder, *options, **environment)))
        return started[-1]

    yield serve
    for one in started:
        assert "Traceback" not in one.process.output.read_text(), one.process.output.read_text()


async def entries_of(
    socket: ClientConnection, until: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Read a socket up to the first entry of which something is true."""
    found: list[dict[str, Any]] = []
    async for message in socket:
        found.append(json.loads(message))
        if until(found[-1]):
            return found
    raise AssertionError("the socket was closed")


def ended(entry: dict[str, Any]) -> bool:
    """Whether an entry is the last one of its run."""
    return "status" in entry


def offsets(entries: list[dict[str, Any]]) -> list[int]:
    """Return the offsets of entries."""
    return [entry["offset"] for entry in entries]
