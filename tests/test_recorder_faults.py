"""The recorder when something goes wrong: a guilty call, a server that is away, a full log, other writers."""

import asyncio
import threading
from collections import Counter
from concurrent.futures import Future
from itertools import count

import pytest

from headway import ProgressLogger
from headway.errors import LogFull, StoreError, StoreUnreachable
from headway.recorder import Recorder
from headway.stores import Batch
from headway.stores.commit import FULL
from headway.stores.memory import MemoryStore
from headway.testing.making import append as write
from headway.testing.making import entries, entry, record

from .loggers import TrialStore, log, messages

SECONDS = 10


class RelayedStore(TrialStore):
    """A store of which the test plays the other writers."""

    def relay(self, ring) -> None:
        self.ring = ring


@pytest.fixture
def store() -> RelayedStore:
    return RelayedStore()


@pytest.fixture
def recorder(store):
    recorder = Recorder(store, limit=3)
    yield recorder
    store.gate.set()
    recorder.release()


def together(recorder: Recorder, store: TrialStore, *asked, fault=None) -> list[Future]:
    """Have entries written in one batch, each for a caller of its own; the store does *fault* then."""
    store.gate.clear()
    store.began.clear()
    recorder.append([entry("before", "other")], None)
    assert store.began.wait(SECONDS)
    callers = [Future() for _ in asked]
    for one, caller in zip(asked, callers, strict=True):
        recorder.append([one], caller)
    store.before = fault or store.before
    store.gate.set()
    return callers


def outcomes(callers: list[Future]) -> list[object]:
    """Return the offset that each caller got, or the kind of error."""
    errors = [caller.exception(SECONDS) for caller in callers]
    return [type(e) if e else c.result()[0].offset for c, e in zip(callers, errors, strict=True)]


def test_a_guilty_call_costs_the_others_a_few_commits_and_not_one_each(recorder, store):
    def refuse(batch) -> None:
        if any(e.message == "bad" for e in batch.entries):
            raise StoreError("no")

    asked = [entry("bad" if n == 40 else str(n), f"s{n}") for n in range(64)]
    callers = together(recorder, store, *asked, fault=refuse)
    assert outcomes(callers) == [StoreError if n == 40 else 1 for n in range(64)]
    sizes = [len(batch.entries) for batch in store.batches[1:]]
    assert sizes == [64, 32, 32, 16, 8, 8, 4, 2, 1, 1, 2, 4, 16]


# --- a server that does not answer


@pytest.fixture
def away(store, monkeypatch):
    """Give a function that makes a fault: a store that cannot be reached for so many attempts."""
    monkeypatch.setattr("headway.recorder.PAUSE", 0.001)

    def unreachable_for(attempts: float):
        begun = count(1)

        def fail(batch) -> None:
            if next(begun) <= attempts:
                raise StoreUnreachable("connection refused")

        return fail

    return unreachable_for


def test_a_server_that_comes_back_is_asked_the_same_again_and_nothing_is_lost(recorder, store, away):
    asked = [entry("1"), entry("2", "s2"), entry("3"), entry("4")]
    callers = together(recorder, store, *asked, fault=away(3))
    assert outcomes(callers) == [1, 1, 2, 3]
    assert outcomes(together(recorder, store, entry("5", "s3"))) == [1]
    assert messages(entries(store, "s1")) == ["1", "3", "4"]


def test_each_attempt_is_the_same_batch_and_the_next_batch_is_another(recorder, store, away):
    store.before = away(3)
    first, second = Future(), Future()
    recorder.append([entry("1")], first)
    assert first.result(SECONDS)[0].offset == 1
    recorder.append([entry("2")], second)
    assert second.result(SECONDS)[0].offset == 2
    *attempts, last = store.batches
    assert len(attempts) == 4 and all(attempt is attempts[0] for attempt in attempts)
    assert attempts[0].writer == last.writer != ""
    assert [attempts[0].number, last.number] == [1, 2]


def test_recorders_are_different_writers():
    one, two = (Recorder(TrialStore()) for _ in range(2))
    for recorder in (one, two):
        waiting = Future()
        recorder.append([entry()], waiting)
        waiting.result(SECONDS)
        recorder.release()
    assert one.store.batches[0].writer != two.store.batches[0].writer


def test_after_the_patience_all_callers_fail_with_it_and_the_next_batch_is_another(
    recorder, store, away, monkeypatch
):
    monkeypatch.setattr("headway.recorder.PATIENCE", 0)
    asked = [entry(str(n), f"s{n}") for n in range(3)]
    callers = together(recorder, store, *asked, fault=away(float("inf")))
    assert outcomes(callers) == [StoreUnreachable] * 3
    store.heal()
    recorder.append([entry("again", "s1")], caller := Future())
    assert caller.result(SECONDS)[0].offset == 1
    numbers = [batch.number for batch in store.batches]
    assert numbers == [1] + [2] * (len(numbers) - 2) + [3]


def test_a_batch_that_may_have_been_written_is_not_taken_apart(recorder, store, away):
    def fail(batch) -> None:
        raise StoreError("no") if batch in store.batches[:-1] else StoreUnreachable("connection refused")

    assert outcomes(together(recorder, store, entry("1"), entry("2"), fault=fail)) == [StoreUnreachable] * 2


def test_a_batch_that_is_taken_apart_has_one_patience_for_all_its_parts(recorder, store, away, monkeypatch):
    monkeypatch.setattr("headway.recorder.PATIENCE", 0.05)

    def refuse(batch) -> None:
        if len(batch.entries) > 1:
            raise StoreError("no")
        raise StoreUnreachable("connection refused")

    asked = [entry(str(n), f"s{n}") for n in range(64)]
    assert outcomes(together(recorder, store, *asked, fault=refuse)) == [StoreUnreachable] * 64
    attempts = Counter(batch.number for batch in store.batches if len(batch.entries) == 1)
    assert len(attempts) == 1 + 64  # the batch before, and each call alone
    assert len([number for number, times in attempts.items() if times > 1]) <= 1


def test_what_nobody_waits_for_outlasts_a_server_that_is_away_and_a_release(store, away):
    recorder = Recorder(store)
    store.before = away(5)
    for n in range(3):
        recorder.append([entry(str(n))], None, flush=False)
    close, found = store.close, []
    store.close = lambda: (found.extend(messages(entries(store, "s1"))), close())
    recorder.release()
    assert found == ["0", "1", "2"]


# --- a full log


def full_logs(store) -> list[str]:
    return [e.message for e in entries(store, "s1") if e.key == FULL]


SAID = ["The log is full: it may have 3 entries. Go on in another session."]


def test_a_full_log_refuses_its_callers_only_and_says_so_once_however_often_it_refuses(recorder, store):
    assert outcomes(together(recorder, store, *(entry(str(n)) for n in range(3)))) == [1, 2, 3]
    for n in range(10):
        refused = together(recorder, store, entry("x"), entry("x", f"b{n}"), entry("x"), entry("x", f"c{n}"))
        assert outcomes(refused) == [LogFull, 1, LogFull, 1]
    assert outcomes(together(recorder, store, entry("alone"))) == [LogFull]
    assert messages(entries(store, "s1")) == ["0", "1", "2", *SAID]
    assert record(store, "s1").last_offset == 4
    assert messages(recorder.read("s1", 2).entries) == ["2", *SAID]


def test_what_several_loggers_are_refused_at_once_is_said_once(store, until):
    logger = ProgressLogger(store, max_entries=3)
    refused = []

    def write_on() -> None:
        for _ in range(5):
            try:
                log(logger, "x", run_id="s1.r")
            except LogFull as error:
                refused.append(str(error))

    threads = [threading.Thread(target=write_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    said = "the log of session 's1' is full: it may have 3 entries; go on in another session"
    assert refused == [said] * 17
    end = log(logger, "the end of a run has room", run_id="s1.r", status="error")[0]
    assert messages(entries(store, "s1")) == ["x", "x", "x", *SAID, end.message]
    assert [e.run_id for e in entries(store, "s1")] == ["s1.r"] * 5
    logger.close()


def test_readers_are_woken_for_what_a_full_log_says(recorder, store):
    async def scenario():
        with recorder.hub.listen("s1") as bell:
            for n in range(4):
                bell.clear()
                caller = asyncio.get_running_loop().create_future()
                recorder.append([entry(str(n))], caller)
                await asyncio.wait({caller})
            async with asyncio.timeout(SECONDS):
                await bell.wait()
            return type(caller.exception()), messages(recorder.recent.after("s1", 3).entries)

    assert asyncio.run(scenario()) == (LogFull, SAID)


def test_a_log_that_cannot_say_that_it_is_full_is_told_of_in_the_servers_log(recorder, store, caplog):
    together(recorder, store, *(entry(str(n)) for n in range(3)))[2].result(SECONDS)

    def refuse(batch) -> None:
        if any(e.key == FULL for e in batch.entries):
            raise StoreError("the disk is full")

    assert outcomes(together(recorder, store, entry("x"), fault=refuse)) == [LogFull]
    assert "the log of session s1 cannot say that it is full" in caplog.text
    store.heal()
    assert outcomes(together(recorder, store, entry("x"))) == [LogFull]
    assert full_logs(store) == SAID


# --- other writers of the same store


@pytest.mark.parametrize("session_id", ["s1", None])
def test_a_ring_from_another_process_outdates_what_is_at_hand_and_wakes_the_readers(
    recorder, store, session_id
):
    async def scenario():
        caller = asyncio.get_running_loop().create_future()
        recorder.append([entry("ours")], caller)
        await caller
        with recorder.hub.listen("s1") as bell, recorder.hub.listen(None) as any_bell:
            MemoryStore.append(store, Batch([entry("theirs")]))
            assert messages(recorder.read("s1").entries) == ["ours"]  # nobody has rung yet
            await asyncio.to_thread(store.ring, session_id)
            async with asyncio.timeout(SECONDS):
                await bell.wait()
                await any_bell.wait()
            return messages(recorder.read("s1").entries), messages(recorder.recent.after("s1", 0).entries)

    assert asyncio.run(scenario()) == (["ours", "theirs"], ["ours", "theirs"])


def test_a_ring_for_one_session_leaves_the_others_as_they_are(recorder, store):
    for caller in together(recorder, store, entry("1"), entry("1", "s2")):
        caller.result(SECONDS)
    store.ring("s1")
    assert [recorder.recent.after(sid, 0) is None for sid in ("s1", "s2")] == [True, False]


def test_a_log_that_another_process_deleted_is_gone_when_it_rings(recorder, store):
    together(recorder, store, entry("1"))[0].result(SECONDS)
    store.delete_session("s1")
    store.ring("s1")
    assert (recorder.read("s1"), recorder.recent.after("s1", 0)) == (None, None)
    assert "s1" not in recorder.recent._windows
    write(store, [entry("new")])
    assert messages(recorder.read("s1").entries) == ["new"]


def test_a_caller_whose_loop_is_closed_before_the_answer_harms_nobody(recorder, store):
    store.gate.clear()
    loop = asyncio.new_event_loop()
    gone = loop.create_future()
    recorder.append([entry("1")], gone)
    assert store.began.wait(SECONDS)
    loop.close()
    recorder.append([entry("2")], there := Future())
    store.gate.set()
    assert there.result(SECONDS)[0].offset == 2
    assert (messages(entries(store, "s1")), gone.done()) == (["1", "2"], False)
