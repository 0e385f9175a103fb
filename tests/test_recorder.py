"""The single writer: batches, failures, cancelled callers, and one recorder for each place."""

import asyncio
import gc
import threading
from concurrent.futures import CancelledError

import pytest

from headway import Entry
from headway.errors import RunEnded, StoreClosed, StoreError
from headway.recorder import Recorder, open_recorder
from headway.stores.memory import MemoryStore

SECONDS = 10


def entry(message: str = "", session_id: str = "a", **fields) -> Entry:
    return Entry(
        timestamp="t",
        step="s",
        message=message,
        step_number=1,
        total_steps=1,
        session_id=session_id,
        **fields,
    )


class GatedStore(MemoryStore):
    """A real store whose commits wait until the test lets them begin."""

    def __init__(self) -> None:
        super().__init__()
        self.began = threading.Event()
        self.gate = threading.Event()
        self.batches: list[list[str]] = []

    def append(self, entries, watched=()):
        self.began.set()
        assert self.gate.wait(SECONDS)
        self.batches.append([e.message for e in entries])
        if any(e.message == "bad" for e in entries):
            raise StoreError("the disk is on fire")
        return super().append(entries, watched)


@pytest.fixture
def store() -> GatedStore:
    return GatedStore()


@pytest.fixture
def recorder(store: GatedStore):
    recorder = Recorder(store)
    yield recorder
    store.gate.set()
    recorder.release()


def messages(recorder: Recorder, session_id: str = "a") -> list[str]:
    return [e.message for e in recorder.store.entries(session_id)]


def test_a_batch_is_what_arrived_during_the_last_commit(recorder, store):
    first = recorder.append([entry("1")])
    assert store.began.wait(SECONDS)
    rest = [recorder.append([entry(str(n))]) for n in range(2, 6)]
    store.gate.set()
    assert [f.result(SECONDS)[0].offset for f in (first, *rest)] == [1, 2, 3, 4, 5]
    assert store.batches == [["1"], ["2", "3", "4", "5"]]


def test_a_failed_batch_fails_exactly_its_callers(recorder, store):
    first = recorder.append([entry("1")])
    assert store.began.wait(SECONDS)
    good = [recorder.append([entry("2"), entry("3")]), recorder.append([entry("4", session_id="b")])]
    bad = recorder.append([entry("5"), entry("bad")])
    last = recorder.append([entry("6")])
    store.gate.set()
    assert [[e.offset for e in f.result(SECONDS)] for f in (first, *good, last)] == [[1], [2, 3], [1], [4]]
    with pytest.raises(StoreError, match="on fire"):
        bad.result(SECONDS)
    assert messages(recorder) == ["1", "2", "3", "6"]
    recorder.append([entry("7")]).result(SECONDS)  # and the recorder lives on


def test_a_run_that_ended_refuses_only_its_own_callers(recorder, store):
    store.gate.set()
    recorder.append([entry("end", run_id="r", status="completed")]).result(SECONDS)
    with pytest.raises(RunEnded):
        recorder.append([entry("late", run_id="r")]).result(SECONDS)
    assert recorder.append([entry("other")]).result(SECONDS)[0].offset == 2


def test_a_caller_that_gives_up_before_its_commit_leaves_nothing(recorder, store):
    first = recorder.append([entry("1")])
    assert store.began.wait(SECONDS)
    given_up = recorder.append([entry("2"), entry("3")])
    assert given_up.cancel()
    store.gate.set()
    first.result(SECONDS)
    recorder.append([entry("4")]).result(SECONDS)
    assert messages(recorder) == ["1", "4"]
    with pytest.raises(CancelledError):
        given_up.result()


def test_a_caller_that_gives_up_during_its_commit_loses_neither_the_entry_nor_the_ring(recorder, store):
    async def scenario():
        with recorder.hub.listen("a") as bell:
            bell.clear()
            caller = asyncio.ensure_future(asyncio.wrap_future(recorder.append([entry("1")])))
            await asyncio.to_thread(store.began.wait, SECONDS)
            caller.cancel()
            await asyncio.wait({caller})
            assert not recorder.store.entries("a")
            store.gate.set()
            async with asyncio.timeout(SECONDS):
                await bell.wait()
            return caller.cancelled(), messages(recorder)

    assert asyncio.run(scenario()) == (True, ["1"])


def test_readers_are_rung_after_the_entry_can_be_read_and_before_the_caller_is_answered(recorder, store):
    seen: list[str] = []
    ring = recorder.hub.ring

    def watching(session_id: str) -> None:
        seen.append(f"{messages(recorder)} {len(recorder.recent.after('a', 0) or [])} {future.done()}")
        ring(session_id)

    recorder.hub.ring = watching
    future = recorder.append([entry("1")])
    store.gate.set()
    future.result(SECONDS)
    assert seen == ["['1'] 1 False"]


def test_changes_take_their_turn_between_the_appends(recorder, store):
    futures = [recorder.append([entry("1")])]
    assert store.began.wait(SECONDS)
    futures.append(recorder.append([entry("2")]))
    counts = recorder.change("a", lambda: len(store._logs["a"]))
    futures.append(recorder.append([entry("3")]))
    store.gate.set()
    assert [f.result(SECONDS)[0].offset for f in futures] == [1, 2, 3]
    assert counts.result(SECONDS) == 2


def test_a_change_that_fails_fails_its_caller_only(recorder, store):
    store.gate.set()

    def broken() -> None:
        raise StoreError("no")

    with pytest.raises(StoreError, match="no"):
        recorder.change("a", broken).result(SECONDS)
    store.close()  # then even the look after a change fails
    with pytest.raises(StoreClosed):
        recorder.change("a", lambda: None).result(SECONDS)
    with pytest.raises(StoreClosed):
        recorder.append([entry("1")]).result(SECONDS)


def test_a_deleted_session_is_no_longer_at_hand(recorder, store):
    store.gate.set()
    recorder.append([entry("1")]).result(SECONDS)
    recorder.change("a", lambda: store.delete_session("a")).result(SECONDS)
    assert recorder.recent.after("a", 0) is None


def test_the_release_waits_until_all_is_written_and_then_nothing_more_is_taken(store):
    recorder = Recorder(store)
    futures = [recorder.append([entry(str(n))]) for n in range(3)]
    releasing = threading.Thread(target=recorder.release)
    releasing.start()
    assert store.began.wait(SECONDS)
    assert not any(f.done() for f in futures)
    store.gate.set()
    releasing.join(SECONDS)
    assert [f.result()[0].offset for f in futures] == [1, 2, 3]
    with pytest.raises(StoreClosed):
        recorder.append([entry("late")])
    assert not recorder._thread.is_alive()


def test_a_place_is_opened_once_and_closed_by_its_last_user(tmp_path):
    url = f"json:{tmp_path}"
    first, second = open_recorder(url), open_recorder(url)
    assert first is second
    first.release()
    second.append([entry("1")]).result(SECONDS)
    second.release()
    third = open_recorder(url)
    assert third is not first and messages(third) == ["1"]
    third.release()


def test_opening_while_the_last_user_closes_waits_instead_of_finding_the_folder_locked(tmp_path):
    url = f"json:{tmp_path}"
    for round_ in range(20):
        recorder = open_recorder(url)
        recorder.append([entry(str(round_))])
        closing = threading.Thread(target=recorder.release)
        closing.start()
        other = open_recorder(url)
        other.append([entry("again")]).result(SECONDS)
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
