"""Several processes write to one database: no gap, nothing twice, no deadlock, everything seen in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from postgres_server import PostgresServer

from headway.stores import Store, open_store
from headway.testing.making import append, entries, entry

WRITERS, BATCHES, SESSIONS = 4, 40, 12

# The sessions of each batch are others, in another order, and some are new: whoever locks them carelessly
# waits for one who waits for him.
WRITE = """
import random, sys
from headway.stores import Batch, open_store
from headway.testing.making import entry
url, name, batches, sessions = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = open_store(url)
print("ready", flush=True)
sys.stdin.readline()
for n in range(batches):
    some = random.sample(range(sessions), sessions // 2) + [1000 + n]
    store.append(Batch([entry(f"{name} {n}", f"s{k}") for k in some], (), n % 2 == 0, None, name, n + 1))
store.close()
print("done", flush=True)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path: Path) -> str:
    """Give the URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'x.db'}"
    return postgres.create("processes")


@pytest.fixture
def store(url: str) -> Store:
    """Give a store of our own on it."""
    store = open_store(url)
    yield store
    store.close()


class PollingReader:
    """Reads what follows what it has, again and again."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.logs: dict[str, list[str]] = {}

    def look(self) -> None:
        """Look once at every session; what comes must follow without a gap."""
        for session_id in (f"s{k}" for k in range(SESSIONS)):
            log = self.logs.setdefault(session_id, [])
            found = self.store.read(session_id, len(log), 100)
            if found is not None:
                offsets = [stored.offset for stored in found.entries]
                assert offsets == list(range(len(log) + 1, len(log) + 1 + len(offsets)))
                assert len(offsets) == min(100, found.session.last_offset - len(log))
                log += [stored.message for stored in found.entries]


def test_processes_share_sessions_without_gaps_and_a_reader_sees_all_in_order(start_all, url, store):
    reader = PollingReader(store)
    arguments = [("-c", WRITE, url, f"w{n}", str(BATCHES), str(SESSIONS)) for n in range(WRITERS)]
    for _ in start_all(*arguments):
        reader.look()
    reader.look()
    written = [message for log in reader.logs.values() for message in log]
    assert len(written) == WRITERS * BATCHES * (SESSIONS // 2)
    for log in reader.logs.values():
        for n in range(WRITERS):
            numbers = [int(message.split()[1]) for message in log if message.startswith(f"w{n} ")]
            assert numbers == sorted(set(numbers))
    assert [len(entries(store, f"s{1000 + n}")) for n in range(BATCHES)] == [WRITERS] * BATCHES
    assert reader.logs == {
        session_id: [stored.message for stored in entries(store, session_id)] for session_id in reader.logs
    }


OPEN = """
import sys
print("ready", flush=True)
sys.stdin.readline()
from headway.stores import open_store
store = open_store(sys.argv[1])
store.lease(sys.argv[2], 60)
store.close()
print("done", flush=True)
"""


def test_processes_may_open_a_new_database_at_once(start_all, url):
    for _ in start_all(*(("-c", OPEN, url, f"o{n}") for n in range(6))):
        pass
    store = open_store(url)
    assert store.lease("me", 60) == {"me", *(f"o{n}" for n in range(6))}
    assert [stored.offset for stored in append(store, [entry("1")])] == [1]
    store.close()


@pytest.fixture
def start_all(tmp_path: Path) -> Callable:
    """Give a function that starts processes, lets them go at once, and yields until all have ended well."""
    import subprocess
    import sys

    def run(*commands: tuple[str, ...]):
        processes = [
            subprocess.Popen(
                [sys.executable, *command],
                cwd=tmp_path,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for command in commands
        ]
        try:
            for process in processes:
                assert process.stdout.readline() == "ready\n"
            for process in processes:
                process.stdin.write("go\n")
                process.stdin.flush()
            while any(process.poll() is None for process in processes):
                yield
            assert [process.communicate()[0] for process in processes] == ["done\n"] * len(processes)
        finally:
            for process in processes:
                process.kill()
                process.communicate()

    return run
