"""A server and its readers, each on a core of its own, and what they used."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from systems import HERE, System, command

PATIENCE = 60.0  # seconds for anything


class WrongDelivery(Exception):
    """A reader got an entry twice, too early or not at all."""


@dataclass(frozen=True)
class Report:
    """What happened between two looks.

    Attributes
    ----------
    server_us
        Processor time of the server for each entry that a reader got, in microseconds.
    busy
        Share of its core that the load generator used: beyond 0.9 it would be what is measured.
    p50, p99, most
        How late entries came, in milliseconds after they were due.
    """

    delivered: int
    seconds: float
    server_us: float
    busy: float
    reads: int
    p50: float
    p99: float
    most: float


class Server:
    """A server in a process of its own."""

    def __init__(
        self, system: System, folder: Path, core: int | None, store: str = "memory:", **settings: str
    ) -> None:
        self.output = folder / f"{system.name}.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command(system, folder, store),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ
                | {"PYTHONPATH": str(HERE), "XDG_STATE_HOME": str(folder / "state")}
                | settings,
            )
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})
        self.port = self._port()

    def _port(self) -> int:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(r":(\d{4,5})\b", self.output.read_text().partition("Traceback")[0]):
                return int(found[1])
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start:\n{self.output.read_text()}")

    def tell(self, line: str) -> None:
        """Give a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def cpu(self) -> float:
        """Return the seconds of processor time that its threads have used."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def memory(self) -> int:
        """Return the bytes that it has in memory."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *problem: object) -> None:
        self.process.kill()
        self.process.wait()


class Readers:
    """Readers of a server, in one process."""

    def __init__(self, server: Server, system: System, count: int, core: int | None, deaf: int = 0) -> None:
        self.server = server
        program = [str(server.output.parent / "load")]
        if not Path(program[0]).exists():
            program = [sys.executable, str(HERE / "load.py")]
        arguments = [str(server.port), system.path, str(count), str(deaf)]
        self.process = subprocess.Popen(
            [*program, *arguments, *(["socketio"] if system.socketio else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})
        if self._line() != "ready":
            raise RuntimeError("the readers could not connect")
        self._spent = server.cpu()

    def expect(self, entries: int, then: str, patience: float = PATIENCE) -> bool:
        """Have the server do something; return whether all readers have that many entries in time."""
        self._say(f"expect {entries}")
        self.server.tell(then)
        return bool(select.select([self.process.stdout], [], [], patience)[0]) and self._line() == "reached"

    def report(self) -> Report:
        """Return what happened since the last report, or since they came."""
        self._say("report")
        wrong, delivered, reads, *rest = self._line().split()[1:]
        cpu, seconds, p50, p99, most, closed = map(float, rest)
        spent, self._spent = self._spent, self.server.cpu()
        if int(wrong) or closed:
            raise WrongDelivery(f"{wrong} entries came twice or too early, {closed:.0f} readers were cut")
        got = int(delivered)
        used = (self._spent - spent) * 1e6 / got if got else 0.0
        return Report(got, seconds, used, cpu / seconds, int(reads), p50, p99, most)

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _line(self) -> str:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            raise WrongDelivery(f"the readers say nothing; the server:\n{self.server.output.read_text()}")
        return self.process.stdout.readline().strip()

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *problem: object) -> None:
        self.process.kill()
        self.process.wait()
