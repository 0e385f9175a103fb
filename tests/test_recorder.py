"""The single writer: batches, failures, cancelled callers, and one recorder for each place."""

import asyncio
import gc
import threading
from concurrent.futures import CancelledError, Future

import pytest

from headway.errors import RunEnded, StoreClosed, StoreError
from headway.recorder import Recorder, open_recorder
from headway.testing.making import entries, entry

from .loggers import messages

SECONDS = 10


@pytest.fixture
def store(store):
    """Give a store whose commits wait until the test opens the gate, and which refuses what is bad."""

    def refuse(batch) -> None:
        if any(e.message == "bad" for e in batch.entries):
            raise StoreError("the disk is on fire")

    store.before = refuse
    store.gate.clear()
    return store


@pytest.fixture
def recorder(store):
    recorder = Recorder(store)
    yield recorder
    store.gate.set()
    recorder.release()


def append(recorder: Recorder, *asked) -> Future:
    waiting = Future()
    recorder.append(asked, waiting)
    return waiting


def change(recorder: Recorder, work) -> Future:
    waiting = Future()
    recorder.change("s1", work, waiting)
    return waiting


def written(recorder: Recorder) -> list[str]:
    return messages(entries(recorder.store, "s1"))


def test_a_batch_is_what_arrived_during_the_last_commit(recorder, store):
    first = append(recorder, entry("1"))
    assert store.began.wait(SECONDS)
    rest = [append(recorder, entry(str(n))) for n in range(2, 6)]
    store.gate.set()
    assert [f.result(SECONDS)[0].offset for f in (first, *rest)] == [1, 2, 3, 4, 5]
    assert [messages(batch.entries) for batch in store.batches] == [["1"], ["2", "3", "4", "5"]]


def test_a_failed_batch_fails_exactly_its_callers(recorder, store):
    first = append(recorder, entry("1"))
    assert store.began.wait(SECONDS)
    good = [append(recorder, entry("2"), entry("3")), append(recorder, entry("4", session_id="s2"))]
    bad = append(recorder, entry("5"), entry("bad"))
    last = append(recorder, entry("6"))
    store.gate.set()
    assert [[e.offset for e in f.result(SECONDS)] for f in (first, *good, last)] == [[1], [2, 3], [1], [4]]
    with pytest.raises(StoreError, match="on fire"):
        bad.result(SECONDS)
    assert written(recorder) == ["1", "2", "3", "6"]
    append(recorder, entry("7")).result(SECONDS)  # and the recorder lives on


def test_a_run_that_ended_refuses_only_its_own_callers(recorder, store):
    store.gate.set()
    append(recorder, entry("end", run_id="r", status="completed")).result(SECONDS)
    with pytest.raises(RunEnded):
        append(recorder, entry("late", run_id="r")).result(SECONDS)
    assert append(recorder, entry("other")).result(SECONDS)[0].offset == 2


def test_a_caller_that_gives_up_before_its_commit_leaves_nothing(recorder, store):
    first = append(recorder, entry("1"))
    assert store.began.wait(SECONDS)
    given_up = append(recorder, entry("2"), entry("3"))
    assert given_up.cancel()
    store.gate.set()
    first.result(SECONDS)
    append(recorder, entry("4")).result(SECONDS)
    assert written(recorder) == ["1", "4"]
    with pytest.raises(CancelledError):
        given_up.result()


def test_a_caller_that_gives_up_during_its_commit_loses_neither_the_entry_nor_the_ring(recorder, store):
    async def scenario():
        with recorder.hub.listen("s1") as bell:
            bell.clear()
            caller = asyncio.get_running_loop().create_future()
            recorder.append([entry("1")], caller)
            await asyncio.to_thread(store.began.wait, SECONDS)
            caller.cancel()
            assert written(recorder) == []
            store.gate.set()
            async with asyncio.timeout(SECONDS):
                await bell.wait()
            return caller.cancelled(), written(recorder)

    assert asyncio.run(scenario()) == (True, ["1"])


def test_readers_are_rung_after_the_entry_can_be_read_and_before_the_caller_is_answered(recorder, store):
    seen = []
    ring = recorder.hub.ring

    def watching(*session_ids: str) -> None:
        recent = recorder.recent.after("s1", 0)
        seen.append((session_ids, written(recorder), messages(recent.entries), future.done()))
        ring(*session_ids)

    recorder.hub.ring = watching
    future = append(recorder, entry("1"))
    store.gate.set()
    future.result(SECONDS)
    assert seen == [(("s1",), ["1"], ["1"], False)]


def test_changes_take_their_turn_between_the_appends(recorder, store):
    futures = [append(recorder, entry("1"))]
    assert store.began.wait(SECONDS)
    futures.append(append(recorder, entry("2")))
    counts = change(recorder, lambda: len(store._logs["s1"]))
    futures.append(append(recorder, entry("3")))
    store.gate.set()
    assert [f.result(SECONDS)[0].offset for f in futures] == [1, 2, 3]
    assert counts.result(SECONDS) == 2


def test_a_change_that_fails_fails_its_caller_only(recorder, store):
    store.gate.set()

    def broken() -> None:
        raise StoreError("no")

    with pytest.raises(StoreError, match="no"):
        change(recorder, broken).result(SECONDS)
    assert change(recorder, lambda: "and the recorder lives on").result(SECONDS)
    store.close()
    with pytest.raises(StoreClosed):
        change(recorder, lambda: store.session("s1")).result(SECONDS)
    with pytest.raises(StoreClosed):
        append(recorder, entry("1")).result(SECONDS)


def test_a_deleted_session_is_no_longer_at_hand(recorder, store):
    store.gate.set()
    append(recorder, entry("1")).result(SECONDS)
    change(recorder, lambda: store.delete_session("s1")).result(SECONDS)
    assert recorder.recent.after("s1", 0) is None


def test_the_release_waits_until_all_is_written_and_then_nothing_more_is_taken(store):
    recorder = Recorder(store)
    futures = [append(recorder, entry(str(n))) for n in range(3)]
    releasing = threading.Thread(target=recorder.release)
    releasing.start()
    assert store.began.wait(SECONDS)
    assert not any(f.done() for f in futures)
    store.gate.set()
    releasing.join(SECONDS)
    assert [f.result()[0].offset for f in futures] == [1, 2, 3]
    with pytest.raises(StoreClosed):
        append(recorder, entry("late"))
    assert not recorder._thread.is_alive()


def test_a_place_is_opened_once_and_closed_by_its_last_user(tmp_path):
    url = f"json:{tmp_path}"
    first, second = open_recorder(url), open_recorder(url)
    assert first is second
    first.release()
    append(second, entry("1")).result(SECONDS)
    second.release()
    third = open_recorder(url)
    assert third is not first and written(third) == ["1"]
    third.release()


def test_opening_while_the_last_user_closes_waits_instead_of_finding_the_folder_locked(tmp_path):
    url = f"json:{tmp_path}"
    for round_ in range(20):
        recorder = open_recorder(url)
        append(recorder, entry(str(round_)))
        closing = threading.Thread(target=recorder.release)
        closing.start()
        other = open_recorder(url)
        append(other, entry("again")).result(SECONDS)
        closing.join(SECONDS)
        other.release()


def test_memory_is_a_store_of_its_own_each_time():
    one, two = open_recorder("memory:"), open_recorder("memory:")
    assert one.store is not two.store
    one.release()
    two.release()


def test_recorders_that_are_released_leave_no_thread_behind(tmp_path):
    before = threading.active_count()
    for n in range(5):
        open_recorder(f"json:{tmp_path / str(n)}").release()
    gc.collect()
    assert threading.active_count() == before
