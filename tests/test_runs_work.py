"""Whatever the work of a run does, the run ends in exactly one terminal entry."""

from __future__ import annotations

import asyncio
import threading

import pytest

from headway import Entry
from headway.errors import (
    HeadwayError,
    RunCancelled,
    RunEnded,
    StoreError,
)

from .loggers import does, ended

SECONDS = 20
pytestmark = pytest.mark.usefixtures("request_types")


def ran(hosting, logger, work, **options) -> Entry:
    """Run *work* to its end and return its terminal entry, the only one."""

    async def scenario():
        async with hosting(**options) as runs:
            run = await runs.start("s1", "prompt", does(work))
            await ended(logger, run)
        return run

    run = asyncio.run(scenario())
    found = [e for e in logger.get_progress_logs("s1") if e.run_id == run.run_id]
    assert [e.terminal for e in found] == [False] * (len(found) - 1) + [True]
    assert logger.session("s1").active_runs == ()
    return found[-1]


class Refused(HeadwayError):
    hint = "ask for less"
    examples = ("one", "two")


def raising(error: BaseException):
    def work(prompt, run):
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "message", "facts"),
    [
        (
            Refused("too much"),
            "too much",
            {"code": "Refused", "message": "too much", "hint": "ask for less", "examples": ["one", "two"]},
        ),
        (HeadwayError("x" * 9000), "x" * 2000, {"code": "HeadwayError", "message": "x" * 2000}),
        (HeadwayError("\ud800"), "?", None),
    ],
)
def test_an_error_of_ours_is_told_as_it_is(hosting, logger, error, message, facts):
    end = ran(hosting, logger, raising(error))
    assert (end.status, end.message, end.data) == ("error", message, facts and {"error": facts})


@pytest.mark.parametrize(
    "error", [KeyError("/etc/secret"), SystemExit(3), asyncio.CancelledError(), MemoryError()]
)
def test_an_error_of_others_is_logged_in_the_server_and_its_text_not_told(hosting, logger, caplog, error):
    end = ran(hosting, logger, raising(error))
    assert end.status == "error" and end.data["error"]["code"] == "unexpected"
    assert end.message.startswith(f"{type(error).__name__}: an unexpected error; the server's log has it as ")
    assert "secret" not in end.message and end.message.split()[-1] in caplog.text


def test_work_that_ends_its_run_itself_or_goes_on_after_its_end_changes_nothing(hosting, logger):
    def work(prompt, run):
        run.end("completed", "by myself")
        run.step("Work", "too late")

    assert ran(hosting, logger, work).message == "by myself"


def test_work_that_cancels_its_own_run_is_cancelled(hosting, logger):
    assert ran(hosting, logger, lambda prompt, run: run.cancel()).status == "cancelled"


def test_work_may_be_a_coroutine(hosting, logger):
    async def work(prompt, run):
        await asyncio.sleep(0)
        run.finish("async")

    assert ran(hosting, logger, work).message == "async"


def test_a_result_that_is_too_large_is_an_error(hosting, logger):
    end = ran(hosting, logger, lambda prompt, run: run.finish("done", rows="x" * 20_000))
    assert end.status == "error" and end.data["error"]["code"] == "InvalidEntry"
    assert "at most 16384 bytes" in end.message


def test_the_database_is_opened_in_the_worker_and_its_failure_is_the_runs(hosting, logger):
    def work(prompt, run):
        run.finish(f"{run.database} {threading.current_thread().name[:11]}")

    assert ran(hosting, logger, work, database=lambda: "shop").message == "shop headway-run"


def test_a_database_that_cannot_be_opened_is_an_error_of_the_run(hosting, logger):
    def refuse():
        raise HeadwayError("no database")

    end = ran(hosting, logger, lambda prompt, run: None, database=refuse)
    assert (end.status, end.message) == ("error", "no database")


def test_a_store_that_fails_at_the_end_is_asked_again_until_it_has_it(
    hosting, logger, store, monkeypatch, caplog
):
    monkeypatch.setattr("headway.runs.RETRY_SECONDS", 0.001)
    refused = threading.Event()
    plain = logger.log

    def log(*args, **more):
        try:
            return plain(*args, **more)
        except StoreError:
            refused.set()
            store.heal()
            raise

    logger.log = log

    def work(prompt, run):
        run.finish("it lasted")
        store.fail(StoreError("the disk is full"))

    assert ran(hosting, logger, work).message == "it lasted"
    assert refused.is_set() and "its end could not be logged" in caplog.text


def test_work_that_does_not_listen_is_ended_all_the_same(hosting, logger, monkeypatch):
    monkeypatch.setattr("headway.runs.STOP_SECONDS", 0.01)
    began, go_on, raised = threading.Event(), threading.Event(), []

    def deaf(prompt, run):
        began.set()
        assert go_on.wait(SECONDS)
        try:
            run.step("Work", "still here")
        except RunCancelled as error:
            raised.append(error)
            raise

    async def scenario():
        async with hosting() as runs:
            run = await runs.start("s1", "p", does(deaf))
            await asyncio.to_thread(began.wait, SECONDS)
            await runs.cancel(run.run_id)
            status = logger.get_progress_logs("s1")[-1].status
            with pytest.raises(RunEnded):
                await runs.cancel(run.run_id)
            future = runs._alive[run.run_id][1]
            go_on.set()
            await asyncio.wrap_future(future)
            return status

    assert asyncio.run(scenario()) == "cancelled"
    assert len(raised) == 1
    assert [e.status for e in logger.get_progress_logs("s1")] == ["running", "cancelled"]


def test_a_secret_in_a_prompt_reaches_neither_the_work_nor_what_it_says(hosting, logger):
    def quote(prompt, run):
        run.step("Work", f"nothing is known of {prompt.replace('=', ' and ')}")
        run.finish(prompt.partition("=")[2])

    async def scenario():
        async with hosting() as runs:
            entries = await ended(logger, await runs.start("s1", "revenue password=hunter2", does(quote)))
            told = repr([entries, logger.session("s1")])
            assert "hunter2" not in told
            assert told.count("[redacted]") >= 3

    asyncio.run(scenario())
