"""What 10,000 readers that only wait cost one process, how fast they are back after a kill, and how it ends.

Run it: ``python benchmarks/connections.py [--readers 10000] [--rounds 1]``; it needs ``cc``, and descriptors
(``ulimit -n``) for as many connections in two processes. Linux only.

The server is ``headway serve`` with its page and the default store. The readers are a C program; they watch
one session, and come back as our own clients do: after 0.2 s, doubled each time up to 4 s, of which a random
half. Printed are:

* *connect*: seconds until all are connected, and how many attempts were refused;
* *memory* of the server for each of them, in kB, while they wait;
* *kill*: seconds after kill -9 and the start of a new server until all are connected again, and after an
  entry was logged, how many of them have it, and how many entries came twice or too early;
* *end*: seconds from SIGTERM to the end of the process, its exit status, and how many were told to come
  back (1001).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

HERE = Path(__file__).parent / "fanout"
IN_FLIGHT = 512  # readers that are connecting at once
PATIENCE = 60.0  # seconds for anything
ENTRY = b'{"step": "Fetching relevant data", "message": "some rows", "step_number": 3, "total_steps": 5}'


@dataclass(frozen=True)
class State:
    """What the readers say of themselves."""

    connected: int
    refused: int
    wrong: int
    told: int
    have: int
    newest: int
    seconds: float


class Server:
    """`headway serve` at a port and with a store that outlive the process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self.folder / "output.txt").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "headway", "serve", "--port", str(self.port)],
                cwd=self.folder,
                env=os.environ | {"XDG_STATE_HOME": str(self.folder / "state")},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.wait_for(lambda: "Headway is at" in (self.folder / "output.txt").read_text())

    def wait_for(self, condition) -> None:
        """Wait until something is true."""
        until = time.monotonic() + PATIENCE
        while not condition():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "output.txt").read_text() or "it did not come")
            time.sleep(0.01)

    def log(self) -> None:
        """Log an entry over the network."""
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(f"http://localhost:{self.port}/api/progress/bench", ENTRY, headers)) as answer:
            answer.read()

    def memory(self) -> int:
        """Return the bytes that it has in memory."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024

    def end(self, number: int) -> tuple[float, int]:
        """Send a signal; return the seconds until the process is gone, and its exit status."""
        begun = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        return time.monotonic() - begun, status


class Crowd:
    """The readers."""

    def __init__(self, program: Path, port: int, count: int) -> None:
        self.process = subprocess.Popen(
            [program, str(port), "/ws/progress/bench", str(count), str(IN_FLIGHT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def state(self) -> State:
        """Ask them."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("state\n")
        self.process.stdin.flush()
        *numbers, seconds = self.process.stdout.readline().split()
        return State(*map(int, numbers), float(seconds))


def measure(folder: Path, program: Path, count: int) -> None:
    """Measure once and print it."""
    server = Server(folder)
    server.start()
    server.log()
    empty = server.memory()
    crowd = Crowd(program, server.port, count)
    try:
        server.wait_for(lambda: crowd.state().connected == count)
        state = crowd.state()
        print(f"connect: {count:,} in {state.seconds:.1f} s, {state.refused} refused")
        server.log()
        server.wait_for(lambda: crowd.state().have == count)
        print(f"memory:  {(server.memory() - empty) / count / 1000:.1f} kB each")
        killed(server, crowd, count)
        seconds, status = server.end(signal.SIGTERM)
        print(f"end:     {seconds:.1f} s, exit status {status}, {crowd.state().told:,} told to come back")
    finally:
        server.process.kill()
        crowd.process.kill()


def killed(server: Server, crowd: Crowd, count: int) -> None:
    """Kill the server, start it anew, and wait until all are back."""
    server.end(signal.SIGKILL)
    before = crowd.state().refused
    begun = time.monotonic()
    server.start()
    started = time.monotonic() - begun
    server.wait_for(lambda: crowd.state().connected == count)
    back = time.monotonic() - begun
    refused = crowd.state().refused - before
    server.log()
    server.wait_for(lambda: crowd.state().have == count and crowd.state().newest == 3)
    state = crowd.state()
    print(
        f"kill:    all back in {back:.1f} s, of which the server's start took {started:.1f} s;"
        f" {refused:,} attempts in vain meanwhile; {state.have:,} have the new entry, {state.wrong} wrong"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    compiler = shutil.which("cc")
    if compiler is None:
        sys.exit("no C compiler (cc): 10,000 readers in Python would be what is measured")
    with tempfile.TemporaryDirectory() as name:
        program = Path(name) / "crowd"
        subprocess.run([compiler, "-O2", "-o", program, HERE / "crowd.c"], check=True)
        for number in range(options.rounds):
            folder = Path(name) / str(number)
            folder.mkdir()
            measure(folder, program, options.readers)


if __name__ == "__main__":
    main()
