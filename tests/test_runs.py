"""The runs of a server: started, several at once, cancelled, retried, described, interrupted."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

import pytest

import headway
from headway import Run
from headway.artifacts import Artifacts
from headway.errors import (
    InvalidEntry,
    InvalidSessionId,
    RunAlive,
    RunEnded,
    UnknownArtifact,
    UnknownRequestType,
    UnknownRun,
)

from .loggers import does, ended

SECONDS = 20
pytestmark = pytest.mark.usefixtures("request_types")


@pytest.fixture
def artifacts(tmp_path) -> Artifacts:
    return Artifacts(tmp_path)


@pytest.fixture
def gate() -> threading.Event:
    """The request type ``wait`` goes on when it is set, or when the run is cancelled."""
    gate = threading.Event()

    @headway.request_type("wait", ["Waiting", "Done"])
    def wait(prompt: str, run: Run) -> None:
        with run.on_cancel(gate.set):
            run.step("Waiting", "for the gate")
            assert gate.wait(SECONDS)
        run.step("Done")
        run.finish(f"did {prompt}")

    yield gate
    gate.set()


def test_a_run_is_stored_before_start_returns_and_goes_on_without_its_caller(hosting, logger, gate):
    async def scenario():
        async with hosting() as runs:
            run = await runs.start("s1", "  Monthly revenue ", "wait")
            first = logger.get_progress_logs("s1")[0]
            session = logger.session("s1")
            gate.set()
            return first, session, await ended(logger, run)

    first, session, entries = asyncio.run(scenario())
    assert (first.step, first.message, first.run_fraction) == ("Waiting", "Starting", 0.0)
    assert first.data | {"owner": ""} == {
        "prompt": "Monthly revenue",
        "type": "wait",
        "plan": ["Waiting", "Done"],
        "owner": "",
    }
    assert (session.title, session.status) == ("Monthly revenue", "processing")
    assert [(e.step, e.status) for e in entries[1:]] == [
        ("Waiting", "running"),
        ("Done", "running"),
        ("Done", "completed"),
    ]
    assert entries[-1].message == "did Monthly revenue"
    assert logger.session("s1").status == "completed"


def test_several_runs_go_on_at_once_and_further_ones_say_that_they_wait(hosting, logger, gate):
    async def scenario():
        async with hosting(workers=2) as runs:
            started = [await runs.start(f"s{n}", "p", "wait") for n in range(4)]
            said = [logger.get_progress_logs(f"s{n}")[0].message for n in range(4)]
            gate.set()
            return said, [(await ended(logger, run))[-1].status for run in started]

    said, statuses = asyncio.run(scenario())
    assert said == [
        "Starting",
        "Starting",
        "Waiting for 1 other run to end",
        "Waiting for 2 other runs to end",
    ]
    assert statuses == ["completed"] * 4


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("../x", "p", "wait"), InvalidSessionId),
        (("s1", "", "wait"), InvalidEntry),
        (("s1", " \n", "wait"), InvalidEntry),
        (("s1", "x" * 4001, "wait"), InvalidEntry),
        (("s1", None, "wait"), InvalidEntry),
        (("s1", "p", "nonsense"), UnknownRequestType),
    ],
)
def test_what_cannot_be_asked_starts_nothing(hosting, logger, gate, arguments, error):
    async def scenario():
        async with hosting() as runs:
            with pytest.raises(error):
                await runs.start(*arguments)

    asyncio.run(scenario())
    assert logger.sessions() == []


def test_a_caller_that_gives_up_while_a_run_starts_leaves_no_run_without_its_work(
    hosting, logger, store, gate
):
    store.gate.clear()
    gate.set()

    async def scenario():
        async with hosting() as runs:
            starting = asyncio.ensure_future(runs.start("s1", "p", "wait"))
            await asyncio.to_thread(store.began.wait, SECONDS)
            starting.cancel()
            await asyncio.wait({starting})
            store.gate.set()
            async with asyncio.timeout(SECONDS), aclosing(logger.tail("s1")) as entries:
                async for entry in entries:
                    if entry.terminal:
                        return entry.status

    assert asyncio.run(scenario()) == "completed"


def test_a_cancelled_run_has_its_terminal_entry_when_cancel_returns(hosting, logger, gate):
    async def scenario():
        async with hosting(workers=1) as runs:
            alive = await runs.start("s1", "p", "wait")
            queued = await runs.start("s2", "p", "wait")
            for run in (queued, alive):
                await runs.cancel(run.run_id)
            return [logger.get_progress_logs(sid)[-1] for sid in ("s1", "s2")], alive, runs

    last, run, runs = asyncio.run(scenario())
    assert [(e.status, e.message) for e in last] == [("cancelled", "Stopped")] * 2
    assert logger.session("s1").status == "error"
    with pytest.raises(RunEnded, match="has ended: cancelled"):
        asyncio.run(runs.cancel(run.run_id))


def test_a_run_can_be_asked_again_when_it_has_ended(hosting, logger, gate):
    async def scenario():
        async with hosting() as runs:
            run = await runs.start("s1", "p", "wait")
            with pytest.raises(RunAlive, match="has not ended yet"):
                await runs.retry(run.run_id)
            gate.set()
            await ended(logger, run)
            again = await runs.retry(run.run_id)
            await ended(logger, again)
            return run, again, await runs.describe(again.run_id)

    run, again, told = asyncio.run(scenario())
    assert (again.session_id, again.prompt) == ("s1", "p") and again.run_id != run.run_id
    assert (told["status"], told["type"]) == ("completed", "wait")


def test_a_run_is_described_by_its_entries(hosting, logger, artifacts):
    def work(prompt, run):
        with run.artifact("text", "findings.json") as path:
            path.write_text("{}")

    async def scenario():
        async with hosting() as runs:
            run = await runs.start("s1", "p", does(work))
            entries = await ended(logger, run)
            return run, entries, await runs.describe(run.run_id)

    run, entries, told = asyncio.run(scenario())
    assert told == {
        "run_id": run.run_id,
        "session_id": "s1",
        "prompt": "p",
        "type": "demo",
        "plan": ["Work"],
        "status": "completed",
        "step": "Work",
        "run_fraction": 1.0,
        "eta_seconds": None,
        "started_at": entries[0].timestamp,
        "ended_at": entries[-1].timestamp,
        "result": entries[-1].data,
        "artifacts": entries[-1].data["artifacts"],
    }
    assert artifacts.find(told["artifacts"][0]["artifact_id"]).name == "findings.json"


@pytest.mark.parametrize("run_id", ["", "nonsense", "s1", "s1.00000000", "../x.1", ".", "s1."])
def test_an_unknown_run_is_said_to_be(hosting, logger, run_id):
    logger.log("s1", "Read", "", 1, 1, run_id="s1.other")

    async def scenario():
        async with hosting() as runs:
            for ask in (runs.describe, runs.cancel, runs.retry):
                with pytest.raises(UnknownRun):
                    await ask(run_id)
            with pytest.raises(UnknownRun):
                await runs.cancel("s1.other")  # another program's: only that one can stop it

    asyncio.run(scenario())


def test_deleting_a_session_stops_its_runs_and_deletes_its_artifacts(hosting, logger, artifacts, gate):
    def work(prompt, run):
        with run.artifact("file", "rows.csv") as path:
            path.write_text("a")

    async def scenario():
        async with hosting() as runs:
            done = await runs.start("s1", "p", does(work))
            made = (await ended(logger, done))[-1].data["artifacts"][0]["artifact_id"]
            alive = await runs.start("s1", "p", "wait")
            await runs.delete_session("s1")
            return made, alive

    made, alive = asyncio.run(scenario())
    assert alive.status == "cancelled" and logger.sessions() == []
    with pytest.raises(UnknownArtifact):
        artifacts.find(made)


def test_closing_interrupts_what_is_alive_and_what_is_started_meanwhile(hosting, logger, gate):
    async def scenario():
        async with hosting(workers=1) as runs:
            for session_id in ("s1", "s2"):
                await runs.start(session_id, "p", "wait")
            await runs.close()
            await runs.start("s3", "p", "wait")

    asyncio.run(scenario())
    ends = [logger.get_progress_logs(sid)[-1] for sid in ("s1", "s2", "s3")]
    assert [e.status for e in ends] == ["interrupted"] * 3
    assert all("Ask again" in e.message for e in ends)
