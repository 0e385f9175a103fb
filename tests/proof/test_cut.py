"""Readers whose line is cut without a word: when it is whole again they have everything, once, and soon."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from .cable import Cable
from .conftest import Proof
from .load import Load, logs
from .server import HeadwayServer
from .verdict import KEPT, Verdict, caught_up, judge
from .watchers import WAYS, watching

SOON = 5.0  # seconds
READERS = 16
TEXT = " " + "word " * 400


async def cut(
    server: HeadwayServer, seconds: float, pause: float = 0.0, patience: float = 30
) -> tuple[Verdict, float]:
    """Cut all readers off for some seconds of load; return how long they took to catch up as well."""
    await server.start()
    cable = Cable(server)
    load = Load(server.url, sessions=2, producers=4, text=TEXT, pause=pause)
    async with cable.laid():
        watchers = [way(cable.url, load.sessions[n % 2]) for way in WAYS for n in range(READERS // len(WAYS))]
        async with watching(watchers):
            async with load.running():
                await load.more(20)
                cable.cut()
                await asyncio.sleep(seconds)
                await load.more(400)  # more than the kernel keeps for a reader
            left = await logs(server.url, load.sessions)
            cable.mend(random.Random(1))
            took = await caught_up(watchers, left, patience)
    return judge(left, load.acknowledged, load.asked, watchers), took


def test_cut_readers_catch_up_without_a_gap_or_a_repeat(proof: Proof, tmp_path: Path) -> None:
    seconds = proof.of(2, 60)
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs") as server:
        verdict, took = asyncio.run(cut(server, seconds, proof.of(0, 0.1)))
    assert verdict == KEPT
    if proof.long:
        assert took <= SOON
    proof.found(
        "readers cut", seconds=seconds, readers=READERS, wrongly_shown=verdict.misled, caught_up_after_s=took
    )


def test_a_server_that_drops_what_cut_readers_missed_is_caught(tmp_path: Path) -> None:
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs", app="skips_for_the_slow") as server:
        verdict, _ = asyncio.run(cut(server, 0.5, patience=3))
    assert verdict.misled > 0
