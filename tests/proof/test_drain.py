"""SIGTERM under load: what was acknowledged is there, the readers are sent away, and it is soon over."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from pathlib import Path

import httpx

from .conftest import Proof
from .load import Load, logs
from .server import HeadwayServer, until
from .verdict import KEPT, Verdict, caught_up, judge
from .watchers import WAYS, watching

SOON = 5.0  # seconds


async def stopped(server: HeadwayServer, times: int) -> tuple[Verdict, set[int], float]:
    """Stop a server so often under load; return its exit statuses and the longest time it took as well."""
    load = Load(server.url)
    watchers = [WAYS[n % len(WAYS)](server.url, session_id) for n, session_id in enumerate(load.sessions)]
    statuses, longest = set(), 0.0
    async with watching(watchers):
        await server.start()
        async with load.running():
            for _ in range(times):
                await load.more(50)
                server.signal(signal.SIGTERM)
                longest = max(longest, await until(lambda: not server.alive))
                statuses.add(server.terminate())
                await server.start()
        left = await logs(server.url, load.sessions)
        await caught_up(watchers, left, 15)
    return judge(left, load.acknowledged, load.asked, watchers), statuses, longest


def test_a_server_that_is_told_to_stop_leaves_nothing_behind(proof: Proof, tmp_path: Path) -> None:
    times = proof.of(2, 50)
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs") as server:
        verdict, statuses, longest = asyncio.run(stopped(server, times))
    assert (verdict, statuses) == (KEPT, {0})
    assert longest <= SOON
    proof.found("SIGTERM", stops=times, lost=verdict.lost, twice=verdict.twice, longest_s=longest)


def test_a_server_that_leaves_without_writing_is_caught(tmp_path: Path) -> None:
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs", app="leaves_at_once") as server:
        verdict, _, _ = asyncio.run(stopped(server, 1))
    assert verdict.lost > 0


def test_the_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """The first one waits for a run that does not want to stop."""

    async def stop(server: HeadwayServer) -> float:
        await server.start()
        async with httpx.AsyncClient(base_url=server.url, verify=False) as client:
            body = {"prompt": "hold on", "type": "hold"}
            (await client.post("/api/sessions/s1/requests", json=body)).raise_for_status()
        server.signal(signal.SIGTERM)
        await until(lambda: refuses(server))
        assert server.alive
        began = time.monotonic()
        assert server.terminate() == 1
        return time.monotonic() - began

    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs", app="holds") as server:
        assert asyncio.run(stop(server)) < 1.0


def refuses(server: HeadwayServer) -> bool:
    """Whether nobody is let in any more."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", server.port)) != 0
