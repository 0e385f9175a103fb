"""`headway serve --workers`: several processes at one address, as one server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from headway.dashboard.cli import main
from headway.dashboard.secret_key import secret_key
from headway.errors import InvalidOption

from .many import ENTRY, House, ended, entries_of, offsets

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork(2)")


def children(process):
    """Return the process ids of the workers."""
    pid = process.popen.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def boots(url):
    """Ask, on many connections at once, which processes answer."""
    with ThreadPoolExecutor(16) as threads:
        answers = threads.map(lambda _: httpx.get(f"{url}/healthz", timeout=30), range(64))
    return {answer.json()["boot_id"] for answer in answers}


@pytest.fixture
def house(tmp_path):
    with House(tmp_path, f"sqlite:///{tmp_path / 'shared.db'}") as made:
        yield made


def test_workers_are_one_server(house, until):
    (server,) = house.start(1, "--workers", "3")
    seen = set()
    until(lambda: len(seen.update(boots(server.url)) or seen) == 3)
    with ThreadPoolExecutor(8) as threads:
        told = threads.map(lambda _: server.ask("POST", "progress/s1", ENTRY).json()["offset"], range(40))
    assert sorted(told) == list(range(1, 41))

    async def scene():
        watchers = [asyncio.create_task(watch(server)) for _ in range(12)]
        run_id = await asyncio.to_thread(server.run, "s2")
        await asyncio.to_thread(until, lambda: server.session("s2")["last_offset"] > 100)
        answer = await asyncio.to_thread(server.ask, "POST", f"runs/{run_id}/cancel")
        return answer.json()["status"], await asyncio.gather(*watchers)

    status, found = asyncio.run(scene())
    assert status == "cancelled"
    assert found == [server.log("s2")] * 12
    assert offsets(found[0]) == list(range(1, len(found[0]) + 1))
    output = server.process.output.read_text()
    assert output.count("Headway is at") == 1
    assert server.process.stop() == 0


async def watch(server):
    async with server.watch("s2") as socket:
        return await entries_of(socket, ended)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_drains_all_workers(house, number):
    (server,) = house.start(1, "--workers", "2")
    server.run("s1", seconds=0.05)

    async def scene():
        place = f"{server.ws}/ws/sessions"
        sockets = [await connect(place) for _ in range(8)]
        status = await asyncio.to_thread(server.process.stop, number)
        for socket in sockets:
            async for _ in socket:
                pass
        return status, {socket.close_code for socket in sockets}

    assert asyncio.run(scene()) == (0, {1001})
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/healthz")
    (again,) = house.start(1)
    assert again.log("s1")[-1]["status"] == "interrupted"


def test_a_worker_that_is_killed_is_replaced_and_its_runs_end(house, until):
    (server,) = house.start(1, "--workers", "2")
    for number in range(6):
        server.run(f"s{number}", seconds=0.05)
    before = children(server.process)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(set(children(server.process)) - set(before)) == 1)
    ends = re.compile(r"worker \d+ was killed by signal 9; another one takes its place")
    assert ends.search(server.process.output.read_text())

    def statuses():
        return {f"s{n}": server.session(f"s{n}")["status"] for n in range(6)}

    until(lambda: "error" in statuses().values())
    settled = statuses()
    owners = {sid: server.log(sid)[0]["data"]["owner"] for sid in settled}
    dead = {owners[sid] for sid, status in settled.items() if status == "error"}
    until(
        lambda: {owners[sid] for sid, status in statuses().items() if status == "processing"}.isdisjoint(dead)
    )
    assert len(dead) == 1 and len(set(owners.values())) in (1, 2)
    assert server.ask("GET", "sessions").status_code == 200


def test_workers_whose_first_process_is_killed_end(house, until):
    (server,) = house.start(1, "--workers", "2")
    workers = children(server.process)
    server.process.popen.kill()
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def test_why_workers_cannot_start_is_said_once(house, tmp_path):
    (tmp_path / "app.py").write_text(
        "from headway.errors import StoreError\nraise StoreError('no such luck')\n"
    )
    process = house.begin("--workers", "3")
    assert process.popen.wait(30) == 1
    assert process.output.read_text() == "headway: no such luck\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--workers", "2"],
            "2 workers cannot share the store 'json:logs'; they can share sqlite:///logs/headway.db",
        ),
        (["--workers", "2", "--store", "memory:"], "cannot share the store 'memory:'"),
        (["--workers", "0"], "0 is not allowed; 1 or more is"),
        (["--workers", "two"], "'two' is no whole number"),
    ],
)
def test_workers_that_cannot_work_together_are_refused(options, words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    try:
        assert main(["serve", "--port", "0", *options]) == 2
    except SystemExit as left:  # argparse
        assert left.code == 2
    assert words in capsys.readouterr().err


def test_a_key_is_given_or_kept_and_the_same_for_servers_that_start_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with ThreadPoolExecutor(8) as threads:
        kept = set(threads.map(lambda _: secret_key(), range(32)))
    assert len(kept) == 1 and {path.name for path in (tmp_path / "headway").iterdir()} == {"secret_key"}
    given = "32 characters or more of a secret"
    assert secret_key(given) == secret_key(given) != secret_key(given + "!") != kept.pop()
    with pytest.raises(InvalidOption, match="the length of HEADWAY_SECRET_KEY is 31; allowed: 32 characters"):
        secret_key("x" * 31)


def test_a_key_that_is_too_short_keeps_the_server_from_starting(capsys, monkeypatch):
    monkeypatch.setenv("HEADWAY_SECRET_KEY", "short")
    assert main(["serve", "--port", "0", "--store", "memory:"]) == 2
    assert "the length of HEADWAY_SECRET_KEY is 5" in capsys.readouterr().err
    assert json.dumps("short") not in capsys.readouterr().err
