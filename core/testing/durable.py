"""What stores promise that outlive their process, and those that several processes share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import pytest

from ..errors import RunEnded, SessionExists
from ..stores import Batch, Store
from .contract import StoreContract
from .making import append, entries, entry, ids, record, renamed, session


class DurableStoreContract(StoreContract):
    """What a store that outlives its process promises on top."""

    def test_everything_is_there_when_it_is_opened_again(self, store: Store, tmp_path: Path) -> None:
        append(store, [entry("1", "a", key="k"), entry("2", "b", run_id="r"), entry("3", "a")])
        append(store, [entry("end", "b", run_id="r", status="error")])
        append(store, [entry("4", "c", status="completed")], {"c"})
        store.add_session(session("d", title="Empty"))
        store.update_session("a", renamed("New"))
        store.delete_session("c")
        before = store.sessions(9), [entries(store, sid) for sid in "abcd"]
        store.close()
        again = self.open(tmp_path / "place")
        assert (again.sessions(9), [entries(again, sid) for sid in "abcd"]) == before
        assert [e.offset for e in append(again, [entry("x", "a", key="k"), entry("5", "a")])] == [1, 3]
        with pytest.raises(RunEnded):
            append(again, [entry("", "b", run_id="r")])
        again.close()

    def test_an_archived_log_is_there_when_it_is_opened_again(self, store: Store, tmp_path: Path) -> None:
        log = append(store, [entry(str(n), run_id="r") for n in range(5)])
        log += append(store, [entry("end", run_id="r", status="completed", key="k")])
        store.archive("s1", lambda entries: entries[2:])
        before = record(store, "s1")
        store.close()
        again = self.open(tmp_path / "place")
        assert (record(again, "s1"), entries(again, "s1")) == (before, log[2:])
        assert [e.offset for e in append(again, [entry("", key="k"), entry("more")])] == [6, 7]
        again.close()


class SharedStoreContract(DurableStoreContract):
    """What a store promises on top that several processes may have open, each with a `Store` of its own."""

    @pytest.fixture
    def other(self, store: Store, tmp_path: Path) -> Iterator[Store]:
        """Give another store on the same place."""
        other = self.open(tmp_path / "place")
        yield other
        other.close()

    def test_each_sees_what_the_other_has_written(self, store: Store, other: Store) -> None:
        log = append(store, [entry("1")])
        log += append(other, [entry("2")])
        log += append(store, [entry("3", key="k"), entry("4", run_id="r", status="error")])
        assert entries(store, "s1") == entries(other, "s1") == log
        assert [e.offset for e in log] == [1, 2, 3, 4]
        assert [e.offset for e in append(other, [entry("again", key="k"), entry("5")])] == [3, 5]
        with pytest.raises(RunEnded, match="'r' has ended: error"):
            append(other, [entry(run_id="r")])
        assert record(store, "s1") == record(other, "s1")
        other.update_session("s1", renamed("New"))
        assert (record(store, "s1").title, ids(store.sessions(9))) == ("New", ["s1"])
        store.delete_session("s1")
        assert (other.read("s1"), other.sessions(9)) == (None, [])
        assert [e.offset for e in append(other, [entry("anew")])] == [1]
        assert record(store, "s1").epoch == record(other, "s1").epoch

    def test_several_writers_leave_no_gap_and_repeat_nothing(self, store: Store, other: Store) -> None:
        def write(through: Store, name: str) -> None:
            for n in range(50):
                batch = [entry(f"{name} {n}", session_id) for session_id in ("s1", "s2", "s3")]
                append(through, batch if n % 2 else batch[::-1], flush=False)

        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(write, store, "a"), pool.submit(write, other, "b")]:
                done.result()
        for session_id in ("s1", "s2", "s3"):
            log = entries(store, session_id)
            assert [e.offset for e in log] == list(range(1, 101))
            for name in "ab":
                theirs = [e.message for e in log if e.message.startswith(name)]
                assert theirs == [f"{name} {n}" for n in range(50)]

    def test_an_id_is_taken_for_the_other_in_any_case(self, store: Store, other: Store) -> None:
        append(store, [entry("1", "Abc")])
        with pytest.raises(SessionExists, match="taken by 'Abc'"):
            append(other, [entry("1", "aBC")])
        with pytest.raises(SessionExists):
            other.add_session(session("ABC"))

    def test_a_batch_that_is_sent_again_is_recognised(self, store: Store, other: Store) -> None:
        batch = Batch([entry("1"), entry("2", "s2"), entry("3", key="k")], writer="w", number=1)
        first = store.append(batch)
        append(other, [entry("in between")])
        assert store.append(batch).entries == first.entries
        assert [e.message for e in entries(store, "s1")] == ["1", "3", "in between"]
        later = Batch([entry("4")], writer="w", number=2)
        assert [e.offset for e in store.append(later).entries] == [4]
        assert [e.offset for e in store.append(Batch([entry("5")], writer="v", number=1)).entries] == [5]

    def test_a_change_rings_the_others_and_not_oneself(self, store: Store, other: Store) -> None:
        ours: Queue[str | None] = Queue()
        theirs: Queue[str | None] = Queue()
        store.relay(ours.put)
        other.relay(theirs.put)
        for change in (
            lambda: append(store, [entry("1", "a")]),
            lambda: store.update_session("a", renamed("x")),
            lambda: store.archive("a", lambda entries: entries),
            lambda: store.delete_session("a"),
            lambda: store.add_session(session("a")),
        ):
            change()
            while theirs.get(timeout=30) != "a":
                pass
        append(other, [entry("1", "b")])
        heard: list[str | None] = []
        while not heard or heard[-1] != "b":
            heard.append(ours.get(timeout=30))
        assert "a" not in heard

    def test_an_owner_lives_for_the_others_as_long_as_its_lease(self, store: Store, other: Store) -> None:
        assert store.lease("a", 60) == {"a"}
        assert other.lease("b", 60) == {"a", "b"}
        store.lease("a", 0.2)
        asked = threading.Event()
        for _ in range(600):
            if other.lease("b", 60) == {"b"}:
                break
            asked.wait(0.05)
        assert other.lease("b", 60) == {"b"}
