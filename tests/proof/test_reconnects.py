"""Readers that come and go at random, by any way there is, get each entry once and in order."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from .conftest import Proof
from .load import Load, logs
from .server import HeadwayServer
from .verdict import KEPT, Verdict, caught_up, judge
from .watchers import WAYS, Watcher, watching

READERS = 12


class Wanderer(Watcher):
    """A reader that leaves after a few entries and comes back by another way."""

    def __init__(self, url: str, session_id: str, chance: random.Random) -> None:
        super().__init__(url, session_id)
        self._chance = chance

    async def wander(self, times: int) -> None:
        """Come so often."""
        for _ in range(times):
            way = self._chance.choice(WAYS)(self.url, self.session_id, self.since)
            try:
                await way.take(self._chance.randint(1, 30))
            finally:
                self.shown += way.shown


async def wandered(server: HeadwayServer, comings: int, seed: int) -> Verdict:
    """Have readers come so often, all together, while entries are logged."""
    chance = random.Random(seed)
    load = Load(server.url, sessions=4, producers=4)
    wanderers = [Wanderer(server.url, sid, chance) for sid in load.sessions * (READERS // 4)]
    await server.start()
    async with load.running():
        await load.more(100)
        async with asyncio.TaskGroup() as group:
            for wanderer in wanderers:
                group.create_task(wanderer.wander(comings // READERS))
    left = await logs(server.url, load.sessions)
    # Some come for the first time now, from anywhere in the log.
    late = [way(server.url, sid, chance.randrange(len(left[sid]))) for way in WAYS for sid in load.sessions]
    begins = [reader.since for reader in late]
    async with watching(late):
        await caught_up(late, left, 15)
    for reader, begin in zip(late, begins, strict=True):
        reader.shown[:0] = left[reader.session_id][:begin]
    for wanderer in wanderers:  # what they have not come for yet
        wanderer.shown += left[wanderer.session_id][wanderer.since :]
    return judge(left, load.acknowledged, load.asked, [*wanderers, *late])


def test_who_comes_back_gets_what_is_missing_and_nothing_else(proof: Proof, tmp_path: Path) -> None:
    comings, seed = proof.of(60, 1_000 + READERS), proof.of(1, random.randrange(2**32))
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs") as server:
        verdict = asyncio.run(wandered(server, comings, seed))
    assert verdict == KEPT, f"seed {seed}"
    comings = comings // READERS * READERS
    proof.found("random reconnects", reconnects=comings, wrongly_shown=verdict.misled, seed=seed)


def test_a_server_that_shows_the_last_entry_again_is_caught(tmp_path: Path) -> None:
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs", app="resumes_early") as server:
        verdict = asyncio.run(wandered(server, READERS, seed=1))
    assert verdict.misled > 0
