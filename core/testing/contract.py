"""What every store promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ..entry import encode
from ..errors import LogFull, RunEnded, SessionExists, StoreClosed, UnknownSession
from ..session import ActiveRun, Session
from ..stores import Batch, Store
from .making import append, entries, entry, ids, record, renamed, session


class StoreContract(ABC):
    """The promises of `headway.stores.Store`. A store's own test derives from it and says how to open one."""

    @abstractmethod
    def open(self, place: Path) -> Store:
        """Open the store that lies at *place*; the first time it is empty."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        """Give an empty store."""
        store = self.open(tmp_path / "place")
        yield store
        store.close()

    def test_offsets_count_from_one_without_gaps_in_each_session(self, store: Store) -> None:
        batches = [[entry("1"), entry("x", "s2"), entry("2")], [entry("y", "s2")], [entry("3")]]
        stored = [[(e.session_id, e.offset, e.message) for e in append(store, b)] for b in batches]
        assert stored == [
            [("s1", 1, "1"), ("s2", 1, "x"), ("s1", 2, "2")],
            [("s2", 2, "y")],
            [("s1", 3, "3")],
        ]

    def test_entries_since_n_are_those_after_the_nth(self, store: Store) -> None:
        log = append(store, [entry(str(n)) for n in range(5)])
        assert [entries(store, "s1", since) for since in range(7)] == [log[since:] for since in range(7)]
        assert [entries(store, "s1", 1, limit) for limit in (0, 2, 9)] == [[], log[1:3], log[1:]]
        assert store.read("unknown") is None

    def test_every_field_comes_back_as_it_was(self, store: Store) -> None:
        full = entry(
            "Zürich 🚀\n\"'\\\x00",
            run_id="s1.1",
            fraction=0.5,
            run_fraction=0.25,
            eta_seconds=3.5,
            data={"a": [1, None, {"b": "]\n}"}]},
            key="k",
        )
        (stored,) = append(store, [full])
        assert stored == msgspec.structs.replace(full, offset=1)
        assert entries(store, "s1") == [stored]

    def test_the_record_is_the_fold_of_the_log(self, store: Store) -> None:
        log = append(store, [entry(run_id="r", run_fraction=0.1, data={"prompt": "Monthly revenue"})])
        log += append(store, [entry("done", run_id="r", status="completed", run_fraction=1.0)])
        found = record(store, "s1")
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
            size=sum(len(encode(stored)) for stored in log),
        )

    def test_a_watched_session_gets_no_notification_and_others_do(self, store: Store) -> None:
        append(store, [entry("1", "a", status="completed"), entry("2", "b", status="completed")], {"a"})
        assert [record(store, sid).notification for sid in ("a", "b")] == [None, "2"]

    def test_an_entry_whose_key_is_there_is_not_written_again(self, store: Store) -> None:
        first = append(store, [entry("1", key="k"), entry("2")])
        again = append(store, [entry("other", key="k"), entry("3"), entry("4", key="l"), entry("5", key="l")])
        assert [(e.offset, e.message) for e in again] == [(1, "1"), (3, "3"), (4, "4"), (4, "4")]
        assert again[0] == first[0]
        assert record(store, "s1").last_offset == len(entries(store, "s1")) == 4
        assert [e.offset for e in append(store, [entry("x", "s2", key="k")])] == [1]  # keys are a log's own

    def test_a_batch_of_known_keys_only_writes_nothing(self, store: Store) -> None:
        append(store, [entry("1", key="k")])
        before = store.session("s1")
        assert [e.offset for e in append(store, [entry("2", key="k")])] == [1]
        assert store.session("s1") == before

    def test_nothing_follows_the_terminal_entry_of_a_run_but_a_repeat(self, store: Store) -> None:
        append(store, [entry("1", run_id="r"), entry("2", run_id="r", status="error", key="end")])
        before = store.session("s1"), entries(store, "s1")
        for late in (
            [entry(run_id="r")],
            [entry("x"), entry(run_id="r")],
            [entry("x", "s2"), entry(run_id="r")],
        ):
            with pytest.raises(RunEnded, match="'r' has ended: error"):
                append(store, late)
        with pytest.raises(RunEnded):  # in one batch, too
            append(store, [entry(run_id="q", status="completed"), entry(run_id="q", status="completed")])
        assert (store.session("s1"), entries(store, "s1")) == before
        assert store.session("s2") is None
        assert append(store, [entry("2", run_id="r", status="error", key="end")])[0].offset == 2

    def test_ids_are_unique_regardless_of_case(self, store: Store) -> None:
        append(store, [entry("1", "Abc")])
        for attempt in (
            lambda: append(store, [entry("2", "other"), entry("2", "aBC")]),
            lambda: store.add_session(session("abc")),
            lambda: store.add_session(session("Abc")),
            lambda: append(store, [entry("1", "x1"), entry("1", "X1")]),
        ):
            with pytest.raises(SessionExists, match="taken by"):
                attempt()
        assert ids(store.sessions(9)) == ["Abc"]
        assert store.session("abc") is None and entries(store, "abc") == []

    def test_sessions_are_listed_newest_activity_first_page_by_page(self, store: Store) -> None:
        for name in ("a", "b", "c", "d"):
            append(store, [entry("", name)])
        append(store, [entry("", "b")])
        assert ids(store.sessions(9)) == ["b", "d", "c", "a"]
        pages = [store.sessions(2)]
        while pages[-1]:
            pages.append(store.sessions(2, pages[-1][-1].cursor))
        assert [ids(page) for page in pages] == [["b", "d"], ["c", "a"], []]
        assert store.sessions(0) == []

    def test_a_page_begins_after_its_cursor_though_that_session_has_moved_on(self, store: Store) -> None:
        for name in ("a", "b", "c"):
            append(store, [entry("", name)])
        cursor = record(store, "b").cursor
        append(store, [entry("", "b")])
        assert ids(store.sessions(9, cursor)) == ["a"]

    def test_an_added_session_is_there_and_its_log_begins_at_one(self, store: Store) -> None:
        added = session("s1", title="By hand")
        store.add_session(added)
        assert store.session("s1") == added and entries(store, "s1") == []
        assert append(store, [entry(data={"prompt": "p"})])[0].offset == 1
        assert (record(store, "s1").title, record(store, "s1").epoch) == ("By hand", added.epoch)

    def test_a_record_is_replaced_by_what_the_change_returns(self, store: Store) -> None:
        append(store, [entry()])
        assert store.update_session("s1", renamed("New")) == store.session("s1")
        assert record(store, "s1").title == "New"
        append(store, [entry()])
        assert (record(store, "s1").title, record(store, "s1").last_offset) == ("New", 2)

    def test_a_change_that_raises_changes_nothing(self, store: Store) -> None:
        append(store, [entry()])
        before = store.session("s1")

        def fail(old: Session) -> Session:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.update_session("s1", fail)
        assert store.session("s1") == before

    def test_a_deleted_session_is_gone_and_its_id_is_free_for_another_log(self, store: Store) -> None:
        append(store, [entry("old", key="k"), entry(run_id="r", status="completed")])
        epoch = record(store, "s1").epoch
        store.delete_session("s1")
        assert store.session("s1") is None
        assert entries(store, "s1") == [] and store.sessions(9) == []
        assert [e.offset for e in append(store, [entry("new", key="k"), entry(run_id="r")])] == [1, 2]
        assert [e.message for e in entries(store, "s1")] == ["new", ""]
        assert record(store, "s1").epoch != epoch

    def test_an_excerpt_carries_the_record_of_its_moment(self, store: Store) -> None:
        log = append(store, [entry(str(n)) for n in range(3)])
        found = store.read("s1", 1, 1)
        assert found is not None
        assert (found.session, found.entries) == (record(store, "s1"), log[1:2])
        store.add_session(session("empty"))
        nothing = store.read("empty")
        assert nothing is not None
        assert (nothing.session, nothing.entries) == (record(store, "empty"), [])

    def test_a_commit_returns_the_records_as_they_are_afterwards(self, store: Store) -> None:
        stored = store.append(Batch([entry("1"), entry("2", "s2"), entry("3")]))
        assert stored.sessions == {sid: record(store, sid) for sid in ("s1", "s2")}
        assert store.append(Batch([])).entries == []

    def test_the_sessions_with_runs_that_go_on_are_the_active_ones(self, store: Store) -> None:
        started = entry(session_id="b", run_id="b.1", run_fraction=0.25, data={"owner": "me"})
        append(
            store, [entry(session_id="a", status="completed"), started, entry(session_id="c", run_id="c.1")]
        )
        assert {found.session_id: found.active_runs for found in store.active()} == {
            "b": (ActiveRun("b.1", "me", 0.25),),
            "c": (ActiveRun("c.1", None, 0.0),),
        }
        append(store, [entry(session_id="c", run_id="c.1", status="error")])
        store.delete_session("b")
        assert store.active() == []

    def test_the_fraction_of_a_run_never_falls(self, store: Store) -> None:
        for fraction in (0.5, 0.2):
            append(
                store,
                [entry(run_id="r", run_fraction=fraction), entry(run_id="q", run_fraction=fraction / 2)],
            )
        assert [e.run_fraction for e in entries(store, "s1")] == [0.5, 0.25, 0.5, 0.25]

    def test_a_full_log_takes_the_ends_of_its_runs_and_nothing_else(self, store: Store) -> None:
        append(store, [entry("1", run_id="r"), entry("2", run_id="r")], limit=2)
        for refused in ([entry("3")], [entry("x", "s2"), entry("3")]):
            with pytest.raises(LogFull, match="'s1' is full: it may have 2 entries"):
                append(store, refused, limit=2)
        assert store.session("s2") is None
        assert [e.offset for e in append(store, [entry("end", run_id="r", status="error")], limit=2)] == [3]
        assert [e.message for e in entries(store, "s1")] == ["1", "2", "end"]

    def test_a_batch_that_need_not_be_flushed_is_there_all_the_same(self, store: Store) -> None:
        log = append(store, [entry("1")], flush=False) + append(store, [entry("2")])
        assert entries(store, "s1") == log

    def test_an_archived_log_reads_as_before_and_goes_on(self, store: Store) -> None:
        log = append(store, [entry(str(n), key=f"k{n}") for n in range(4)])
        archived = store.archive("s1", lambda entries: entries)
        assert archived == record(store, "s1") and archived.archived and archived.size
        assert (entries(store, "s1"), entries(store, "s1", 1, 2)) == (log, log[1:3])
        log += append(store, [entry("again", key="k1"), entry("4")])[1:]
        assert (entries(store, "s1"), record(store, "s1").archived) == (log, False)

    def test_what_is_kept_of_an_archived_log_keeps_its_offsets(self, store: Store) -> None:
        log = append(store, [entry(str(n)) for n in range(6)])
        store.archive("s1", lambda entries: [entries[1], entries[3], entries[5]])
        kept = [log[1], log[3], log[5]]
        assert record(store, "s1").size == sum(len(encode(stored)) for stored in kept)
        assert [entries(store, "s1", since) for since in range(7)] == [
            kept, kept, kept[1:], kept[1:], kept[2:], kept[2:], [],
        ]  # fmt: skip
        assert (entries(store, "s1", 1, 1), entries(store, "s1", 2, 1)) == (kept[:1], kept[1:2])
        kept += append(store, [entry("6")])
        assert (entries(store, "s1"), kept[-1].offset) == (kept, 7)
        assert (entries(store, "s1", 3), entries(store, "s1", 6)) == (kept[1:], kept[3:])

    def test_an_entry_that_is_copied_from_elsewhere_keeps_its_offset(self, store: Store) -> None:
        log = append(store, [entry("2", offset=2), entry("5", offset=5)]) + append(store, [entry("6")])
        assert [e.offset for e in log] == [2, 5, 6]
        assert [entries(store, "s1", since) for since in (0, 2, 4, 5, 6)] == [
            log, log[1:], log[1:], log[2:], [],
        ]  # fmt: skip
        assert record(store, "s1").last_offset == 6

    def test_a_deleted_archive_is_gone(self, store: Store) -> None:
        append(store, [entry("old")])
        store.archive("s1", lambda entries: entries)
        store.delete_session("s1")
        assert store.read("s1") is None
        assert [e.offset for e in append(store, [entry("new")])] == [1]
        assert [e.message for e in entries(store, "s1")] == ["new"]

    def test_an_owner_lives_until_its_lease_is_given_back(self, store: Store) -> None:
        assert store.lease("me", 60) == {"me"}
        assert store.lease("me", 0) == set()

    def test_an_unknown_session_cannot_be_changed(self, store: Store) -> None:
        for attempt in (
            lambda: store.update_session("nobody", renamed("x")),
            lambda: store.archive("nobody", lambda entries: entries),
            lambda: store.delete_session("nobody"),
        ):
            with pytest.raises(UnknownSession, match="no session 'nobody'"):
                attempt()

    def test_a_closed_store_says_so_and_can_be_closed_again(self, store: Store) -> None:
        append(store, [entry()])
        store.close()
        store.close()
        for attempt in (
            lambda: append(store, [entry()]),
            lambda: entries(store, "s1"),
            lambda: store.active(),
            lambda: store.session("s1"),
            lambda: store.sessions(9),
            lambda: store.add_session(session("s2")),
            lambda: store.update_session("s1", renamed("x")),
            lambda: store.delete_session("s1"),
        ):
            with pytest.raises(StoreClosed, match="the store is closed"):
                attempt()
