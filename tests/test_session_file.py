"""The records beside the logs: whole or refused, mended, and written anew now and then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from headway import Entry
from headway.stores import open_store


def entry(message: str = "", session_id: str = "s1") -> Entry:
    at = "2026-01-01T00:00:00.000000+00:00"
    return Entry(timestamp=at, step="s", message=message, step_number=1, total_steps=1, session_id=session_id)


@pytest.fixture
def store(tmp_path: Path):
    store = open_store(f"json:{tmp_path}")
    yield store
    store.close()


def test_a_record_that_no_longer_fits_on_the_disk_is_refused_whole(tmp_path):
    program = """
import resource, signal, sys, msgspec
from headway.session import Session
from headway.errors import StoreError
from headway.stores import open_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store("json:" + sys.argv[1])
session = Session(session_id="a", title="kept", created_at="1", last_activity="1")
store.add_session(session)
size = (store.folder / "_sessions.jsonl").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
try:
    store.update_session("a", lambda old: msgspec.structs.replace(old, title="lost"))
except StoreError:
    print(store.session("a").title, (store.folder / "_sessions.jsonl").stat().st_size == size)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.update_session("a", lambda old: msgspec.structs.replace(old, title="healed"))
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("kept True\n", "")
    again = open_store(f"json:{tmp_path}")
    assert again.session("a").title == "healed"
    again.close()


def test_a_torn_record_counts_for_nothing_and_the_next_begins_a_line_of_its_own(store, tmp_path):
    store.append([entry("1")])
    store.close()
    with open(tmp_path / "_sessions.jsonl", "ab") as file:
        file.write(b'{"session_id": "s1", "tit')
    again = open_store(str(store))
    again.update_session("s1", lambda old: msgspec.structs.replace(old, title="New"))
    again.close()
    once_more = open_store(str(store))
    assert (once_more.session("s1").title, once_more.session("s1").last_offset) == ("New", 1)
    once_more.close()


def test_the_records_are_written_anew_when_most_lines_are_old(store, tmp_path):
    store.append([entry("1")])
    for n in range(300):
        store.update_session("s1", lambda old, n=n: old.notified(str(n), old.last_activity))
    before = store.session("s1")
    store.close()
    again = open_store(str(store))
    assert again.session("s1") == before
    again.close()
    assert len((tmp_path / "_sessions.jsonl").read_bytes().splitlines()) < 10
