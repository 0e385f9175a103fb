"""Reading a folder that another process writes to, without the lock and without writing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from headway.errors import StoreClosed, StoreError
from headway.stores import Store, open_store
from headway.stores.json_files.journal import segments
from headway.testing.making import append, entries, entry, record, renamed, session

SECONDS = 30


@pytest.fixture
def store(tmp_path: Path):
    store = open_store(f"json:{tmp_path / 'logs'}")
    yield store
    store.close()


@pytest.fixture
def reader(store):
    reader = open_store(str(store), read_only=True)
    yield reader
    reader.close()


def everything(store: Store) -> tuple:
    found = store.sessions(99)
    return found, {s.session_id: entries(store, s.session_id) for s in found}, store.active()


def test_a_reader_sees_what_the_writer_does_at_once(store, reader):
    steps = (
        lambda: append(store, [entry("1"), entry("2", "s2", run_id="r")]),
        lambda: append(store, [entry("3"), entry("4", "s2", run_id="r", status="error")], {"s2"}),
        lambda: append(store, [entry("5")], flush=False),
        lambda: store.add_session(session("s3", title="Empty")),
        lambda: store.update_session("s1", renamed("New")),
        lambda: store._ledger.checkpoint(),
        lambda: append(store, [entry("6")]),
        lambda: store.archive("s1", lambda log: log[1:]),
        lambda: append(store, [entry("7")]),
        lambda: store.delete_session("s2"),
        lambda: append(store, [entry("8", "s2")]),
        lambda: store.close(),
    )
    for step in steps:
        before = everything(store)
        step()
        assert everything(reader) == (before if store._closed else everything(store))
    again = open_store(str(store))
    append(again, [entry("9")])
    assert everything(reader) == everything(again)
    again.close()


def test_a_reader_sees_what_a_crash_left_in_the_journal_only(store, tmp_path):
    append(store, [entry("0", "old")])
    store._ledger.checkpoint()
    old = (tmp_path / "logs/old_progress.json").read_bytes()
    append(store, [entry("1", "old"), entry("2", "new"), entry("3", "old")])
    copy = tmp_path / "copy"
    with store._ledger._settling:  # a copy takes longer than the moment of a crash
        shutil.copytree(store.folder, copy, ignore=shutil.ignore_patterns("new*", ".lock"))
    (copy / "old_progress.json").write_bytes(old[:-3] + b",\n{torn" + bytes(50))
    left = {path.name: path.read_bytes() for path in copy.iterdir()}
    reader = open_store(f"json:{copy}", read_only=True)
    assert everything(reader) == everything(store)
    assert reader.read("old", 1, 1) == store.read("old", 1, 1)
    reader.close()
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == left


def test_files_that_come_and_go_by_hand_are_seen_by_a_reader_without_records(tmp_path):
    plain = '[{"timestamp": "t", "step": "s", "message": "%s", "step_number": 1, "total_steps": 1}]'
    plain = plain.replace('"t"', '"t", "session_id": "x"')
    (tmp_path / "a_progress.json").write_text(plain % "1")
    (tmp_path / "b_progress.json").write_text("[")
    reader = open_store(f"json:{tmp_path}", read_only=True)
    assert [s.session_id for s in reader.sessions(9)] == ["a"]
    assert [(e.message, e.offset, e.session_id) for e in entries(reader, "a")] == [("1", 1, "a")]
    reader.close()
    assert sorted(os.listdir(tmp_path)) == ["a_progress.json", "b_progress.json"]


@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_no_file_is_no_log_whatever_its_name(tmp_path, read_only):
    (tmp_path / "folder_progress.json").mkdir()
    os.mkfifo(tmp_path / "pipe_progress.json")  # opening it would wait for a writer
    store = open_store(f"json:{tmp_path}", read_only=read_only)
    assert store.sessions(9) == []
    store.close()


def test_a_reader_writes_nothing(reader):
    for attempt in (
        lambda: append(reader, [entry()]),
        lambda: reader.add_session(session("s9")),
        lambda: reader.update_session("s1", renamed("x")),
        lambda: reader.archive("s1", lambda log: log),
        lambda: reader.delete_session("s1"),
    ):
        with pytest.raises(StoreError, match="is open for reading only"):
            attempt()
    reader.close()
    reader.close()
    with pytest.raises(StoreClosed):
        reader.sessions(9)


def test_a_folder_that_is_not_there_cannot_be_read(tmp_path):
    with pytest.raises(StoreError, match=f"cannot read the log folder '{tmp_path}/none'"):
        open_store(f"json:{tmp_path}/none", read_only=True)


def test_readers_are_rung_for_what_another_process_writes(store, reader):
    rung, heard = [], threading.Event()

    def ring(session_id):
        rung.append(session_id)
        heard.set()

    reader.relay(ring)
    append(store, [entry("1")])
    assert heard.wait(SECONDS) and rung[0] in ("s1", None)


WRITING = """
import sys
from headway.stores import open_store
from headway.stores.json_files import checkpoints
from headway.testing.making import append, entry
checkpoints.FULL = 20_000
store = open_store("json:" + sys.argv[1])
print("open", flush=True)
for n in range(4000):
    append(store, [entry("x" * (n % 5 * 900), f"s{n % 3}"), entry(str(n), "all")], flush=n % 50 == 0)
store.close()
"""


def test_a_reader_of_a_busy_folder_finds_each_log_whole_at_every_moment(tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", WRITING, tmp_path], stdout=subprocess.PIPE, text=True)
    with writer:
        assert writer.stdout.readline() == "open\n"
        reader = open_store(f"json:{tmp_path}", read_only=True)
        seen, looks = 0, 0
        until = time.monotonic() + SECONDS
        while seen < 4000 and time.monotonic() < until:
            found = reader.read("all", max(0, seen - 1))
            if found is not None:
                offsets = [e.offset for e in found.entries]
                assert offsets == list(range(max(1, seen), found.session.last_offset + 1))
                assert [int(e.message) + 1 for e in found.entries] == offsets
                seen, looks = offsets[-1], looks + 1
        assert (seen, looks > 10, record(reader, "s0").last_offset) == (4000, True, 1334)
        reader.close()
        assert writer.wait(SECONDS) == 0
    assert segments(tmp_path) == []
