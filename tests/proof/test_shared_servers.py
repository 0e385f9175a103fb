"""kill -9 of PostgreSQL and of Valkey under load, while the Headway that keeps its logs there lives on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from postgres_server import PostgresServer
from valkey_server import ValkeyServer

from .conftest import Proof
from .load import Load, logs
from .server import HeadwayServer
from .verdict import KEPT, Verdict, caught_up, judge
from .watchers import WAYS, watching

PATIENCE = 10.0  # seconds in which a call outlasts that its store's server is away
REFUSED = 503  # later


class Database(Protocol):
    """A server that can die and come back with its data."""

    def kill(self) -> None: ...

    def start(self) -> None: ...


async def killed(server: HeadwayServer, database: Database, kills: int, seed: int) -> tuple[Verdict, Load]:
    """Kill a store's server so often under load; every tenth time it stays away for long."""
    chance = random.Random(seed)
    load = Load(server.url)
    watchers = [WAYS[n % len(WAYS)](server.url, session_id) for n, session_id in enumerate(load.sessions)]
    async with watching(watchers):
        await server.start()
        async with load.running():
            for number in range(1, kills + 1):
                await load.more(chance.randint(1, 150))
                await asyncio.sleep(chance.uniform(0, 0.02))  # anywhere in a commit
                await asyncio.to_thread(database.kill)
                if number % 10 == 0:
                    await asyncio.sleep(PATIENCE + 2)
                await asyncio.to_thread(database.start)
            await load.more(50)
        left = await logs(server.url, load.sessions)
        await caught_up(watchers, left, 20)
    return judge(left, load.acknowledged, load.asked, watchers), load


@pytest.mark.parametrize(("name", "make"), [("PostgreSQL", PostgresServer), ("Valkey", ValkeyServer)])
def test_a_killed_database_takes_nothing_that_was_acknowledged(
    proof: Proof, tmp_path: Path, name: str, make: Callable[[], PostgresServer | ValkeyServer]
) -> None:
    kills, seed = proof.of(2, 60), proof.of(1, random.randrange(2**32))
    with make() as database, HeadwayServer(tmp_path, database.url()) as server:
        verdict, load = asyncio.run(killed(server, database, kills, seed))
        assert server.terminate() == 0
    assert verdict == KEPT, f"seed {seed}"
    assert set(load.refused) <= {REFUSED}
    refused = load.refused[REFUSED]
    found = {"acknowledged": len(load.acknowledged), "lost": verdict.lost, "twice": verdict.twice}
    proof.found(
        f"kill -9 of {name}", kills=kills, **found, wrongly_shown=verdict.misled, answered_503=refused
    )


def test_a_database_that_forgets_is_caught(tmp_path: Path) -> None:
    with ValkeyServer(appendonly="no") as database:
        with HeadwayServer(tmp_path, database.url("?allow-volatile=1")) as server:
            verdict, _ = asyncio.run(killed(server, database, 1, seed=1))
    assert verdict.lost > 0
