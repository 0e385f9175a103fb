"""Compressed logs: read as before, whole whatever moment a crash comes at, and going on by themselves."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from headway import Entry
from headway.errors import RunEnded, StoreError
from headway.stores import Store, open_store
from headway.testing.making import append, entries, entry, record

STEPS = {"open", "os.rename", "os.remove", "os.truncate"}  # what a crash may come before
_watching: list[Callable[[], None]] = []


def _on_step(event: str, _) -> None:
    if _watching and event in STEPS:
        step = _watching.pop()  # what it does itself is no step
        step()
        _watching.append(step)


sys.addaudithook(_on_step)  # for good: there is no way to take it out


@contextmanager
def copied_at_each_step(store: Store, copies: Path) -> Iterator[list[Path]]:
    """Copy a store's folder before each step that changes it, as a crash would leave it."""
    found: list[Path] = []

    def copy() -> None:
        found.append(copies / str(len(found)))
        shutil.copytree(store.folder, found[-1], ignore=shutil.ignore_patterns(".lock"))

    with store._ledger._settling:  # a copy takes longer than the moment of a crash
        _watching.append(copy)
        yield found
        _watching.clear()
        copy()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def store(folder: Path):
    store = open_store(f"json:{folder}")
    yield store
    store.close()


def odd(log: list[Entry]) -> list[Entry]:
    return [e for e in log if e.offset % 2]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("s1*")}


def test_an_archived_log_is_a_gzip_of_the_array_and_nothing_else_is_left(store, folder):
    log = append(store, [entry(str(n), run_id="r", key=f"k{n}") for n in range(5)])
    store.archive("s1", odd)
    assert names(folder) == {"s1_progress.json.gz"}
    with gzip.open(folder / "s1_progress.json.gz") as file:
        assert [item["offset"] for item in json.load(file)] == [1, 3, 5]
    store.close()
    again = open_store(str(store))
    assert (entries(again, "s1"), record(again, "s1").archived) == (odd(log), True)
    assert entries(again, "s1", 1, 1) == [log[2]]
    assert append(again, [entry("0", key="k0")]) == [log[0]]
    assert names(folder) == {"s1_progress.json.gz"}  # nothing was written
    log = odd(log) + append(again, [entry("5"), entry("6")])
    assert names(folder) == {"s1_progress.json"}
    assert [item["offset"] for item in json.loads((folder / "s1_progress.json").read_bytes())] == [
        1,
        3,
        5,
        6,
        7,
    ]
    again.close()
    once_more = open_store(str(store))
    assert (entries(once_more, "s1"), record(once_more, "s1").archived) == (log, False)
    once_more.close()


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_crash_at_any_step_of_archiving_costs_nothing(store, folder, tmp_path, checkpoint):
    log = append(store, [entry(str(n)) for n in range(6)]) + append(store, [entry("end", status="completed")])
    if checkpoint:
        store._ledger.checkpoint()
    with copied_at_each_step(store, tmp_path / "copies") as copies:
        store.archive("s1", odd)
    assert len(copies) > 5
    seen = [state_of(copy) for copy in copies]
    assert set(map(str, seen)) == {str((log, False)), str((odd(log), True))}
    assert seen == sorted(seen, key=lambda state: state[1])


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_crash_at_any_step_of_bringing_a_log_back_costs_nothing(store, folder, tmp_path, checkpoint):
    log = append(store, [entry(str(n)) for n in range(6)]) + append(store, [entry("end", status="completed")])
    store.archive("s1", odd)
    if checkpoint:
        store._ledger.checkpoint()
    with copied_at_each_step(store, tmp_path / "copies") as copies:
        log = odd(log) + append(store, [entry("on")])
    assert len(copies) > 4
    seen = [state_of(copy) for copy in copies]
    assert set(map(str, seen)) == {str((log[:-1], True)), str((log, False))}
    assert seen == sorted(seen, key=lambda state: not state[1])


def state_of(folder: Path) -> tuple[list[Entry], bool]:
    """Open what a crash has left, twice, and let the log go on."""
    store = open_store(f"json:{folder}")
    state = entries(store, "s1"), record(store, "s1").archived
    assert names(folder) == {"s1_progress.json.gz" if state[1] else "s1_progress.json"}
    store.close()
    store = open_store(f"json:{folder}")
    assert (entries(store, "s1"), record(store, "s1").archived) == state
    assert [e.offset for e in append(store, [entry("more")])] == [state[0][-1].offset + 1]
    assert len(json.loads((folder / "s1_progress.json").read_bytes())) == len(state[0]) + 1
    store.close()
    return state


def test_what_is_refused_leaves_a_log_archived(store, folder):
    append(store, [entry("1", run_id="r"), entry("2", run_id="r", status="completed")])
    archived = store.archive("s1", lambda log: log)
    with pytest.raises(RunEnded):
        append(store, [entry("x", "s2"), entry("late", run_id="r")])
    assert record(store, "s1") == archived and names(folder) == {"s1_progress.json.gz"}


def test_a_record_cannot_say_of_a_log_that_it_is_archived(store):
    log = append(store, [entry("1")])
    for archived in (False, True):
        store.update_session("s1", lambda old: msgspec.structs.replace(old, archived=not old.archived))
        assert (entries(store, "s1"), record(store, "s1").archived) == (log, archived)
        store.archive("s1", lambda log: log)


def test_an_archived_log_can_be_archived_again(store):
    log = append(store, [entry(str(n)) for n in range(7)])
    store.archive("s1", odd)
    store.archive("s1", lambda kept: kept[-2:])
    assert entries(store, "s1") == [log[4], log[6]]


def test_what_another_program_wrote_into_an_entry_is_kept(folder):
    plain = {
        "timestamp": "t",
        "step": "s",
        "message": "",
        "step_number": 1,
        "total_steps": 1,
        "colour": "blue",
    }
    folder.mkdir()
    (folder / "s1_progress.json").write_text(json.dumps([plain | {"session_id": "other"}] * 3, indent=2))
    store = open_store(f"json:{folder}")
    store.archive("s1", odd)
    with gzip.open(folder / "s1_progress.json.gz") as file:
        kept = json.load(file)
    assert kept == [plain | {"session_id": "s1", "offset": offset} for offset in (1, 3)]
    assert [e.offset for e in entries(store, "s1")] == [1, 3]
    store.close()


@pytest.mark.parametrize("by_hand", ["unpacked", "packed", "without records"])
def test_logs_may_be_packed_and_unpacked_by_hand_while_no_program_runs(store, folder, by_hand):
    log = append(store, [entry(str(n)) for n in range(3)])
    plain, packed = folder / "s1_progress.json", folder / "s1_progress.json.gz"
    if by_hand == "packed":
        store.close()
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    else:
        store.archive("s1", lambda log: log)
        store.close()
    if by_hand == "unpacked":
        plain.write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    elif by_hand == "without records":
        (folder / "_sessions.jsonl").unlink()
    again = open_store(str(store))
    assert (entries(again, "s1"), record(again, "s1").archived) == (log, by_hand != "unpacked")
    assert [e.offset for e in append(again, [entry("on")])] == [4]
    again.close()


def test_an_archive_that_is_damaged_or_gone_is_said_to_be_so(store, folder):
    append(store, [entry("1")])
    append(store, [entry("x", "s2")])
    store.archive("s1", lambda log: log)
    store.archive("s2", lambda log: log)
    (folder / "s1_progress.json.gz").write_bytes(b"\x1f\x8bno")
    (folder / "s2_progress.json.gz").unlink()
    for attempt in (lambda: entries(store, "s1"), lambda: append(store, [entry("2")])):
        with pytest.raises(StoreError, match=r"the compressed log 's1_progress\.json\.gz' is damaged"):
            attempt()
    assert store.session("s1") is not None
    assert store.read("s2") is None and store.session("s2") is None
