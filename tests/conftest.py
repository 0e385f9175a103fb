"""Fixtures for all tests: loggers and runs, and real servers on free ports."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from postgres_server import PostgresServer
from valkey_server import ValkeyServer

from .loggers import SECONDS, each_logger, hosting, logger, store

__all__ = ["each_logger", "hosting", "logger", "store"]  # fixtures, here for every test


@dataclass
class Serving:
    """A server in a thread of the test's own process."""

    url: str
    runtime: Any
    loop: asyncio.AbstractEventLoop

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1)

    def log(self, session_id: str, *steps: str, **more: Any) -> None:
        """Log one entry for each step."""
        for number, step in enumerate(steps, 1):
            self.runtime.logger.log(session_id, step, f"{step}…", number, len(steps), **more)

    def call(self, function: Callable[[], Any]) -> Any:
        """Call a function, plain or async, in the server's event loop and return what it returns."""

        async def called() -> Any:
            result = function()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result(SECONDS)


@contextmanager
def serving_in_a_thread(
    store: str = "memory:", database: str | None = None, **options: Any
) -> Iterator[Serving]:
    """Run `headway serve` with a page of one word; the drain is the real one."""
    import panel as pn

    from headway.dashboard.options import Options
    from headway.dashboard.runtime import use
    from headway.dashboard.server import Settings, drain, listen

    kept = {field.name: options.pop(field.name) for field in fields(Options) if field.name in options}
    runtime = use(store, database, **kept)
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        server = listen(Settings(port=0, **options), lambda: pn.pane.HTML("a page"))
        stop = asyncio.Event()
        started.set_result((f"http://localhost:{server.port}", asyncio.get_running_loop(), stop))
        await stop.wait()
        await drain(server, runtime)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            started.cancel() or started.done() or started.set_exception(error)
            raise

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    url, loop, stop = started.result(SECONDS)
    try:
        yield Serving(url, runtime, loop)
    finally:
        if loop.is_running():
            loop.call_soon_threadsafe(stop.set)
        thread.join(SECONDS)
        runtime.logger.close()
        assert not thread.is_alive(), "the server did not stop"


@pytest.fixture
def serving() -> Callable[..., AbstractContextManager[Serving]]:
    """Give a function that runs a server with options of its own."""
    return serving_in_a_thread


@pytest.fixture
def server() -> Iterator[Serving]:
    """Give a server that keeps its logs in memory."""
    with serving_in_a_thread() as running:
        yield running


class Process:
    """A program of ours in a process of its own, as a user starts it."""

    def __init__(self, arguments: list[str], folder: Path, **environment: str) -> None:
        self.output = folder / f"output-{len(list(folder.glob('output-*')))}.txt"
        with open(self.output, "wb") as file:
            self.popen = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=folder,
                env=os.environ | {"XDG_STATE_HOME": str(folder / "state")} | environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def url(self) -> str:
        """Wait until the program says where it serves, and return it."""
        return self.wait_for(r"(http://\S+:\d+)").rstrip("/")

    def wait_for(self, pattern: str) -> str:
        """Wait until the output has the pattern, and return its group."""
        asked = threading.Event()
        for _ in range(SECONDS * 50):
            if found := re.search(pattern, self.output.read_text()):
                return found[1]
            if self.popen.poll() is not None:
                break
            asked.wait(0.02)
        raise AssertionError(f"{pattern!r} did not come:\n{self.output.read_text()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(SECONDS)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Give a function that starts ``python ARGUMENTS...`` in a temporary folder; all end with the test."""
    started: list[Process] = []

    def run(*arguments: str, **environment: str) -> Process:
        started.append(Process(list(arguments), tmp_path, **environment))
        return started[-1]

    yield run
    for process in started:
        process.popen.kill()
        process.popen.wait(SECONDS)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Give a function that waits until a condition is true."""

    def wait(condition: Callable[[], object]) -> None:
        asked = threading.Event()
        for _ in range(SECONDS * 200):
            if condition():
                return
            asked.wait(0.005)
        raise AssertionError("it did not become true")

    return wait


@pytest.fixture
def request_types() -> Iterator[None]:
    """Forget the request types that a test registers."""
    from headway.requests import REQUESTS

    before = dict(REQUESTS)
    yield
    REQUESTS.clear()
    REQUESTS.update(before)


@dataclass
class Shop:
    """The sample shop, made and scanned once for all tests; nobody can write into it."""

    path: Path
    database: Any
    source: Any
    catalog: Any
    index: Any
    connection: Any

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        """Return the rows of SQL written by hand."""
        rows: list[tuple[Any, ...]] = self.connection.execute(text).fetchall()
        return rows

    def understand(self, prompt: str, kind: str) -> Any:
        """Return what is understood of a prompt."""
        from headway.analyst.understand import understand

        return understand(prompt, self.catalog, kind, self.index)  # type: ignore[arg-type]

    def rows(self, spec: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a spec."""
        from headway.analyst.compile import compile_spec, query
        from headway.analyst.source import read

        table = read(self.source, query(compile_spec(spec, self.catalog, self.source.dialect), self.source))
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def answer(self, prompt: str, kind: str) -> tuple[Any, list[tuple[Any, ...]]]:
        """Return what is understood of a prompt, and its rows."""
        understanding = self.understand(prompt, kind)
        return understanding, self.rows(understanding.spec)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give the sample shop."""
    import duckdb

    from headway.analyst.database import open_database
    from headway.analyst.link import Index
    from headway.analyst.samples import shop as make

    path = make(tmp_path_factory.mktemp("shop") / "shop.duckdb")
    database = open_database(path)
    with database.connect() as source, duckdb.connect(str(path), read_only=True) as connection:
        catalog = database.catalog(source)
        yield Shop(path, database, source, catalog, Index(catalog), connection)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give a PostgreSQL for all tests; each makes databases of its own."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the server's key out of the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp()))


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """Give a Valkey for all tests; each has keys of its own."""
    with ValkeyServer() as server:
        yield server
