"""What the tests of the core share: a store that does as it is told, loggers, and runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import headway
from headway import Entry, ProgressLogger, Run
from headway.artifacts import Artifacts
from headway.runs import Runs
from headway.stores import Batch, Stored
from headway.stores.memory import MemoryStore

SECONDS = 30  # that anything may take before a test fails


class TrialStore(MemoryStore):
    """A real store that notes its batches, and whose commits wait and fail when a test says so.

    Attributes
    ----------
    batches
        All that were to be written, also those that failed.
    began, gate
        A commit has begun; it goes on when the gate is open, as it is at first.
    before
        Called with each batch that begins from now on, before it is written; what it raises, the store
        raises.
    """

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Batch] = []
        self.began, self.gate = threading.Event(), threading.Event()
        self.gate.set()
        self.before: Callable[[Batch], object] = lambda batch: None

    def append(self, batch: Batch) -> Stored:
        before = self.before
        self.began.set()
        assert self.gate.wait(SECONDS)
        self.batches.append(batch)
        before(batch)
        return super().append(batch)

    def fail(self, error: Exception) -> None:
        """Refuse every batch from now on."""

        def refuse(batch: Batch) -> None:
            raise error

        self.before = refuse

    def heal(self) -> None:
        """Write again."""
        self.before = lambda batch: None


@pytest.fixture
def store() -> TrialStore:
    """Give a store that waits and fails when it is told to."""
    return TrialStore()


@pytest.fixture
def logger(store: TrialStore) -> Iterator[ProgressLogger]:
    """Give a logger on `store`."""
    logger = ProgressLogger(store)
    yield logger
    store.gate.set()
    logger.close()


@pytest.fixture(params=["memory:", "json:"])
def each_logger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProgressLogger]:
    """Give a logger on each kind of store in turn; its clock ticks a second a call."""
    seconds = count()
    url = request.param + (str(tmp_path / "logs") if request.param == "json:" else "")
    logger = ProgressLogger(
        url, now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(seconds))
    )
    yield logger
    logger.close()


@pytest.fixture
def hosting(logger: ProgressLogger, tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Runs]]:
    """Give a function that makes the `Runs` of `logger`; they are closed at the end."""

    @asynccontextmanager
    async def make(**options: Any) -> AsyncIterator[Runs]:
        runs = Runs(logger, Artifacts(tmp_path), **options)
        try:
            yield runs
        finally:
            await runs.close()

    return make


def does(work: Callable[..., Any]) -> str:
    """Register a request type of one step that does *work*, and return its name."""
    headway.request_type("demo", ["Work"])(work)
    return "demo"


async def take(number: int, entries: AsyncGenerator[Entry]) -> list[Entry]:
    """Read so many entries of a tail, and leave it."""
    found: list[Entry] = []
    async with asyncio.timeout(SECONDS), aclosing(entries):
        async for entry in entries:
            found.append(entry)
            if len(found) == number:
                break
    return found


async def ended(logger: ProgressLogger, run: Run) -> list[Entry]:
    """Return the entries of a run when it has its terminal entry."""
    found: list[Entry] = []
    async with asyncio.timeout(SECONDS), aclosing(logger.tail(run.session_id)) as entries:
        async for entry in entries:
            found += [entry] if entry.run_id == run.run_id else []
            if found and found[-1].terminal:
                break
    return found


def log(logger: ProgressLogger, *messages: str, session_id: str = "s1", **more: Any) -> list[Entry]:
    """Log one entry for each message."""
    return [logger.log(session_id, "Read", message, 1, 1, **more) for message in messages]


def messages(entries: list[Entry]) -> list[str]:
    """Return what entries say."""
    return [entry.message for entry in entries]
