"""Readers that never read: they cost others nothing and the server little, and lose nothing themselves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from .conftest import Proof
from .load import Load, logs
from .server import HeadwayServer, until
from .stalled import StalledReader, asleep
from .verdict import KEPT, Verdict, caught_up, judge
from .watchers import WAYS, BySocket, watching

STALLED = 50
TEXT = " " + "word " * 1_600  # of each entry, 8 kB


@dataclass
class Found:
    """What readers have done to others and to the server, which never read.

    Attributes
    ----------
    verdict
        What the others got.
    wrong
        How many of them did not get the log in the end.
    log, memory, usual
        Megabytes: of the log, and by which the server has grown at most, with them and without.
    """

    verdict: Verdict
    wrong: int
    log: float
    memory: float
    usual: float


async def watched(server: HeadwayServer, load: Load, entries: int) -> tuple[Verdict, int]:
    """Log so many entries before readers that read; return how the server's memory has grown at most."""
    before = server.memory()
    watchers = [way(server.url, session_id) for way in WAYS for session_id in load.sessions]
    async with watching(watchers):
        async with load.running():
            await load.more(entries)
        left = await logs(server.url, load.sessions)
        await caught_up(watchers, left, 30)
    return judge(left, load.acknowledged, load.asked, watchers), server.peak() - before


async def beside_stalled(server: HeadwayServer, entries: int, *, wake: bool = True) -> Found:
    """Do that without and with readers that do not read.

    When they are to *wake*, they read the rest in the end.
    """
    alone, load = (Load(server.url, 1, 4, TEXT, name=name) for name in ("alone", "beside"))
    await server.start()
    _, usual = await watched(server, alone, entries)
    server.kill()
    await server.start()
    free, (session_id,) = server.connections(), load.sessions
    with asleep(STALLED, server.port, session_id) as sleepers:
        await until(lambda: server.connections() >= free + STALLED)
        verdict, memory = await watched(server, load, entries)
        size = sum(len(message) for _, message in load.acknowledged)
        wrong = await woken(server, sleepers, session_id, free) if wake else 0
    return Found(verdict, wrong, size / 1e6, memory / 1e6, usual / 1e6)


async def woken(server: HeadwayServer, sleepers: list[StalledReader], session_id: str, free: int) -> int:
    """Wake readers when the server has hung up; return how many do not get the log, each entry once."""
    await until(lambda: server.connections() < free + STALLED // 10)
    log = (await logs(server.url, [session_id]))[session_id]
    wrong = 0
    for sleeper in sleepers:
        shown = await asyncio.to_thread(sleeper.wake)
        again = BySocket(server.url, session_id, len(shown))
        await again.take(len(log) - len(shown))
        wrong += shown + again.shown != log
    return wrong


def test_50_readers_that_never_read_harm_nobody_and_resume_exactly(proof: Proof, tmp_path: Path) -> None:
    entries = proof.of(400, 2_500)
    app = proof.of("impatient", None)
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs", app=app) as server:
        found = asyncio.run(beside_stalled(server, entries))
    assert (found.verdict, found.wrong) == (KEPT, 0)
    assert found.memory < found.usual + 2 * found.log
    proof.found(
        "readers that never read",
        readers=STALLED,
        log_MB=found.log,
        memory_MB=found.memory,
        without_them_MB=found.usual,
        others_wrongly_shown=found.verdict.misled,
        resumed_wrongly=found.wrong,
    )


def test_a_server_that_queues_for_readers_that_never_read_is_caught(tmp_path: Path) -> None:
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs", app="queues_for_the_slow") as server:
        found = asyncio.run(beside_stalled(server, 200, wake=False))
    assert found.memory > found.usual + 2 * found.log
