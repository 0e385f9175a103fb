"""A run is stopped from any server, by an entry of its log."""

from __future__ import annotations

import asyncio

import pytest

from headway import Plan, Run
from headway.errors import RunEnded
from headway.stopping import ask_to_stop, asked_to_stop

from .many import loggers

__all__ = ["loggers"]  # a fixture


def begun(logger):
    run = Run(logger, "s1", Plan.of("p", "Read", "Write"))
    return run, run.begin("Reading")


def test_who_works_hears_who_asks(loggers):
    a, b = loggers
    run, first = begun(a)

    async def obey():
        asked = await asked_to_stop(a, run, first.offset)
        await asyncio.to_thread(run.end, "cancelled", "Stopped")
        return asked

    async def scene():
        async with asyncio.timeout(30):
            obeying = asyncio.create_task(obey())
            last = b.get_progress_logs("s1")[-1]
            await asyncio.gather(ask_to_stop(b, last), ask_to_stop(b, last))  # who asks twice asks once
            return await obeying

    assert asyncio.run(scene()) is True
    log = b.get_progress_logs("s1")
    assert [(entry.message, entry.status) for entry in log] == [
        ("Reading", "running"),
        ("Stopping", "running"),
        ("Stopped", "cancelled"),
    ]
    assert log[1].data == {"cancel": True}
    assert not b.session("s1").active_runs


def test_a_run_that_has_ended_cannot_be_stopped_and_need_not_be(loggers):
    a, b = loggers
    run, first = begun(a)
    run.complete()

    async def scene():
        with pytest.raises(RunEnded, match="completed"):
            await ask_to_stop(b, first)
        return await asked_to_stop(a, run, first.offset)

    assert asyncio.run(scene()) is False


def test_a_run_whose_log_is_deleted_is_to_stop(loggers):
    a, b = loggers
    run, first = begun(a)

    async def scene():
        async with asyncio.timeout(30):
            obeying = asyncio.create_task(asked_to_stop(a, run, first.offset))
            await asyncio.to_thread(b.delete_session, "s1")
            return await obeying

    assert asyncio.run(scene()) is True


def test_who_waits_to_be_asked_does_not_count_as_a_watcher(loggers):
    a, b = loggers
    run, first = begun(a)

    async def scene():
        obeying = asyncio.create_task(asked_to_stop(a, run, first.offset))
        await asyncio.to_thread(run.complete)
        return await obeying

    assert asyncio.run(scene()) is False
    assert b.session("s1").notification == "Done"
