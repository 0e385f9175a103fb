"""kill -9 of the server, again and again, while producers log and watchers read."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from headway.dashboard import client

from .conftest import Proof
from .load import Load, logs
from .server import HeadwayServer
from .verdict import KEPT, Verdict, caught_up, judge
from .watchers import WAYS, Watcher, watching

START = 0.5  # seconds, about, until a server serves


async def killed(server: HeadwayServer, kills: int, seed: int) -> tuple[Verdict, Load, list[Watcher]]:
    """Kill a server so often under load, and compare what is left with what was said."""
    chance = random.Random(seed)
    load = Load(server.url)
    watchers = [WAYS[n % len(WAYS)](server.url, session_id) for n, session_id in enumerate(load.sessions)]
    async with watching(watchers):
        await server.start()
        async with load.running():
            while server.lives <= kills:
                await load.more(chance.randint(1, 150))
                await asyncio.sleep(chance.uniform(0, 0.02))  # anywhere in a commit
                server.kill()
                if chance.random() < 0.1 and server.lives < kills:
                    server.spawn()
                    await asyncio.sleep(chance.uniform(0, START))  # anywhere in its recovery
                    server.kill()
                await server.start()
        left = await logs(server.url, load.sessions)
        await caught_up(watchers, left, 15)
    return judge(left, load.acknowledged, load.asked, watchers), load, watchers


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the clients come back soon, so that they meet every life of the server."""
    monkeypatch.setattr(client, "LONGEST_PAUSE", 0.5)


KILLS = {"json": (4, 600), "sqlite": (3, 300), "postgresql": (1, 100), "redis": (1, 100)}  # short, long


@pytest.fixture(params=KILLS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of each kind of store in turn; the servers of the shared ones live on."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres").create("killed")
    if request.param == "redis":
        return request.getfixturevalue("valkey").url(f"?prefix={tmp_path.name}:")
    return {"json": f"json:{tmp_path}/logs", "sqlite": f"sqlite:///{tmp_path}/logs.db"}[request.param]


def test_a_killed_server_has_lost_repeated_and_renumbered_nothing(
    proof: Proof, tmp_path: Path, store: str
) -> None:
    kind = store.partition(":")[0]
    kills, seed = proof.of(*KILLS[kind]), proof.of(1, random.randrange(2**32))
    with HeadwayServer(tmp_path, store) as server:
        verdict, load, watchers = asyncio.run(killed(server, kills, seed))
    assert verdict == KEPT, f"seed {seed}"
    proof.found(
        f"kill -9 of the server, {kind}",
        kills=server.lives - 1,
        acknowledged=len(load.acknowledged),
        lost=verdict.lost,
        twice=verdict.twice,
        renumbered=verdict.renumbered,
        watchers=len(watchers),
        cuts=sum(watcher.cuts for watcher in watchers),
        wrongly_shown=verdict.misled,
    )


def test_a_server_that_acknowledges_before_it_writes_is_caught(tmp_path: Path) -> None:
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs", app="acknowledges_early") as server:
        verdict, _, _ = asyncio.run(killed(server, 1, seed=1))
    assert verdict.lost > 0


def test_a_store_that_renumbers_after_a_restart_is_caught(tmp_path: Path) -> None:
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs", app="renumbers") as server:
        verdict, _, _ = asyncio.run(killed(server, 1, seed=1))
    assert verdict.renumbered > 0
    assert verdict.misled > 0
