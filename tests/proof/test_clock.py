"""The wall clock is set back an hour, a day forward and ten years back, while the server works."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from .conftest import Proof
from .load import Load, logs
from .server import SECONDS, HeadwayServer
from .verdict import KEPT, Verdict, caught_up, judge
from .watchers import WAYS, watching

HOUR, DAY, YEAR = 3600, 86_400, 365 * 86_400
STEPS = (-HOUR, DAY, -10 * YEAR, 0)
LEASE = 13.0  # seconds, after which a run whose owner is taken for dead is interrupted


async def stepped(
    server: HeadwayServer, beside: HeadwayServer | None, entries: int, wait: float
) -> tuple[Verdict, str, timedelta]:
    """Set the clock while entries are logged, and a run goes on from the first step to the last.

    Parameters
    ----------
    beside
        Another server on the same store, which looks for runs whose server has died.

    Returns the run's status in the end, and how far apart the entries' times are, as well.
    """
    await server.start()
    if beside is not None:
        (beside.folder / "often").touch()
        await beside.start()
    load = Load(server.url)
    watchers = [WAYS[n % len(WAYS)](server.url, session_id) for n, session_id in enumerate(load.sessions)]
    async with watching(watchers), httpx.AsyncClient(base_url=server.url, verify=False) as client:
        asked = {"prompt": "hold on", "type": "hold"}
        run = (await client.post("/api/sessions/held/requests", json=asked)).raise_for_status().json()
        async with load.running():
            for step in STEPS:
                await load.more(entries)
                set_clock(server.folder, step)
                await asyncio.sleep(wait)
                assert sorted(await listed(client, 50)) == sorted(["held", *load.sessions])
            await load.more(entries)
        (server.folder / "release").touch()
        status = await ended(client, run["run_id"])
        assert sorted(await listed(client, 4)) == sorted(["held", *load.sessions])
        left = await logs(server.url, load.sessions)
        await caught_up(watchers, left, 5)
    times = [datetime.fromisoformat(entry.timestamp) for log in left.values() for entry in log]
    return judge(left, load.acknowledged, load.asked, watchers), status, max(times) - min(times)


def set_clock(folder: Path, wrong: int) -> None:
    """Have the wall clock of the servers in a folder be wrong by some seconds."""
    (folder / "clock.new").write_text(str(wrong))
    (folder / "clock.new").replace(folder / "clock")


async def listed(client: httpx.AsyncClient, limit: int) -> list[str]:
    """Return the ids of the session list, read by pages of so many."""
    found: list[str] = []
    place: str | None = f"/api/sessions?limit={limit}"
    while place is not None:
        response = (await client.get(place)).raise_for_status()
        found += [session["session_id"] for session in response.json()]
        place = response.links["next"]["url"] if "next" in response.links else None
    return found


async def ended(client: httpx.AsyncClient, run_id: str) -> str:
    """Wait until a run has ended, and return how."""
    async with asyncio.timeout(SECONDS):
        while True:
            run = (await client.get(f"/api/runs/{run_id}")).json()
            if run["status"] != "running":
                return str(run["status"])
            await asyncio.sleep(0.02)


def test_a_clock_that_is_set_changes_no_order(proof: Proof, tmp_path: Path) -> None:
    entries = proof.of(30, 2_000)
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs", app="stepping_clock") as server:
        verdict, status, apart = asyncio.run(stepped(server, None, entries, 0))
        assert server.terminate() == 0
    assert (verdict, status) == (KEPT, "completed")
    assert apart > timedelta(seconds=9 * YEAR), "the clock was not set"
    proof.found("clock set, json", steps=len(STEPS), lost=verdict.lost, wrongly_shown=verdict.misled)


def test_a_clock_that_is_set_takes_no_run_for_dead(proof: Proof, tmp_path: Path) -> None:
    """Another server on the same store looks every 0.1 s whether the run's server lives."""
    entries, wait = proof.of((30, 0.3), (1_000, LEASE))
    verdict, status = beside_another(tmp_path, "stepping_clock", entries, wait)
    assert (verdict, status) == (KEPT, "completed")
    proof.found("clock set, two servers on sqlite", steps=len(STEPS), lost=verdict.lost, run=status)


def beside_another(folder: Path, app: str, entries: int, wait: float) -> tuple[Verdict, str]:
    store = f"sqlite:///{folder}/logs.db"
    with HeadwayServer(folder, store, app=app) as server, HeadwayServer(folder, store, app=app) as beside:
        verdict, status, _ = asyncio.run(stepped(server, beside, entries, wait))
    return verdict, status


def test_a_server_that_orders_by_time_is_caught(tmp_path: Path) -> None:
    with HeadwayServer(tmp_path, f"json:{tmp_path}/logs", app="orders_by_time") as server:
        verdict, _, _ = asyncio.run(stepped(server, None, 10, 0))
    assert verdict.renumbered > 0


def test_servers_whose_leases_go_by_the_wall_clock_are_caught(tmp_path: Path) -> None:
    assert beside_another(tmp_path, "leases_by_wall_clock", 10, 0.3)[1] == "interrupted"
