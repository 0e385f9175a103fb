"""The journal of a folder: one flush a commit, nothing of what failed, and emptied in its time."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from json_folder import flushes, journal_of, reopened

from headway.errors import StoreError
from headway.stores import open_store
from headway.stores.json_files.changes import Appended, changes_of, line_of
from headway.stores.json_files.journal import JournalChanged, Segment, Tail, lines_of
from headway.testing.making import append, entries, entry, renamed, session


@pytest.fixture
def store(tmp_path: Path):
    store = open_store(f"json:{tmp_path}")
    yield store
    store.close()


# --- a commit


def test_a_commit_costs_one_flush_whatever_the_number_of_sessions(store):
    names = [f"s{n}" for n in range(100)]
    batch = [entry("1", name, run_id="r") for name in names]
    assert flushes(lambda: append(store, batch)) == {"fdatasync": 1}
    end = [entry("2", name, run_id="r", status="completed") for name in names]
    assert flushes(lambda: append(store, end, set(names[:50]))) == {"fdatasync": 1}
    assert flushes(lambda: append(store, batch_of(names), flush=False)) == {}
    assert flushes(lambda: store.update_session("s1", renamed("New"))) == {"fdatasync": 1}
    assert flushes(lambda: store.add_session(session("s100"))) == {"fdatasync": 1}
    assert flushes(lambda: store.delete_session("s100")) == {"fdatasync": 1}


def batch_of(names):
    return [entry("3", name) for name in names]


def test_what_a_commit_says_is_in_the_journal_when_it_returns(store, tmp_path):
    append(store, [entry("1"), entry("2", "s2"), entry("3")], {"s2"})
    append(store, [entry("4")], flush=False)
    lines, damaged = lines_of(journal_of(tmp_path))
    told = [(c.session_id, c.base, c.place, len(c.entries), c.watched) for line in lines for c in line]
    place = len((tmp_path / "s1_progress.json").read_bytes()) - len(Appended.block.fget(lines[1][0]))
    assert told == [("s1", 0, 0, 2, False), ("s2", 0, 0, 1, True), ("s1", 2, place, 1, False)]
    assert damaged == b""


@contextmanager
def instead_of_the_journal(store, path: str):
    """Have the journal's descriptor lead elsewhere meanwhile."""
    descriptor = store._ledger._segment._descriptor
    kept, other = os.dup(descriptor), os.open(path, os.O_RDWR)
    os.dup2(other, descriptor)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(other)


@pytest.mark.parametrize(
    "path", ["/dev/null", "/dev/full"]
)  # takes the write and not the flush; takes nothing
def test_a_commit_whose_flush_fails_leaves_nothing_also_when_that_cannot_be_undone_at_once(
    store, tmp_path, path
):
    append(store, [entry("1")])
    append(store, [entry("2")], flush=False)
    with instead_of_the_journal(store, path):
        for _ in range(2):
            with pytest.raises(StoreError, match="cannot write to the log folder"):
                append(store, [entry("lost"), entry("lost", "s2")])
    assert [e.message for e in entries(store, "s1")] == ["1", "2"] and store.session("s2") is None
    assert [e.offset for e in append(store, [entry("3"), entry("x", "s2")])] == [3, 1]
    assert b"lost" not in journal_of(tmp_path)
    again = reopened(store)
    assert [e.message for e in entries(again, "s1")] == ["1", "2", "3"]
    again.close()


FULL_LOG = """
import resource, signal, sys
from headway.errors import StoreError
from headway.stores import open_store
from headway.testing.making import append, entries, entry

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store("json:" + sys.argv[1])
append(store, [entry("x" * 5000), entry("y", "s2")])
store._ledger.checkpoint()  # the journal is short now: the array file reaches the limit first
path = store.folder / "s1_progress.json"
before = path.read_bytes()
resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        append(store, [entry("lost", "s0"), entry("lost", "s9"), entry("lost", "s2"), entry("lost" * 50)])
    except StoreError:
        print([len(entries(store, sid)) for sid in ("s0", "s1", "s2")], path.read_bytes() == before)
print(len(append(store, [entry("z", "s2")])))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(len(append(store, [entry("2"), entry("1", "s0")])))
sys.stdout.flush()
import os
os.kill(os.getpid(), 9)
"""


def test_an_array_file_that_cannot_be_written_takes_the_whole_commit_back(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL_LOG, tmp_path], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[0, 1, 1] True\n[0, 1, 1] True\n1\n2\n", "")
    again = open_store(f"json:{tmp_path}")
    assert [[e.message[:4] for e in entries(again, sid)] for sid in ("s0", "s1", "s2")] == [
        ["1"], ["xxxx", "2"], ["y", "z"],
    ]  # fmt: skip
    assert again.session("s9") is None
    again.close()


# --- its lines


def test_a_line_that_is_damaged_anywhere_counts_for_nothing(tmp_path):
    line = line_of([b'{"do":"delete","session_id":"s1"}'])
    assert changes_of(line[:-1]) is not None
    for at in range(len(line) - 1):
        assert changes_of(line[:at] + bytes([line[at] ^ 1]) + line[at + 1 : -1]) is None, at
        assert changes_of(line[:at]) is None, at
    assert lines_of(line + b"garbage\n" + line + line[:9]) == (
        [changes_of(line[:-1])] * 2, b"garbage\n" + line[:9],
    )  # fmt: skip


def test_a_journal_is_followed_as_it_grows_and_what_is_taken_back_is_noticed(tmp_path):
    segment = Segment(tmp_path, 1)
    tail = Tail(segment.path)
    changes = [[b'{"do":"delete","session_id":"s%d"}' % n] for n in range(3)]
    lines = [changes_of(line_of(c)[:-1]) for c in changes]
    assert tail.news() == []
    segment.commit(changes[0], flush=False)
    segment.commit(changes[1], flush=True)
    assert tail.news() == lines[:2] and tail.news() == []
    segment.commit(changes[2], flush=True)
    assert tail.news() == lines[2:]
    segment.take_back()
    with pytest.raises(JournalChanged):
        tail.news()
    assert not tail.deleted
    segment.path.unlink()
    assert tail.deleted
    tail.close()
    segment.close()
