"""What the store in a SQLite file does when the disk is full or closed to it, and what it leaves behind."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from headway.errors import StoreError
from headway.stores import Store, open_store
from headway.testing.making import append, entries, entry, record

SECONDS = 30

FULL = """
import errno, resource, sys
from headway.errors import StoreError
from headway.stores import open_store
from headway.testing.making import append, entries, entry
store = open_store("sqlite:///full.db")
log = append(store, [entry("before")])
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, most))
try:
    while True:
        log += append(store, [entry("x" * 8000) for _ in range(10)])
except StoreError as error:
    assert error.__cause__.errno == errno.ENOSPC, repr(error.__cause__)
    print(error)
assert entries(store, "s1") == log
try:
    append(store, [entry("x" * 8000) for _ in range(10)])
except StoreError as error:
    assert error.__cause__.errno == errno.ENOSPC
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
log += append(store, [entry("after")])
assert entries(store, "s1") == log
store.close()
again = open_store("sqlite:///full.db")
assert entries(again, "s1") == log
again.close()
print("healed", len(log) > 10)
"""

CLOSED = """
import errno, os, sys
from pathlib import Path
from headway.errors import StoreError
from headway.stores import open_store
from headway.testing.making import append, entries, entry
place = Path("closed")
place.mkdir()
os.chmod(".", 0o755)
open_store("sqlite:///closed/x.db").close()
for path in (*place.iterdir(), place):
    os.chmod(path, 0o444 if path.is_file() else 0o555)
if os.geteuid() == 0:
    os.seteuid(65534)  # to root nothing is closed
for name in ("x.db", "new.db"):
    try:
        open_store(f"sqlite:///closed/{name}")
    except StoreError as error:
        print(name, errno.errorcode[error.__cause__.errno], error)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty store."""
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    yield store
    store.close()


def files(tmp_path: Path) -> bytes:
    """Return all bytes that the store has on the disk."""
    return b"".join(path.read_bytes() for path in tmp_path.glob("x.db*"))


def test_a_full_disk_fails_writes_only_and_heals_by_itself(start):
    process = start("-c", FULL)
    assert process.popen.wait(SECONDS) == 0, process.output.read_text()
    assert "cannot use full.db: " in process.output.read_text()
    assert process.output.read_text().endswith("healed True\n")


def test_a_place_that_is_closed_to_us_is_named_with_the_reason(start):
    process = start("-c", CLOSED)
    assert process.popen.wait(SECONDS) == 0, process.output.read_text()
    assert process.output.read_text().splitlines() == [
        "x.db EACCES cannot use closed/x.db: unable to open database file",
        "new.db EACCES cannot open closed/new.db: Permission denied",
    ]


def test_folders_that_are_not_there_are_made_and_one_that_cannot_be_is_named(tmp_path):
    open_store(f"sqlite:///{tmp_path}/a/b/x.db").close()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot open .*/file/x\.db: ") as refused:
        open_store(f"sqlite:///{tmp_path}/file/x.db")
    assert isinstance(refused.value.__cause__, FileExistsError)


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "x.db").write_text("My notes, of which I have no copy.\n" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        open_store(f"sqlite:///{tmp_path / 'x.db'}")
    assert (tmp_path / "x.db").read_text() == "My notes, of which I have no copy.\n" * 100


@pytest.mark.parametrize("rest", ["", "//", "///", "//host/x.db", "x.db", "///:memory:", "///x.db?mode=ro"])
def test_a_url_that_names_no_file_says_how_one_looks(rest):
    with pytest.raises(StoreError, match=r"names no file: sqlite:///logs\.db is in the current folder"):
        open_store(f"sqlite:{rest}")


def test_a_path_is_relative_or_absolute_as_in_other_tools(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///here.db", f"sqlite:////{str(tmp_path / 'there.db').lstrip('/')}"):
        store = open_store(url)
        assert str(store) == url
        store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.db", "there.db"]


def test_nobody_else_can_read_the_logs(store, tmp_path):
    append(store, [entry("secret")])
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "x.db": 0o600,
        "x.db-shm": 0o600,
        "x.db-wal": 0o600,
    }


def test_nothing_of_a_deleted_session_is_left_in_the_file(store, tmp_path):
    secret = "Ein Geheimnis, sonst nichts"
    append(store, [entry("kept", "other")])
    append(store, [entry(f"{secret} {n}", data={"prompt": secret}) for n in range(500)])
    store.archive("s1", lambda log: log[:250])
    append(store, [entry(secret, status="completed")])
    assert secret.encode() in files(tmp_path)
    store.delete_session("s1")
    assert secret.encode() not in files(tmp_path)
    assert len((tmp_path / "x.db").read_bytes()) < 80_000  # bytes: the 500 entries alone had more
    assert [e.message for e in entries(store, "other")] == ["kept"]


def test_a_deleted_session_is_gone_from_the_journal_when_its_reader_is(store, tmp_path):
    append(store, [entry("secret")])
    with sqlite3.connect(tmp_path / "x.db") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM headway_entries").fetchall()
        store.delete_session("s1")
        assert store.session("s1") is None
    reader.close()
    store.close()
    assert b"secret" not in files(tmp_path)


def test_an_archived_log_is_much_smaller(store, tmp_path):
    log = append(store, [entry(f"{n} rows of the table of orders", run_id="r") for n in range(2000)])
    append(store, [entry(status="completed", run_id="r")])
    store.archive("s1", lambda entries: entries)
    (size,) = (
        sqlite3.connect(tmp_path / "x.db").execute("SELECT length(log) FROM headway_archives").fetchone()
    )
    assert size < record(store, "s1").size / 8
    assert entries(store, "s1")[:-1] == log


def test_a_commit_is_flushed_when_that_is_asked_for(store):
    flushed = [
        store._write(lambda run: run("PRAGMA synchronous").fetchone(), flush=f) for f in (True, False, True)
    ]
    assert flushed == [(2,), (1,), (2,)]  # FULL, NORMAL (sqlite.org/pragma.html#pragma_synchronous)


def test_reads_go_on_while_another_process_writes(store, tmp_path):
    log = append(store, [entry("1")])
    with sqlite3.connect(tmp_path / "x.db", isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM headway_entries")
        assert entries(store, "s1") == log
        assert record(store, "s1").last_offset == 1
        writer.execute("ROLLBACK")
    writer.close()


def test_one_who_waits_too_long_for_another_process_is_told_and_nothing_is_written(
    store, tmp_path, monkeypatch
):
    append(store, [entry("1")])
    monkeypatch.setattr("headway.stores.sql.sqlite.PATIENCE", 0.05)
    with sqlite3.connect(tmp_path / "x.db", isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked") as refused:
            append(store, [entry("2")])
        writer.execute("ROLLBACK")
    writer.close()
    assert refused.value.__cause__.errno == errno.EAGAIN
    assert [e.offset for e in append(store, [entry("2")])] == [2]
