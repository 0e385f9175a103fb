"""The records beside the logs: whole or refused, mended, and written anew now and then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headway.entry import encode
from headway.stores import open_store
from headway.stores.json_files.changes import Record
from headway.stores.json_files.records import RecordsFile
from headway.testing.making import append, entries, entry, record, renamed, session


@pytest.fixture
def store(tmp_path: Path):
    store = open_store(f"json:{tmp_path}")
    yield store
    store.close()


def test_a_record_that_no_longer_fits_on_the_disk_is_refused_whole(tmp_path):
    program = """
import resource, signal, sys, msgspec
from headway.errors import StoreError
from headway.entry import encode
from headway.stores import open_store
from headway.testing.making import renamed, session
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store("json:" + sys.argv[1])
store.add_session(session("a", title="kept"))
size = store._ledger._segment.end
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
for attempt in (lambda: store.update_session("a", renamed("lost")), lambda: store.add_session(session("b"))):
    try:
        attempt()
    except StoreError:
        print(store.session("a").title, store.session("b"))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.update_session("a", renamed("healed"))
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("kept None\nkept None\n", "")
    again = open_store(f"json:{tmp_path}")
    assert (record(again, "a").title, again.session("b")) == ("healed", None)
    again.close()


def test_a_torn_record_counts_for_nothing_and_the_next_begins_a_line_of_its_own(store, tmp_path):
    append(store, [entry("1")])
    store.close()
    with open(tmp_path / "_sessions.jsonl", "ab") as file:
        file.write(b'{"session": {"session_id": "s1", "tit')
    again = open_store(str(store))
    again.update_session("s1", renamed("New"))
    again.close()
    once_more = open_store(str(store))
    assert (record(once_more, "s1").title, record(once_more, "s1").last_offset) == ("New", 1)
    once_more.close()


def test_the_records_are_written_anew_when_most_lines_are_old(tmp_path):
    file = RecordsFile(tmp_path / "_sessions.jsonl")
    records = [Record(session=session(name), length=n) for n, name in enumerate("abc")]
    for _ in range(334):
        assert not file.outdated((), 3)
        file.write(records)
    assert file.load() == {made.session_id: made for made in records}
    file.write(records[:2])
    file.write(records)
    assert file.outdated((), 3)
    file.rewrite(records)
    assert not file.outdated((), 3) and len(file.path.read_bytes().splitlines()) == 3
    assert RecordsFile(file.path).load() == {made.session_id: made for made in records}


def test_the_records_are_written_anew_when_they_name_a_session_that_is_gone(tmp_path):
    file = RecordsFile(tmp_path / "_sessions.jsonl")
    file.write([Record(session=session("a"))])
    assert (file.outdated(["b"], 1), file.outdated(["a"], 1)) == (False, True)
    file.path.unlink()
    assert file.outdated((), 1)


def test_a_start_without_records_makes_them_of_the_logs(store, tmp_path):
    append(store, [entry("1", run_id="r"), entry("2", "s2", status="completed"), entry("3")])
    before = {found.session_id: found for found in store.sessions(9)}
    store.close()
    (tmp_path / "_sessions.jsonl").unlink()
    again = open_store(str(store))
    for session_id, known in before.items():
        found = record(again, session_id)
        assert found.epoch != known.epoch
        assert (found.last_offset, found.status, found.active_runs, found.size) == (
            known.last_offset, known.status, known.active_runs, known.size,
        )  # fmt: skip
    again.close()
    once_more = open_store(str(store))  # what was made is written down
    assert [once_more.session(sid).epoch for sid in before] == [
        again._catalog.get(s).session.epoch for s in before
    ]
    once_more.close()


def test_no_log_is_read_by_a_start_that_has_records_of_it(store, tmp_path):
    log = append(store, [entry(str(n)) for n in range(3)])
    store.close()
    path = tmp_path / "s1_progress.json"
    path.write_bytes(b"x" * path.stat().st_size)  # a parse would put it aside
    again = open_store(str(store))
    assert record(again, "s1").last_offset == 3
    whole = path.with_name("whole")
    whole.write_bytes(b"[\n" + b",\n".join(encode(e) for e in log) + b"\n]\n")
    whole.replace(path)
    assert entries(again, "s1") == log
    again.close()
