"""What every store promises: one contract, run on each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import count
from pathlib import Path

import msgspec
import pytest

from headway import Entry, Session
from headway.errors import RunEnded, SessionExists, StoreClosed, UnknownSession, UnknownStore
from headway.stores import STORES, Store, open_store

_clock = count(1)


def entry(message: str = "", session_id: str = "s1", **fields) -> Entry:
    """Return an entry that is later than the one before."""
    plain = {"step": "Read", "message": message, "step_number": 1, "total_steps": 3}
    at = f"2026-01-01T00:00:00.{next(_clock):06}+00:00"
    return Entry(**{"timestamp": at, "session_id": session_id, **plain, **fields})


def session(session_id: str, **fields) -> Session:
    at = f"2026-01-01T00:00:00.{next(_clock):06}+00:00"
    return Session(**{"session_id": session_id, "title": "", "created_at": at, "last_activity": at, **fields})


def renamed(title: str):
    return lambda old: msgspec.structs.replace(old, title=title)


def ids(sessions: list[Session]) -> list[str]:
    return [found.session_id for found in sessions]


class StoreContract(ABC):
    """The promises of `headway.stores.Store`. A store's own test derives from it and says how to open one."""

    @abstractmethod
    def open(self, place: Path) -> Store:
        """Open the store that lies at *place*; the first time it is empty."""

    @pytest.fixture
    def store(self, tmp_path: Path):
        store = self.open(tmp_path / "place")
        yield store
        store.close()

    def test_offsets_count_from_one_without_gaps_in_each_session(self, store):
        batches = [[entry("1"), entry("x", "s2"), entry("2")], [entry("y", "s2")], [entry("3")]]
        stored = [[(e.session_id, e.offset, e.message) for e in store.append(b)] for b in batches]
        assert stored == [
            [("s1", 1, "1"), ("s2", 1, "x"), ("s1", 2, "2")],
            [("s2", 2, "y")],
            [("s1", 3, "3")],
        ]

    def test_entries_since_n_are_those_after_the_nth(self, store):
        log = store.append([entry(str(n)) for n in range(5)])
        assert [store.entries("s1", since) for since in range(7)] == [log[since:] for since in range(7)]
        assert [store.entries("s1", 1, limit) for limit in (0, 2, 9)] == [[], log[1:3], log[1:]]
        assert store.entries("unknown") == []

    def test_every_field_comes_back_as_it_was(self, store):
        full = entry(
            "Zürich 🚀\n\"'\\\x00",
            run_id="s1.1",
            fraction=0.5,
            run_fraction=0.25,
            eta_seconds=3.5,
            data={"a": [1, None, {"b": "]\n}"}]},
            key="k",
        )
        (stored,) = store.append([full])
        assert stored == msgspec.structs.replace(full, offset=1)
        assert store.entries("s1") == [stored]

    def test_the_record_is_the_fold_of_the_log(self, store):
        log = store.append([entry(run_id="r", run_fraction=0.1, data={"prompt": "Monthly revenue"})])
        log += store.append([entry("done", run_id="r", status="completed", run_fraction=1.0)])
        found = store.session("s1")
        assert found == Session(
            session_id="s1",
            title="Monthly revenue",
            created_at=log[0].timestamp,
            last_activity=log[1].timestamp,
            status="completed",
            notification="done",
            last_offset=2,
            epoch=found.epoch,
            run_fraction=1.0,
        )

    def test_a_watched_session_gets_no_notification_and_others_do(self, store):
        store.append([entry("1", "a", status="completed"), entry("2", "b", status="completed")], {"a"})
        assert [store.session(sid).notification for sid in ("a", "b")] == [None, "2"]

    def test_an_entry_whose_key_is_there_is_not_written_again(self, store):
        first = store.append([entry("1", key="k"), entry("2")])
        again = store.append([entry("other", key="k"), entry("3"), entry("4", key="l"), entry("5", key="l")])
        assert [(e.offset, e.message) for e in again] == [(1, "1"), (3, "3"), (4, "4"), (4, "4")]
        assert again[0] == first[0]
        assert store.session("s1").last_offset == len(store.entries("s1")) == 4
        assert [e.offset for e in store.append([entry("x", "s2", key="k")])] == [1]  # keys are a log's own

    def test_a_batch_of_known_keys_only_writes_nothing(self, store):
        store.append([entry("1", key="k")])
        before = store.session("s1")
        assert [e.offset for e in store.append([entry("2", key="k")])] == [1]
        assert store.session("s1") == before

    def test_nothing_follows_the_terminal_entry_of_a_run_but_a_repeat(self, store):
        store.append([entry("1", run_id="r"), entry("2", run_id="r", status="error", key="end")])
        before = store.session("s1"), store.entries("s1")
        for late in (
            [entry(run_id="r")],
            [entry("x"), entry(run_id="r")],
            [entry("x", "s2"), entry(run_id="r")],
        ):
            with pytest.raises(RunEnded, match="'r' has ended: error"):
                store.append(late)
        with pytest.raises(RunEnded):  # in one batch, too
            store.append([entry(run_id="q", status="completed"), entry(run_id="q", status="completed")])
        assert (store.session("s1"), store.entries("s1")) == before
        assert store.session("s2") is None
        assert store.append([entry("2", run_id="r", status="error", key="end")])[0].offset == 2

    def test_ids_are_unique_regardless_of_case(self, store):
        store.append([entry("1", "Abc")])
        for attempt in (
            lambda: store.append([entry("2", "other"), entry("2", "aBC")]),
            lambda: store.add_session(session("abc")),
            lambda: store.add_session(session("Abc")),
            lambda: store.append([entry("1", "x1"), entry("1", "X1")]),
        ):
            with pytest.raises(SessionExists, match="taken by"):
                attempt()
        assert ids(store.sessions(9)) == ["Abc"]
        assert store.session("abc") is None and store.entries("abc") == []

    def test_sessions_are_listed_newest_activity_first_page_by_page(self, store):
        for name in ("a", "b", "c", "d"):
            store.append([entry("", name)])
        store.append([entry("", "b")])
        assert ids(store.sessions(9)) == ["b", "d", "c", "a"]
        pages = [store.sessions(2)]
        while pages[-1]:
            pages.append(store.sessions(2, pages[-1][-1].cursor))
        assert [ids(page) for page in pages] == [["b", "d"], ["c", "a"], []]
        assert store.sessions(0) == []

    def test_a_page_begins_after_its_cursor_though_that_session_has_moved_on(self, store):
        for name in ("a", "b", "c"):
            store.append([entry("", name)])
        cursor = store.session("b").cursor
        store.append([entry("", "b")])
        assert ids(store.sessions(9, cursor)) == ["a"]

    def test_an_added_session_is_there_and_its_log_begins_at_one(self, store):
        added = session("s1", title="By hand")
        store.add_session(added)
        assert store.session("s1") == added and store.entries("s1") == []
        assert store.append([entry(data={"prompt": "p"})])[0].offset == 1
        assert (store.session("s1").title, store.session("s1").epoch) == ("By hand", added.epoch)

    def test_a_record_is_replaced_by_what_the_change_returns(self, store):
        store.append([entry()])
        assert store.update_session("s1", renamed("New")) == store.session("s1")
        assert store.session("s1").title == "New"
        store.append([entry()])
        assert (store.session("s1").title, store.session("s1").last_offset) == ("New", 2)

    def test_a_change_that_raises_changes_nothing(self, store):
        store.append([entry()])
        before = store.session("s1")
        with pytest.raises(ZeroDivisionError):
            store.update_session("s1", lambda old: 1 / 0)
        assert store.session("s1") == before

    def test_a_deleted_session_is_gone_and_its_id_is_free_for_another_log(self, store):
        store.append([entry("old", key="k"), entry(run_id="r", status="completed")])
        epoch = store.session("s1").epoch
        store.delete_session("s1")
        assert store.session("s1") is None
        assert store.entries("s1") == [] and store.sessions(9) == []
        assert [e.offset for e in store.append([entry("new", key="k"), entry(run_id="r")])] == [1, 2]
        assert [e.message for e in store.entries("s1")] == ["new", ""]
        assert store.session("s1").epoch != epoch

    @pytest.mark.parametrize("work", ["update_session", "delete_session"])
    def test_an_unknown_session_cannot_be_changed(self, store, work):
        arguments = [renamed("x")] if work == "update_session" else []
        with pytest.raises(UnknownSession, match="no session 'nobody'"):
            getattr(store, work)("nobody", *arguments)

    def test_a_closed_store_says_so_and_can_be_closed_again(self, store):
        store.append([entry()])
        store.close()
        store.close()
        for attempt in (
            lambda: store.append([entry()]),
            lambda: store.entries("s1"),
            lambda: store.session("s1"),
            lambda: store.sessions(9),
            lambda: store.add_session(session("s2")),
            lambda: store.update_session("s1", renamed("x")),
            lambda: store.delete_session("s1"),
        ):
            with pytest.raises(StoreClosed, match="the store is closed"):
                attempt()


class DurableStoreContract(StoreContract):
    """What a store that outlives its process promises on top."""

    def test_everything_is_there_when_it_is_opened_again(self, store, tmp_path):
        store.append([entry("1", "a", key="k"), entry("2", "b", run_id="r"), entry("3", "a")])
        store.append([entry("end", "b", run_id="r", status="error")])
        store.append([entry("4", "c", status="completed")], {"c"})
        store.add_session(session("d", title="Empty"))
        store.update_session("a", renamed("New"))
        store.delete_session("c")
        before = store.sessions(9), [store.entries(sid) for sid in "abcd"]
        store.close()
        again = self.open(tmp_path / "place")
        assert (again.sessions(9), [again.entries(sid) for sid in "abcd"]) == before
        assert [e.offset for e in again.append([entry("x", "a", key="k"), entry("5", "a")])] == [1, 3]
        with pytest.raises(RunEnded):
            again.append([entry("", "b", run_id="r")])
        again.close()


class TestMemoryStore(StoreContract):
    def open(self, place: Path) -> Store:
        return open_store("memory:")


class TestJsonFilesStore(DurableStoreContract):
    def open(self, place: Path) -> Store:
        return open_store(f"json:{place}")


def test_every_store_of_the_table_is_held_to_the_contract(tmp_path):
    tested = [c for c in (TestMemoryStore, TestJsonFilesStore) if issubclass(c, StoreContract)]
    opened = [case().open(tmp_path / case.__name__) for case in tested]
    assert {str(store).partition(":")[0] for store in opened} == set(STORES)
    for store in opened:
        store.close()


@pytest.mark.parametrize("url", ["carrier-pigeon:coo", "memory", "", "JSON:logs"])
def test_a_url_without_a_store_names_those_that_there_are(url):
    with pytest.raises(UnknownStore, match="json:, memory:"):
        open_store(url)
