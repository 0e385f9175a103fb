"""A real `headway serve` that dies and lives again: its port and its store outlive the process."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
SECONDS = 60  # that anything may take before a proof fails


async def until(condition: Callable[[], object], seconds: float = SECONDS) -> float:
    """Wait until a condition is true, of another process perhaps, and return the seconds that it took.

    Raises
    ------
    TimeoutError
        It did not become true.
    """
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (nobody tells us)
            await asyncio.sleep(0.005)
    return time.monotonic() - began


class HeadwayServer:
    """`headway serve` in a process of its own, life after life."""

    def __init__(self, folder: Path, store: str, *, app: str | None = None) -> None:
        """Prepare a server on a store.

        Parameters
        ----------
        folder
            For what it says and keeps beside its logs.
        app
            A file of ``apps/``, without ``.py``, that it runs before it starts as the user's own APP. Most of
            them break it: mutants, which the proofs must catch.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.store = store
        self.lives = 0
        self.pid = 0
        self._status: int | None = 0
        self.folder = folder
        self._app = [str(HERE / "apps" / f"{app}.py")] if app else []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def spawn(self) -> None:
        """Begin a new life; it does not serve yet."""
        self.lives += 1
        self._output.unlink(missing_ok=True)
        options = ["--port", str(self.port), "--store", self.store, "--max-rate", "1000000"]
        self.pid = _nursery("begin", ["serve", *self._app, *options], str(self.folder), str(self._output))
        self._status = None

    async def start(self) -> None:
        """Begin a new life, and wait until it serves."""
        self.spawn()
        await until(lambda: "Headway is at" in self.said() or not self.alive)
        assert self.alive, self.said()

    def kill(self) -> None:
        """End it by ``kill -9``; harmless when it is not alive."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """End it by SIGTERM, as an operator does, and return its exit status."""
        return self._end(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.alive:
            os.kill(self.pid, number)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        if self._status is None:
            self._status = _nursery("status", self.pid, False)
        return self._status is None

    def said(self) -> str:
        """Return what it has printed in this life."""
        return self._output.read_text() if self._output.exists() else ""

    def connections(self) -> int:
        """Return how many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory(self) -> int:
        """Return the bytes that it has in memory, and begin to look for the next peak."""
        return self._kilobytes("VmRSS", forget=True)

    def peak(self) -> int:
        """Return the most bytes that it has had in memory since the last look at them."""
        return self._kilobytes("VmHWM")

    def _kilobytes(self, name: str, *, forget: bool = False) -> int:
        if forget:
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # proc(5)
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) * 1024

    def _end(self, number: signal.Signals) -> int:
        self.signal(number)
        if self._status is None:
            self._status = _nursery("status", self.pid, True)
        assert self._status is not None
        return self._status

    @property
    def _output(self) -> Path:
        return self.folder / f"{self.port}-{self.lives % 100}.txt"


def _nursery(*command: Any) -> Any:
    """Return the answer of the program that begins servers."""
    program = _program()
    assert program.stdin is not None and program.stdout is not None
    program.stdin.write(json.dumps(command) + "\n")
    program.stdin.flush()
    return json.loads(program.stdout.readline())


@cache
def _program() -> subprocess.Popen[str]:
    program = subprocess.Popen(
        [sys.executable, str(HERE / "programs" / "nursery.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(program.communicate)  # it ends when nobody can ask it any more
    return program
