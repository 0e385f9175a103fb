"""A real `headway serve` that dies and lives again: its port and its store outlive the process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

MUTANTS = Path(__file__).parent / "mutants"
SECONDS = 60  # that anything may take before a proof fails


async def until(condition: Callable[[], object], seconds: float = SECONDS) -> float:
    """Wait until a condition is true, and return the seconds that it took.

    Raises
    ------
    TimeoutError
        It did not become true.
    """
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
    return time.monotonic() - began


class HeadwayServer:
    """`headway serve` in a process of its own, life after life."""

    def __init__(
        self, folder: Path, store: str, *, mutant: str | None = None, prepare: Callable[[], None] | None = None
    ) -> None:
        """Prepare a server on a store.

        Parameters
        ----------
        folder
            For what it says and keeps beside its logs.
        mutant
            A file of ``mutants/`` that breaks it, run before it starts as the user's own APP.
        prepare
            Called in each new process before the program.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.store = store
        self.lives = 0
        self._folder = folder
        self._app = [str(MUTANTS / f"{mutant}.py")] if mutant else []
        self._prepare = prepare
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def spawn(self) -> None:
        """Begin a new life; it does not serve yet."""
        self.lives += 1
        options = ["--port", str(self.port), "--store", self.store, "--max-rate", "1000000"]
        with open(self._output, "wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "headway", "serve", *self._app, *options],
                cwd=self._folder,
                env=os.environ | {"XDG_STATE_HOME": str(self._folder / "state")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=self._prepare,
            )

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
        os.kill(self.pid, number)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """Return what it has printed in this life."""
        return self._output.read_text()

    def memory(self) -> int:
        """Return the bytes that it has in memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(SECONDS)

    @property
    def _output(self) -> Path:
        return self._folder / f"life-{self.lives}.txt"
