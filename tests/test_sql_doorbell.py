"""Processes that share a SQLite file ring each other, and notice when a bell was lost."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Queue

import pytest

from headway.stores.sql.doorbell import UNREAD, Doorbell

SECONDS = 30


class Commits:
    """Numbers commits, as the database does."""

    def __init__(self) -> None:
        self.number = 0

    def last(self) -> int:
        """Return the number of the last commit."""
        return self.number

    def ring(self, bell: Doorbell, *session_ids: str) -> None:
        """Commit something and ring for it."""
        self.number += 1
        bell.ring(self.number, session_ids)


class Listening:
    """A doorbell that notes what it hears."""

    def __init__(self, database: Path, name: str, commits: Commits) -> None:
        self.bell = Doorbell(database, name)
        self.heard: Queue[str | None] = Queue()
        self.open = threading.Event()
        self.open.set()
        self.bell.listen(self._hear, commits.last)

    def _hear(self, session_id: str | None) -> None:
        assert self.open.wait(SECONDS)
        self.heard.put(session_id)

    def hears(self, *session_ids: str | None) -> bool:
        """Whether just this is what comes next."""
        return [self.heard.get(timeout=SECONDS) for _ in session_ids] == list(session_ids)


@pytest.fixture
def commits() -> Commits:
    """Give the numbers of the database's commits."""
    return Commits()


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder in which the sockets' folders are made."""
    folder = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@contextmanager
def listening(database: Path, commits: Commits, *names: str) -> Iterator[list[Listening]]:
    """Have some listen."""
    with ExitStack() as stack:
        some = [Listening(database, name, commits) for name in names]
        for one in some:
            stack.callback(one.bell.close)
            stack.callback(one.open.set)
        yield some


def sockets(runtime: Path) -> list[str]:
    """Return the names of all sockets."""
    return sorted(path.name for path in runtime.rglob("*") if path.is_socket())


def test_all_others_hear_what_one_rings_and_it_does_not(tmp_path, commits):
    with listening(tmp_path / "x.db", commits, "a", "b", "c") as (a, b, c):
        commits.ring(a.bell, "s1", "s2")
        commits.ring(b.bell, "s3")
        assert b.hears("s1", "s2") and c.hears("s1", "s2", "s3") and a.hears("s3")
        assert (a.heard.empty(), b.heard.empty(), c.heard.empty()) == (True, True, True)


def test_one_who_only_writes_rings_the_others(tmp_path, commits):
    writer = Doorbell(tmp_path / "x.db", "writer")
    commits.ring(writer, "nobody listens")
    with listening(tmp_path / "x.db", commits, "a") as (a,):
        commits.ring(writer, "s1")
        assert a.hears("s1")
    commits.ring(writer, "nobody listens")
    writer.close()


def test_another_database_has_bells_of_its_own(tmp_path, commits):
    with (
        listening(tmp_path / "x.db", commits, "a") as (a,),
        listening(tmp_path / "y.db", Commits(), "b") as (b,),
        listening(tmp_path / "z" / ".." / "x.db", commits, "c") as (c,),
    ):
        commits.ring(a.bell, "s1")
        assert c.hears("s1")
        assert b.heard.empty()


def test_a_commit_without_a_bell_is_noticed(tmp_path, commits):
    with listening(tmp_path / "x.db", commits, "a", "b") as (a, b):
        commits.number += 1  # whoever committed died before it could ring
        assert a.hears(None) and b.hears(None)
        commits.ring(a.bell, "s1")
        assert b.hears("s1")


def test_one_who_does_not_read_delays_nobody_and_misses_nothing(tmp_path, commits):
    with listening(tmp_path / "x.db", commits, "a", "slow", "b") as (a, slow, b):
        slow.open.clear()
        ids = [f"s{n}" for n in range(UNREAD // 2)]
        for session_id in ids:
            commits.ring(a.bell, session_id)
        assert b.hears(*ids)
        slow.open.set()
        heard = []
        while len({*heard}) < len(ids):  # it may look at everything in between, for the bells came late
            heard += [found] if (found := slow.heard.get(timeout=SECONDS)) else []
        assert heard == ids


def test_one_who_has_missed_too_much_looks_at_everything(tmp_path, commits):
    with listening(tmp_path / "x.db", commits, "a", "slow") as (a, slow):
        slow.open.clear()
        for n in range(2 * UNREAD):
            commits.ring(a.bell, f"s{n}")
        slow.open.set()
        while slow.heard.get(timeout=SECONDS) is not None:
            pass


def test_a_bell_that_is_too_long_is_noticed(tmp_path, commits):
    with listening(tmp_path / "x.db", commits, "a", "b") as (a, b):
        commits.ring(a.bell, *("s" * 128 for _ in range(10_000)))
        assert b.hears(None)


def test_the_dead_and_those_who_leave_are_forgotten(tmp_path, commits, runtime):
    with listening(tmp_path / "x.db", commits, "a", "b") as (a, b):
        (folder,) = {path.parent for path in runtime.rglob("*") if path.is_socket()}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
            dead.bind(str(folder / "dead"))
        commits.ring(a.bell, "s1")
        assert b.hears("s1") and sockets(runtime) == ["a", "b"]
        b.bell.close()
        commits.ring(a.bell, "s2")
        assert sockets(runtime) == ["a"]
    assert list(folder.parent.iterdir()) == []
    assert folder.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("spoiled", ["open to others", "too long", "no folder"])
def test_where_there_can_be_no_bells_commits_are_noticed_all_the_same(
    spoiled, tmp_path, commits, runtime, monkeypatch, caplog
):
    if spoiled == "open to others":
        (runtime / f"headway-{os.getuid()}").mkdir(mode=0o755)
    elif spoiled == "too long":
        (runtime / ("x" * 100)).mkdir()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / ("x" * 100)))
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "not there"))
    with listening(tmp_path / "x.db", commits, "a", "b") as (a, b):
        commits.ring(a.bell, "s1")
        assert b.hears(None)
        assert a.heard.empty()
    assert "no bells from other processes" in caplog.text
