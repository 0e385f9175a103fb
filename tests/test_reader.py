"""`LogReader.read`: what follows a place of a log, or that the log does not have that place."""

import asyncio
from contextlib import aclosing

import pytest

from headway import ProgressLogger
from headway.entry import encode
from headway.errors import InvalidEntry, InvalidSessionId, LogReplaced, StoreError, UnknownSession
from headway.stores.memory import MemoryStore
from headway.testing.making import append as write
from headway.testing.making import entries, entry, record

from .loggers import SECONDS, TrialStore, log, messages, take


@pytest.fixture
def logger(each_logger):
    return each_logger


def read(logger, *place, **more):
    return asyncio.run(logger.read(*place, **more))


@pytest.mark.parametrize("at_hand", [True, False])
def test_an_excerpt_is_the_entries_their_json_forms_and_the_record(logger, at_hand):
    stored = log(logger, *map(str, range(5)))
    for since, limit in [(0, None), (2, None), (1, 2), (5, None), (0, 0), (5, 1)]:
        if not at_hand:
            logger._recorder.recent.forget("s1")
        found = read(logger, "s1", since, limit)
        assert found.entries == stored[since:][:limit] == entries(logger.store, "s1", since, limit)
        assert found.encoded == [encode(e) for e in found.entries]
        assert found.session == logger.session("s1")


def test_a_session_that_is_not_there_has_nothing_to_read(logger):
    assert read(logger, "s1") is None
    assert read(logger, "s1", 0, 5) is None
    assert logger.get_progress_logs("s1", 3) == []
    with pytest.raises(UnknownSession):
        logger.session("s1")


def test_a_session_without_entries_is_read_as_it_is(logger):
    made = logger.create_session("Empty", "s1")
    found = read(logger, "s1", epoch=made.epoch)
    assert (found.session, found.entries, found.encoded) == (made, [], [])


def test_a_place_that_cannot_be_is_refused(logger):
    for place, error, said in [
        (("../x",), InvalidSessionId, "not a session id"),
        (("s1", -1), InvalidEntry, "since is -1"),
        (("s1", True), InvalidEntry, "since is True"),
        (("s1", 0, -1), InvalidEntry, "limit is -1"),
    ]:
        with pytest.raises(error, match=said):
            read(logger, *place)


def replaced(logger, since: int = 0, epoch: str | None = None) -> str | None:
    """Return the epoch that a reader is told, whose log is not the one that is there."""
    with pytest.raises(LogReplaced, match="start again at since=0") as error:
        read(logger, "s1", since, epoch=epoch)
    return error.value.epoch


@pytest.mark.parametrize("at_hand", [True, False])
def test_a_reader_of_another_log_is_told_the_epoch_of_the_one_that_is_there(logger, at_hand):
    log(logger, "1", "2")
    epoch = logger.session("s1").epoch
    if not at_hand:
        logger._recorder.recent.forget("s1")
    assert replaced(logger, 3) == epoch
    assert replaced(logger, 3, epoch) == epoch
    assert replaced(logger, 0, "another") == epoch
    assert replaced(logger, 2, "another") == epoch
    assert messages(read(logger, "s1", 1, epoch=epoch).entries) == ["2"]


def test_a_reader_of_a_deleted_log_is_told_that_there_is_none(logger):
    log(logger, "1", "2")
    epoch = logger.session("s1").epoch
    logger.delete_session("s1")
    assert (replaced(logger, 1), replaced(logger, 0, epoch), replaced(logger, 2, epoch)) == (None,) * 3
    assert read(logger, "s1") is None  # who knows nothing of it waits for it
    log(logger, "new", "new", "new")
    assert replaced(logger, 1, epoch) == logger.session("s1").epoch != epoch


def test_a_store_that_cannot_be_read_says_so():
    class Broken(MemoryStore):
        def read(self, session_id, since=0, limit=None):
            raise StoreError("the disk is on fire")

    logger = ProgressLogger(Broken())
    with pytest.raises(StoreError, match="on fire"):
        read(logger, "s1")
    log(logger, "1")
    assert messages(read(logger, "s1").entries) == ["1"]  # from memory
    logger.close()


# --- archived logs have gaps


def test_a_reader_of_an_archived_log_goes_on_from_the_last_offset_that_it_has(logger):
    run = {"run_id": "s1.r", "fraction": 0.5}
    log(logger, "first", "dropped", "dropped", "last update", **run)
    log(logger, "end", run_id="s1.r", status="completed")
    logger.archive_session("s1")

    async def scenario():
        tail = logger.tail("s1")
        told = [await anext(tail) for _ in range(3)]
        waiting = asyncio.ensure_future(anext(tail))
        await logger.log_progress("s1", "Read", "again", 1, 1)
        told.append(await asyncio.wait_for(waiting, SECONDS))
        resumed = {since: await take(6 - max(since, 3), logger.tail("s1", since)) for since in range(1, 6)}
        await tail.aclose()
        return told, resumed

    told, resumed = asyncio.run(scenario())
    assert [e.offset for e in told] == [1, 4, 5, 6]
    assert messages(told) == ["first", "last update", "end", "again"]
    assert resumed == {since: [e for e in told if e.offset > since] for since in range(1, 6)}


def test_an_archived_log_is_read_in_pages_without_end_or_repeat(logger, monkeypatch):
    monkeypatch.setattr("headway.reader.PAGE", 2)
    log(logger, *map(str, range(9)))
    logger._change("s1", lambda: logger.store.archive("s1", lambda entries: entries[::2]))

    async def scenario():
        async with aclosing(logger.tail_batches("s1")) as batches:
            return [[e.offset for e in (await anext(batches)).entries] for _ in range(3)]

    assert asyncio.run(scenario()) == [[1, 3], [5, 7], [9]]


# --- who is seen by whom


def test_a_reader_that_shows_nothing_to_anybody_leaves_the_notification(logger):
    async def scenario():
        for session_id, watching in (("s1", True), ("s2", False)):
            async with aclosing(logger.tail_batches(session_id, watching=watching)) as batches:
                waiting = asyncio.ensure_future(anext(batches))
                await asyncio.sleep(0)
                await logger.log_progress(session_id, "Read", "done", 1, 1, status="completed")
                assert messages((await waiting).entries) == ["done"]

    asyncio.run(scenario())
    assert [logger.session(sid).notification for sid in ("s1", "s2")] == [None, "done"]


class SharedStore(TrialStore):
    """A store of which the test plays the other servers."""

    shared = True

    def relay(self, ring) -> None:
        self.ring = ring


@pytest.mark.parametrize(
    ("begun", "notification", "left"),
    [(True, "done", None), (False, "done", "done"), (True, "another", "another")],
)
def test_the_end_of_a_run_on_another_server_that_is_shown_here_live_is_seen(begun, notification, left):
    store = SharedStore()
    logger = ProgressLogger(store)
    log(logger, "1")
    if not begun:
        write(store, [entry("done", status="completed")])
        store.ring("s1")

    async def scenario():
        async with aclosing(logger.tail("s1")) as tail:
            assert (await anext(tail)).message == "1"
            waiting = asyncio.ensure_future(anext(tail))
            await asyncio.sleep(0)  # it waits for the bell, when the end is not there yet
            if begun:
                write(store, [entry("done", status="completed")])
                if notification != "done":
                    store.update_session("s1", lambda s: s.notified(notification, s.last_activity))
                store.ring("s1")
            assert (await asyncio.wait_for(waiting, SECONDS)).message == "done"

    asyncio.run(scenario())
    logger._change("other", lambda: None)  # in its turn after what was asked before
    assert record(store, "s1").notification == left
    logger.close()
