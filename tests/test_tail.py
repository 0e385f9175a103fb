"""`ProgressLogger.tail`: replay, live and resume are one path that misses and repeats nothing."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway import ProgressLogger
from headway.errors import LogReplaced
from headway.stores.memory import MemoryStore

from .loggers import log, messages, take

SECONDS = 20


@pytest.fixture
def logger(each_logger):
    return each_logger


def test_tail_yields_what_is_there_and_then_what_comes(logger):
    async def scenario():
        await logger.log_progress("s1", "Read", "1", 1, 1)
        reading = asyncio.create_task(take(4, logger.tail("s1")))
        for n in "234":
            await logger.log_progress("s1", "Read", n, 1, 1)
        return messages(await reading), messages(await take(2, logger.tail("s1", since=2)))

    assert asyncio.run(scenario()) == (["1", "2", "3", "4"], ["3", "4"])


def test_an_unknown_session_is_waited_for(logger):
    async def scenario():
        reading = asyncio.create_task(take(1, logger.tail("s1")))
        await asyncio.sleep(0)
        await logger.log_progress("s1", "Read", "1", 1, 1)
        return messages(await reading)

    assert asyncio.run(scenario()) == ["1"]


def test_an_append_during_a_read_is_not_lost():
    class Racing(MemoryStore):
        raced = False

        def read(self, session_id, since=0, limit=None):
            seen = super().read(session_id, since, limit)
            if not self.raced:  # the append lands after the look, before the answer
                self.raced = True
                logger.log("s1", "late", "", 1, 1)
            return seen

    logger = ProgressLogger(Racing())
    logger.create_session("", "s1")
    (entry,) = asyncio.run(take(1, logger.tail("s1")))
    assert entry.step == "late"
    logger.close()


@settings(max_examples=25, deadline=None)
@given(
    bursts=st.lists(st.integers(1, 4), min_size=1, max_size=12),
    readers=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 5)), min_size=1, max_size=4),
    window=st.sampled_from([1, 3, 1000]),
)
def test_readers_that_come_and_go_miss_and_repeat_nothing_while_appends_race(bursts, readers, window):
    logger = ProgressLogger("memory:")
    logger._recorder.recent._per_session = window
    total = sum(bursts)

    def write() -> None:
        for burst in bursts:
            entries = [{"step": "s", "message": "", "step_number": 1, "total_steps": 1}] * burst
            asyncio.run(logger.log_batch("s1", entries))

    async def follow(begin: int, hop: int) -> list[int]:
        """Read, leaving after every few entries and coming back with what has been seen."""
        seen = list(range(1, min(begin, total) + 1))
        while len(seen) < total:
            entries = await take(min(hop, total - len(seen)), logger.tail("s1", since=len(seen)))
            seen += [e.offset for e in entries]
        return seen

    async def scenario():
        writer = threading.Thread(target=write)
        writer.start()
        late = asyncio.gather(*(follow(0, hop) for _, hop in readers))
        seen = await late
        writer.join(SECONDS)
        return seen + await asyncio.gather(*(follow(begin, hop) for begin, hop in readers))

    assert asyncio.run(scenario()) == [list(range(1, total + 1))] * (2 * len(readers))
    logger.close()


def test_a_log_longer_than_a_page_is_read_in_pages(logger, monkeypatch):
    monkeypatch.setattr("headway.reader.PAGE", 3)
    log(logger, *map(str, range(7)))

    async def scenario():
        async with aclosing(logger.tail_batches("s1")) as batches:
            return [len((await anext(batches)).entries) for _ in range(3)]

    assert asyncio.run(scenario()) == [3, 3, 1]


def test_a_reader_that_leaves_takes_its_bell_along(logger):
    log(logger, "1")
    asyncio.run(take(1, logger.tail("s1")))
    assert not logger.hub.watched("s1")


# --- deleted and replaced logs


def caught(logger: ProgressLogger, *, since: int = 0, epoch: str | None = None) -> str | None:
    """Return the epoch that a reader is told when it asks for what the log does not have."""
    with pytest.raises(LogReplaced, match="start again at since=0") as error:
        asyncio.run(take(1, logger.tail("s1", since, epoch=epoch)))
    return error.value.epoch


def test_a_reader_of_another_log_is_told_so(logger):
    log(logger, "1", "2")
    epoch = logger.session("s1").epoch
    assert caught(logger, since=3) == epoch
    assert caught(logger, since=1, epoch="another") == epoch
    assert messages(asyncio.run(take(1, logger.tail("s1", 1, epoch=epoch)))) == ["2"]
    logger.delete_session("s1")
    assert caught(logger, since=1) is None
    assert caught(logger, epoch=epoch) is None
    log(logger, "new")
    assert caught(logger, epoch=epoch) == logger.session("s1").epoch != epoch


@pytest.mark.parametrize("again", [False, True])
def test_a_session_deleted_while_somebody_follows_it_is_told_at_once(logger, again):
    async def scenario():
        await logger.log_progress("s1", "Read", "1", 1, 1)
        entries = logger.tail("s1")
        assert (await anext(entries)).message == "1"
        waiting = asyncio.ensure_future(anext(entries))
        await asyncio.sleep(0)
        logger.delete_session("s1")
        if again:  # before the reader wakes
            log(logger, *"xyz")
        with pytest.raises(LogReplaced):
            await asyncio.wait_for(waiting, SECONDS)

    asyncio.run(scenario())


def test_nothing_of_a_new_log_is_shown_to_a_reader_of_the_old_one():
    class Replacing(MemoryStore):
        replaced = False

        def read(self, session_id, since=0, limit=None):
            if not self.replaced:  # while the reader waits for the disk
                self.replaced = True
                logger.delete_session("s1")
                log(logger, "new 1", "new 2", "new 3")
            return super().read(session_id, since, limit)

    logger = ProgressLogger(Replacing())
    log(logger, "old")
    epoch = logger.session("s1").epoch
    logger._recorder.recent.forget("s1")
    with pytest.raises(LogReplaced):
        asyncio.run(take(1, logger.tail("s1", 1, epoch=epoch)))
    logger.close()


def test_a_log_that_begins_during_the_first_look_is_read_from_its_own_beginning():
    class Beginning(MemoryStore):
        began = False

        def read(self, session_id, since=0, limit=None):
            if self.began:
                return super().read(session_id, since, limit)
            self.began = True
            seen = super().read(session_id, since, limit)
            log(logger, "old")
            logger.delete_session("s1")
            log(logger, "new")
            return seen

    logger = ProgressLogger(Beginning())
    assert messages(asyncio.run(take(1, logger.tail("s1")))) == ["new"]
    logger.close()
