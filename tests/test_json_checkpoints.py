"""Checkpoints: the journal is emptied in its time, in a thread of its own, and not before all is on disk."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest
from json_folder import SECONDS, flushes, journal_of, reopened

from headway.stores import open_store
from headway.stores.json_files.journal import segments
from headway.stores.json_files.ledger import Ledger
from headway.testing.making import append, entries, entry, renamed


@pytest.fixture
def store(tmp_path: Path):
    store = open_store(f"json:{tmp_path}")
    yield store
    store.close()


def test_a_checkpoint_flushes_what_the_next_flushed_commit_would_take_for_flushed(store):
    costs = []
    for flush in (False, True):
        append(store, [entry("1")], flush=flush)
        costs.append(flushes(store._ledger.checkpoint)["fdatasync"])
    assert costs == [3, 2]  # the journal; the array file; the records


def test_a_checkpoint_leaves_an_empty_journal_and_the_state_as_it_was(store, tmp_path):
    append(store, [entry("1", run_id="r"), entry("2", "s2", status="completed")], {"s2"})
    store.update_session("s1", renamed("By hand"))
    before = store.sessions(9)
    store._ledger.checkpoint()
    assert len(segments(tmp_path)) == 1 and journal_of(tmp_path) == b""
    assert store.sessions(9) == before
    again = reopened(store)
    assert again.sessions(9) == before
    again.close()
    assert segments(tmp_path) == []


def test_a_full_journal_is_emptied_by_itself_while_commits_go_on(store, tmp_path, monkeypatch):
    monkeypatch.setattr("headway.stores.json_files.checkpoints.FULL", 10_000)
    until = time.monotonic() + SECONDS
    count = 0
    while segments(tmp_path)[-1].name < "_journal.4" and time.monotonic() < until:
        append(store, [entry("x" * 500, f"s{count % 50}")], flush=False)
        count += 1
    store.close()
    again = open_store(str(store))
    assert sum(len(entries(again, f"s{n}")) for n in range(50)) == count
    again.close()


def test_a_pause_empties_the_journal(tmp_path, monkeypatch):
    monkeypatch.setattr("headway.stores.json_files.checkpoints.IDLE", 0.01)
    store = open_store(f"json:{tmp_path}")
    append(store, [entry("1")])
    until = time.monotonic() + SECONDS
    while journal_of(tmp_path) and time.monotonic() < until:
        pass
    assert journal_of(tmp_path) == b"" and b'"last_offset":1' in (tmp_path / "_sessions.jsonl").read_bytes()
    store.close()


def test_commits_go_on_while_a_checkpoint_waits_for_the_disk(store, monkeypatch):
    append(store, [entry("1")])
    flushing, committed = threading.Event(), threading.Event()
    settle = Ledger._settle

    def slow(ledger, sealed):
        flushing.set()
        assert committed.wait(SECONDS)
        settle(ledger, sealed)

    monkeypatch.setattr(Ledger, "_settle", slow)
    checkpoint = threading.Thread(target=store._ledger.checkpoint)
    checkpoint.start()
    assert flushing.wait(SECONDS)
    assert [e.offset for e in append(store, [entry("2")])] == [2]
    committed.set()
    checkpoint.join(SECONDS)
    assert not checkpoint.is_alive()


def test_a_checkpoint_that_fails_keeps_the_journal_and_is_tried_again(store, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("headway.stores.json_files.checkpoints.IDLE", 0.01)
    monkeypatch.setattr("headway.stores.json_files.checkpoints.AGAIN", 0.01)
    records = tmp_path / "_sessions.jsonl"
    records.unlink()
    records.mkdir()  # nothing can be written there
    append(store, [entry("1")])
    until = time.monotonic() + SECONDS
    while "cannot be emptied yet" not in caplog.text and time.monotonic() < until:
        pass
    append(store, [entry("2")])
    assert b'"message":"1"' in journal_of(tmp_path) and len(segments(tmp_path)) == 2
    records.rmdir()
    while journal_of(tmp_path) and time.monotonic() < until:
        pass
    assert journal_of(tmp_path) == b""
    again = reopened(store)
    assert [e.message for e in entries(again, "s1")] == ["1", "2"]
    again.close()


def test_a_journal_that_was_deleted_by_hand_is_begun_anew(store, tmp_path):
    append(store, [entry("1")])
    for journal in segments(tmp_path):
        journal.unlink()
    (tmp_path / "_sessions.jsonl").unlink()
    append(store, [entry("2"), entry("x", "s2")])
    assert segments(tmp_path)
    store.update_session("s2", renamed("By hand"))
    store.close()
    again = open_store(str(store))
    assert [e.message for e in entries(again, "s1")] == ["1", "2"]
    assert again.session("s2").title == "By hand"
    again.close()


def test_deleted_is_deleted_no_byte_is_left_after_the_next_checkpoint(store, tmp_path):
    append(store, [entry("a secret word", "gone"), entry("1")])
    store._ledger.checkpoint()
    append(store, [entry("a secret word", "gone")])
    with open(tmp_path / "gone_progress.json", "ab") as file:
        file.write(b"a secret word")
    store.close()
    again = open_store(str(store))
    until = time.monotonic() + SECONDS
    while not list(tmp_path.glob("gone*.damaged-*")):  # a start looks at all files by and by
        assert time.monotonic() < until
    again.delete_session("gone")
    again._ledger.checkpoint()
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"secret" not in left and b"gone" not in left
    again.close()


def test_what_a_failed_flush_may_have_lost_is_written_again_before_the_next_one(store, tmp_path, monkeypatch):
    append(store, [entry("1"), entry("2", "s2")])
    append(store, [entry("3")])
    path = tmp_path / "s1_progress.json"
    before = path.read_bytes()
    with monkeypatch.context() as disk:
        disk.setattr("headway.stores.json_files.disk.sync", broken)
        with pytest.raises(OSError, match="Input/output error"):
            store._ledger.checkpoint()
    path.write_bytes(before[:20] + bytes(len(before) - 23) + before[-3:])  # the system has let go of it
    (tmp_path / "s2_progress.json").unlink()
    store._ledger.checkpoint()
    assert path.read_bytes() == b"[\n" + before[2:]
    assert journal_of(tmp_path) == b""


def broken(descriptor: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))
