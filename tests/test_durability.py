"""What an entry outlasts when its call returns, and what becomes of calls that do not wait."""

import asyncio
import threading

import pytest

from headway import ProgressLogger
from headway.errors import InvalidOption, StoreError
from headway.testing.making import entries

from .loggers import messages

SECONDS = 10
ENTRY = {"step": "Read", "message": "batch", "step_number": 1, "total_steps": 1}


def in_a_thread(work) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def behind_a_commit(logger, store, until, *durabilities: str) -> list[bool]:
    """Log with each durability while a commit goes on; return what is flushed in the commits after it."""
    store.gate.clear()
    threads = [in_a_thread(lambda: logger.log("s1", "Read", "first", 1, 1))]
    assert store.began.wait(SECONDS)
    for n, durability in enumerate(durabilities, 1):
        work = lambda durability=durability: logger.log("s1", "Read", "", 1, 1, durability=durability)  # noqa: E731
        threads.append(in_a_thread(work))
        until(lambda n=n: logger._recorder.behind == n)
    store.gate.set()
    for thread in threads:
        thread.join(SECONDS)
    return [batch.flush for batch in store.batches[1:]]


@pytest.mark.parametrize(
    ("durabilities", "flush"),
    [
        (["disk"], True),
        (["process"], False),
        (["process", "process"], False),
        (["process", "disk", "process"], True),
    ],
)
def test_a_commit_is_flushed_when_any_of_its_calls_asks_for_it(logger, store, until, durabilities, flush):
    assert behind_a_commit(logger, store, until, *durabilities) == [flush]


@pytest.mark.parametrize("durability", ["disk", "process"])
def test_the_loggers_durability_is_that_of_calls_that_name_none(store, durability):
    logger = ProgressLogger(store, durability=durability)
    other = "process" if durability == "disk" else "disk"

    async def scenario():
        for more in ({}, {"durability": other}):
            logger.log("s1", "Read", "", 1, 1, **more)
            await logger.log_progress("s1", "Read", "", 1, 1, **more)
            await logger.log_batch("s1", [ENTRY], **more)

    asyncio.run(scenario())
    assert [batch.flush for batch in store.batches] == [durability == "disk"] * 3 + [other == "disk"] * 3
    logger.close()


def test_a_durability_that_there_is_not_is_refused_and_nothing_is_logged(logger, store):
    for attempt in (
        lambda: ProgressLogger("memory:", durability="forever"),
        lambda: logger.log("s1", "Read", "", 1, 1, durability="forever"),
        lambda: asyncio.run(logger.log_progress("s1", "Read", "", 1, 1, durability="forever")),
    ):
        with pytest.raises(InvalidOption, match="durability is 'forever'; allowed: disk, process, memory"):
            attempt()
    assert store.batches == []


def test_calls_that_do_not_wait_return_at_once_and_their_entries_are_written_in_order(logger, store):
    store.gate.clear()  # nothing can be written yet

    async def scenario():
        one = await logger.log_progress("s1", "Read", "1", 1, 1, durability="memory")
        more = await logger.log_batch("s1", [ENTRY, ENTRY], durability="memory")
        return [one, *more, logger.log("s1", "Read", "4", 1, 1, durability="memory")]

    returned = asyncio.run(scenario())
    assert [e.offset for e in returned] == [0] * 4
    assert entries(store, "s1") == []
    store.gate.set()
    last = logger.log("s1", "Read", "5", 1, 1)
    assert (last.offset, messages(entries(store, "s1"))) == (5, ["1", "batch", "batch", "4", "5"])


def test_what_nobody_waited_for_is_in_the_log_when_the_logger_is_closed(tmp_path):
    logger = ProgressLogger(f"json:{tmp_path}", durability="memory")
    for n in range(100):
        logger.log("s1", "Read", str(n), 1, 1)
    logger.close()
    again = ProgressLogger(f"json:{tmp_path}")
    assert messages(again.get_progress_logs("s1")) == [str(n) for n in range(100)]
    again.close()


def test_too_many_calls_that_nobody_waits_for_are_waited_for(logger, store, until, monkeypatch):
    monkeypatch.setattr("headway.logger.MAX_BEHIND", 3)
    store.gate.clear()
    logger.log("s1", "Read", "in the commit", 1, 1, durability="memory")
    assert store.began.wait(SECONDS)
    gone_on = [logger.log("s1", "Read", str(n), 1, 1, durability="memory").offset for n in range(3)]
    answers = []

    async def patient():
        answers.append((await logger.log_progress("s1", "Read", "", 1, 1, durability="memory")).offset)

    threads = [
        in_a_thread(lambda: answers.append(logger.log("s1", "Read", "", 1, 1, durability="memory").offset))
    ]
    until(lambda: logger._recorder.behind == 4)
    threads.append(in_a_thread(lambda: asyncio.run(patient())))
    until(lambda: logger._recorder.behind == 5)
    assert (gone_on, answers) == ([0, 0, 0], [])
    store.gate.set()
    for thread in threads:
        thread.join(SECONDS)
    assert sorted(answers) == [5, 6]  # their entries were written when they returned


def test_a_call_that_nobody_waits_for_and_that_fails_is_told_in_the_servers_log_and_harms_nobody(
    logger, store, until, caplog
):
    def refuse(batch) -> None:
        if any(e.message == "bad" for e in batch.entries):
            raise StoreError("the disk is on fire")

    store.before = refuse
    store.gate.clear()
    logger.log("s1", "Read", "first", 1, 1, durability="memory")
    assert store.began.wait(SECONDS)
    for message in ("1", "bad", "2"):
        logger.log("s1", "Read", message, 1, 1, durability="memory")
    store.gate.set()
    assert logger.log("s1", "Read", "3", 1, 1).offset == 4
    assert messages(entries(store, "s1")) == ["first", "1", "2", "3"]
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("headway.recorder", "ERROR", "1 entries of nobody who waits are lost: the disk is on fire")
    ]
