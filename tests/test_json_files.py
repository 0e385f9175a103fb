"""The folder of logs: files that come and go by hand, one writer, full disks, and sudden deaths."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from headway.errors import StoreError, StoreLocked
from headway.stores import open_store
from headway.testing.making import append, entries, entry

SECONDS = 30


def foreign(*messages: str) -> str:
    """Return a log as another program writes it."""
    plain = {"timestamp": "2024-07-01T17:30:45.123456", "step": "Read", "step_number": 1, "total_steps": 5}
    return json.dumps([plain | {"session_id": "s1", "message": m} for m in messages], indent=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s1_progress.json"


def message_of(store, session_id: str = "s1") -> list[str]:
    return [e.message for e in entries(store, session_id)]


@pytest.fixture
def store(tmp_path: Path):
    store = open_store(f"json:{tmp_path}")
    yield store
    store.close()


@pytest.mark.parametrize("evicted", [False, True])
@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_log_that_was_taken_away_by_hand_begins_anew_as_another_one(store, path, how, evicted, monkeypatch):
    append(store, [entry("1"), entry("2")])
    epoch = store.session("s1").epoch
    if how == "replaced":
        os.replace(path, path.with_name("kept"))
        path.write_text(foreign("other"))
    elif how == "moved":
        os.replace(path, path.with_name("kept"))
    else:
        path.unlink()
    if evicted:
        monkeypatch.setattr("headway.stores.json_files.logs.OPEN_LOGS", 1)
        append(store, [entry("", "other")])
    (stored,) = append(store, [entry("new")])
    expected = ["other", "new"] if how == "replaced" else ["new"]
    assert message_of(store) == expected and stored.offset == len(expected)
    assert store.session("s1").epoch != epoch
    assert len(json.loads(path.read_bytes())) == len(expected)
    if how != "deleted":
        assert len(json.loads(path.with_name("kept").read_bytes())) == 2


def test_a_log_deleted_while_no_program_runs_is_a_session_less(store, path):
    append(store, [entry("1")])
    store.close()
    path.unlink()
    again = open_store(str(store))
    assert again.sessions(9) == []
    again.close()


def test_logs_added_by_hand_are_sessions_at_the_next_start_each_under_its_own_name(store, path):
    append(store, [entry("1"), entry("2")])
    store.close()
    path.with_name("copy_progress.json").write_bytes(path.read_bytes())
    path.with_name("S1_progress.json").write_text(foreign("1", "2", "3"))
    path.with_name("not an id_progress.json").write_text("[]")
    again = open_store(str(store))
    assert {s.session_id: s.last_offset for s in again.sessions(9)} == {"s1": 2, "copy": 2, "S1": 3}
    assert {e.session_id for e in entries(again, "copy")} == {"copy"}
    assert again.session("copy").epoch != again.session("s1").epoch
    assert [append(again, [e])[0].offset for e in (entry("3"), entry("4"))] == [3, 4]
    again.close()


def test_a_log_added_by_hand_meanwhile_is_taken_up_by_the_first_append(store, path):
    path.write_text(foreign("1", "2", "3"))
    assert [e.offset for e in append(store, [entry("4")])] == [4]
    assert message_of(store) == ["1", "2", "3", "4"]


def test_a_log_that_was_changed_while_no_program_ran_is_read_anew_without_being_asked_for(store, path):
    append(store, [entry("1"), entry("2", "s2")])
    store.close()
    line = path.read_bytes().removesuffix(b"\n]\n").removeprefix(b"[\n")
    path.write_bytes(b"[\n" + line + b",\n" + line.replace(b'"1"', b'"2"') + b"\n]\n")
    again = open_store(str(store))
    until = time.monotonic() + SECONDS
    while again.session("s1").last_offset != 2:
        assert time.monotonic() < until
    assert message_of(again) == ["1", "2"]
    assert again.session("s1").epoch == store._catalog.get("s1").session.epoch  # it has only grown
    again.close()


@pytest.mark.parametrize("how", ["deleted", "shorter"])
def test_a_reader_of_a_log_that_was_taken_away_by_hand_is_told(store, path, how):
    append(store, [entry("1"), entry("2")])
    if how == "deleted":
        path.unlink()
        assert store.read("s1") is None and store.session("s1") is None
    else:
        epoch = store.session("s1").epoch
        path.write_text(foreign("other"))
        assert message_of(store) == ["other"]
        assert store.session("s1").epoch != epoch


def test_a_folder_that_was_put_in_the_place_of_the_old_one_begins_anew(tmp_path):
    folder = tmp_path / "logs"
    store = open_store(f"json:{folder}")
    append(store, [entry("1")])
    shutil.rmtree(folder)
    with pytest.raises(StoreError, match="No such file or directory"):
        append(store, [entry("2")])
    folder.mkdir()
    assert [e.offset for e in append(store, [entry("3"), entry("x", "s2")])] == [1, 1]
    assert len(json.loads((folder / "s1_progress.json").read_bytes())) == 1
    store.close()
    again = open_store(str(store))
    assert (message_of(again), message_of(again, "s2")) == (["3"], ["x"])
    again.close()


# --- one writer, and what a death leaves


def test_a_locked_folder_is_refused_with_the_owners_pid_and_free_at_once_when_it_is_killed(tmp_path):
    program = f"""
from headway.stores import open_store
store = open_store("json:{tmp_path}")
print("open", flush=True)
input()
"""
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout.readline() == "open\n"
        with pytest.raises(StoreLocked, match=rf"in use by process {owner.pid}: .*HEADWAY_STORE"):
            open_store(f"json:{tmp_path}")
        owner.kill()
        owner.wait(SECONDS)
        open_store(f"json:{tmp_path}").close()


def test_a_store_that_could_not_be_opened_locks_nothing(tmp_path):
    (tmp_path / "_sessions.jsonl").mkdir()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"cannot open the log folder .*_sessions\.jsonl' ") as caught:
            open_store(f"json:{tmp_path}")
        assert not isinstance(caught.value, StoreLocked)
    (tmp_path / "_sessions.jsonl").rmdir()
    open_store(f"json:{tmp_path}").close()


@pytest.mark.parametrize(
    ("place", "code"), [("file/logs", "ENOTDIR"), ("/proc/headway", "ENOENT"), ("/sys/kernel", "EACCES")]
)
def test_a_folder_that_cannot_be_made_or_written_to_is_named(tmp_path, place, code):
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / place
    with pytest.raises(StoreError, match=rf"^cannot open the log folder '{folder}': .+ \({code}\)$"):
        open_store(f"json:{folder}")


def test_a_closed_store_leaves_no_file_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    store = open_store(f"json:{tmp_path}")
    for n in range(20):
        append(store, [entry("", f"s{n}")])
    store.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_readers_disturb_no_commit_though_only_one_log_may_be_open(tmp_path, monkeypatch):
    monkeypatch.setattr("headway.stores.json_files.logs.OPEN_LOGS", 1)
    store = open_store(f"json:{tmp_path}")
    names = ["a", "b", "c"]

    def write() -> None:
        for n in range(100):
            append(store, [entry(str(n), name) for name in names], flush=False)

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        for name in names:
            found = store.read(name)
            if found is not None:
                assert [e.offset for e in found.entries] == list(range(1, found.session.last_offset + 1))
    assert [len(entries(store, name)) for name in names] == [100, 100, 100]
    assert open_logs() == 1
    store.close()


def open_logs() -> int:
    paths = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return sum(os.path.exists(fd) and os.readlink(fd).endswith("_progress.json") for fd in paths)


def test_an_entry_that_has_no_json_form_leaves_nothing_of_its_batch(store, path):
    append(store, [entry("1")])
    before = path.read_bytes()
    with pytest.raises(TypeError):
        append(store, [entry("2"), entry("x", "s2", data={"a": object()})])
    assert path.read_bytes() == before and not path.with_name("s2_progress.json").exists()
    assert [e.offset for e in append(store, [entry("2")])] == [2]
    assert message_of(store) == ["1", "2"]


FULL_DISK = """
import errno, json, resource, signal, sys
from headway.errors import StoreError
from headway.stores import open_store
from headway.testing.making import append, entries, entry

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store("json:" + sys.argv[1])
path = store.folder / "s1_progress.json"
append(store, [entry("1")])
before = path.read_bytes()
# A limit on the size of files is a disk that is full for this process.
resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 150, resource.RLIM_INFINITY))
for batch in ([entry("x" * 500)], [entry("2", "s2"), entry("x" * 500)], [entry("x" * 900, "s3")]):
    try:
        append(store, batch)
    except StoreError as error:
        assert "File too large (EFBIG)" in str(error) and str(store.folder) in str(error), error
        assert error.__cause__.errno == errno.EFBIG
    else:
        raise AssertionError("a full disk took it")
    assert path.read_bytes() == before
    assert [e.message for e in entries(store, "s1")] == ["1"]
    assert store.session("s2") is store.session("s3") is None
    assert sorted(p.name for p in store.folder.glob("*_progress.json")) == ["s1_progress.json"]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print([e.offset for e in append(store, [entry("2"), entry("y", "s3"), entry("3")])])
assert len(json.loads(path.read_bytes())) == 3
store.close()
"""


def test_a_full_disk_leaves_nothing_written_and_the_store_heals(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[2, 1, 3]\n", "")
    again = open_store(f"json:{tmp_path}")
    assert message_of(again) == ["1", "2", "3"]
    again.close()


APPENDING = """
import sys
from headway import ProgressLogger
logger = ProgressLogger("json:" + sys.argv[1])
for n in range(100_000):
    entry = logger.log(f"s{n % 3}", "Read", "x" * (n % 7 * 400), 1, 1)
    print(entry.session_id, entry.offset, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 40, 200])
def test_a_kill_in_the_middle_of_appends_loses_no_acknowledged_entry(tmp_path, acknowledged):
    writer = subprocess.Popen([sys.executable, "-c", APPENDING, tmp_path], stdout=subprocess.PIPE, text=True)
    with writer:
        lines = [writer.stdout.readline() for _ in range(acknowledged)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.read().splitlines()
    last = {sid: int(offset) for sid, offset in (line.split() for line in lines if line.strip())}
    again = open_store(f"json:{tmp_path}")
    for session_id, offset in last.items():
        found = entries(again, session_id)
        assert [e.offset for e in found] == list(range(1, len(found) + 1))
        assert offset <= len(found) <= offset + 1  # at most the one that was under way
        assert again.session(session_id).last_offset == len(found)
    again.close()
