"""Servers of one store that die, sleep and come: their runs end, their viewers go on elsewhere."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from .many import ended, entries_of, house, offsets

__all__ = ["house"]  # a fixture


async def moving(a, b, session_id, moved):
    """Follow a session on A until that dies, then on B from there; return the entries, with the last one."""
    found = []
    try:
        async with a.watch(session_id) as socket:
            async for entry in socket:
                found += [entry]
                moved.set()
    except ConnectionClosed:
        pass
    found = list(map(json.loads, found))
    epoch = b.session(session_id)["epoch"]
    place = f"{b.ws}/ws/progress/{session_id}?since={found[-1]['offset']}&epoch={epoch}"
    async with connect(place) as socket:
        return found, found + await entries_of(socket, ended)


def test_runs_of_the_dead_and_of_the_sleeping_end_and_those_of_the_living_go_on(house, until):
    a, b, asleep = house.start(3)
    for server, session_id in ((a, "dead"), (b, "alive"), (asleep, "asleep")):
        server.run(session_id, seconds=0.05)

    async def scene():
        watched = asyncio.Event()
        mover = asyncio.create_task(moving(a, b, "dead", watched))
        async with b.watch("dead") as dead, b.watch("asleep") as sleeping:
            await watched.wait()
            await asyncio.to_thread(until, lambda: len(a.log("dead")) > 20)
            a.process.popen.kill()
            asleep.process.popen.send_signal(signal.SIGSTOP)
            (late,) = await asyncio.to_thread(house.start, 1)
            async with asyncio.timeout(30):
                ends = [await entries_of(socket, ended) for socket in (dead, sleeping)]
            return late, await mover, ends

    late, (before, moved), (dead, sleeping) = asyncio.run(scene())
    assert 20 < len(before) < len(moved)
    for found in (moved, dead, sleeping):
        assert offsets(found) == list(range(1, len(found) + 1))
        assert found[-1]["status"] == "interrupted"
    assert moved == dead == late.log("dead")
    assert late.session("dead")["status"] == "error"
    assert late.session("alive")["status"] == "processing"  # whoever came did not end it
    reached = len(b.log("alive"))
    until(lambda: len(late.log("alive")) > reached)

    asleep.process.popen.send_signal(signal.SIGCONT)
    asleep.run("woken", 5)
    until(lambda: asleep.session("woken")["status"] == "completed")
    run_id = sleeping[-1]["run_id"]
    refused = asleep.ask("POST", f"runs/{run_id}/cancel")
    assert (refused.status_code, b.log("asleep")) == (409, sleeping)  # what it had to add came too late
    assert late.session("alive")["status"] == "processing"  # and it judged nobody when it woke


CLAIM = """
import sys
from headway import ProgressLogger
from headway.orphans import interrupt_orphans
logger = ProgressLogger(sys.argv[1])
print(interrupt_orphans(logger))
logger.close()
"""


def test_another_program_that_looks_for_orphans_leaves_the_runs_of_the_living_alone(house):
    (a,) = house.start(1)
    a.run("s1", seconds=0.05)
    looked = subprocess.run([sys.executable, "-c", CLAIM, house.store], capture_output=True, text=True)
    assert (looked.stdout, looked.stderr) == ("0\n", "")
    assert a.session("s1")["status"] == "processing"
