"""A disk that takes nothing more is an answer, not a crash, and is forgotten when it is well again."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import httpx
import pytest

from .conftest import Proof
from .disks import Disk, Limited, ReadOnly, Small, disk, mounted
from .load import Load, logs
from .server import HeadwayServer, until
from .verdict import KEPT, Verdict, caught_up, judge
from .watchers import WAYS, watching

TEXT = " " + "word " * 200  # of each entry, so that a small disk is full soon
STORES = {"json": "json:{}/logs", "sqlite": "sqlite:///{}/logs.db"}


async def filled(server: HeadwayServer, faulty: Disk, faults: int) -> tuple[Verdict, Load, int]:
    """Have the disk fail so often under load, and compare what is left with what was said."""
    load = Load(server.url, sessions=4, producers=8, text=TEXT)
    watchers = [WAYS[n](server.url, session_id) for n, session_id in enumerate(load.sessions)]
    answers = 0
    async with watching(watchers), httpx.AsyncClient(base_url=server.url, verify=False) as client:
        await server.start()
        async with load.running():
            for _ in range(faults):
                await load.more(30)
                faulty.fail(server)
                await refused(load)
                for path in ("/healthz", "/readyz", f"/api/progress/{load.sessions[0]}"):
                    answers += (await client.get(path)).status_code == 200
                faulty.heal(server)
                await load.more(30)
        server.kill()
        await server.start()
        left = await logs(server.url, load.sessions)
        await caught_up(watchers, left, 15)
    return judge(left, load.acknowledged, load.asked, watchers), load, answers


async def refused(load: Load) -> None:
    """Wait until the server has refused some calls, or has said too often that it has what it has not."""
    before, known = load.refused[507], len(load.acknowledged)
    await until(lambda: load.refused[507] > before + 20 or len(load.acknowledged) > known + 500)


@pytest.mark.parametrize("kind", [Limited, Small, ReadOnly])
@pytest.mark.parametrize("store", STORES)
def test_a_full_disk_is_answered_and_heals_without_a_restart(
    proof: Proof, tmp_path: Path, store: str, kind: type[Disk]
) -> None:
    faults = proof.of(1, 20)
    with (
        disk(kind, tmp_path) as faulty,
        HeadwayServer(tmp_path, STORES[store].format(faulty.folder)) as server,
    ):
        verdict, load, answers = asyncio.run(filled(server, faulty, faults))
    assert (verdict, set(load.refused), answers) == (KEPT, {507}, 3 * faults)
    proof.found(
        f"disk {kind.fault}, {store}",
        faults=faults,
        acknowledged=len(load.acknowledged),
        answered_507=load.refused[507],
        lost=verdict.lost,
        twice=verdict.twice,
    )


def test_a_server_that_swallows_errors_is_caught(tmp_path: Path) -> None:
    with disk(Limited, tmp_path) as faulty:
        store = STORES["json"].format(faulty.folder)
        with HeadwayServer(tmp_path, store, app="swallows_errors") as server:
            verdict, load, _ = asyncio.run(filled(server, faulty, 1))
    assert verdict.lost > 0
    assert not load.refused


@pytest.mark.parametrize("store", STORES)
def test_a_server_does_not_start_on_a_disk_that_it_cannot_write_to(tmp_path: Path, store: str) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    with mounted(place, "ro"), HeadwayServer(tmp_path, STORES[store].format(place)) as server:
        server.spawn()
        asyncio.run(until(lambda: not server.alive))
        assert server.terminate() == 1
        assert str(place) in server.said()
        assert os.strerror(errno.EROFS) in server.said()
