"""What the tests of several servers share: a store that each of them has open, and the servers."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from headway import ProgressLogger
from headway.stores import open_store

from .conftest import Process

KINDS = ("sqlite", "postgresql", "redis")

APP = """
import threading
from headway.requests import request_type

@request_type("count", ["Count"])
def count(prompt, run):
    waiting, (numbers, seconds) = threading.Event(), prompt.split()
    for number in range(int(numbers)):
        run.step("Count", str(number))
        waiting.wait(float(seconds))
    with run.artifact("text", "counted.txt") as path:
        path.write_text(prompt)
    run.finish("Counted")
"""

ENTRY = {"step": "One", "message": "", "step_number": 1, "total_steps": 1}


class One:
    """One server of several, in a process of its own."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.url: str = process.url()
        self.ws = self.url.replace("http", "ws", 1)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Ask for a path below ``/api``."""
        place = f"{self.url}/api/{path}"
        return httpx.request(method, place, json=body, headers=headers, timeout=30)

    def run(self, session_id: str, numbers: int = 100_000, seconds: float = 0.002) -> str:
        """Start a run that counts, with so many seconds between two numbers, and return its id."""
        body = {"prompt": f"{numbers} {seconds}", "type": "count"}
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


class House:
    """Servers on one store; they end with the `with` block, and none may have logged a traceback."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder = folder
        self.store = store
        self.started: list[Process] = []
        (folder / "app.py").write_text(APP)

    def __enter__(self) -> House:
        return self

    def __exit__(self, *exc: object) -> None:
        for process in self.started:
            process.popen.send_signal(signal.SIGCONT)
            process.stop()
        for process in self.started:
            assert "Traceback" not in process.output.read_text(), process.output.read_text()

    def begin(self, *options: str, **environment: str) -> Process:
        """Start a server, and do not wait for it."""
        arguments = ["-m", "headway", "serve", "app.py", "--port", "0", "--store", self.store]
        artifacts = ["--artifacts", str(self.folder / "artifacts")]
        self.started.append(Process([*arguments, *artifacts, *options], self.folder, **environment))
        return self.started[-1]

    def start(self, count: int, *options: str, **environment: str) -> list[One]:
        """Start servers and wait for them."""
        return [One(process) for process in [self.begin(*options, **environment) for _ in range(count)]]


def empty_store(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the URL of an empty store of a kind that several processes may share."""
    if kind == "sqlite":
        return f"sqlite:///{folder / 'shared.db'}"
    if kind == "postgresql":
        database: str = request.getfixturevalue("postgres").create(folder.name)
        return database
    prefix: str = request.getfixturevalue("valkey").url(f"?prefix={folder.name}:")
    return prefix


@contextmanager
def house_on(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[House]:
    """Give a house whose servers share an empty store of a kind."""
    with House(folder, empty_store(kind, request, folder)) as house:
        yield house


@pytest.fixture(params=KINDS)
def loggers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[ProgressLogger]]:
    """Give two loggers, each with a store of its own on the same logs, as two processes have them."""
    url = empty_store(request.param, request, tmp_path)
    made = [ProgressLogger(open_store(url)) for _ in range(2)]
    yield made
    for logger in made:
        logger.close()


@pytest.fixture(scope="module", params=KINDS)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a house on each kind of store that several processes may share."""
    with house_on(request.param, request, tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture(scope="module")
def pair(house: House) -> list[One]:
    """Give two servers on one store."""
    return house.start(2)


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
