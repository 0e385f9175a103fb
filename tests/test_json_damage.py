"""What a power cut leaves of a folder: every acknowledged entry is there again, and nothing is invented.

A cut leaves of the journal what was flushed, and anything behind it; of the array files what the last
checkpoint flushed, and of what was written since any part, zeros, or nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from headway.stores import open_store
from headway.stores.json_files.array_text import parse
from headway.stores.json_files.disk import read_file
from headway.stores.json_files.journal import segments
from headway.stores.json_files.mending import take_up
from headway.stores.json_files.opening import take_stock
from headway.stores.json_files.records import decode_records
from headway.testing.making import append, entry

SECTOR = 512
RANDOM_CASES = 1_500

Files = dict[str, bytes]


def files_of(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


@dataclass
class Moment:
    """The files of a folder when a commit was acknowledged, and the messages that are in its logs."""

    files: Files
    logs: dict[str, list[str]]


@pytest.fixture(scope="module")
def life(tmp_path_factory) -> list[Moment]:
    """Give the moments of a store's life since a checkpoint, the first of which is the checkpoint."""
    folder = tmp_path_factory.mktemp("life")
    foreign = b'[{"timestamp": "t", "step": "s", "message": "0", "step_number": 1, "total_steps": 1,\n'
    (folder / "foreign_progress.json").write_bytes(foreign + b'"session_id": "foreign"}]')
    store = open_store(f"json:{folder}")
    logs: dict[str, list[str]] = {"foreign": ["0"]}
    moments = []
    for n in range(12):
        names = [["old"], ["old", "foreign"], ["old", "new", "old"], ["new"]][n % 4 if n > 2 else n % 2]
        append(store, [entry(f"{n} ü]}}\\" + "x" * (n * 40), name) for name in names])
        for name in names:
            logs = logs | {name: [*logs.get(name, []), f"{n} ü]}}\\" + "x" * (n * 40)]}
        if n == 2:
            store._ledger.checkpoint()
        if n >= 2:
            with store._ledger._settling:  # copying takes longer than the moment of a cut
                moments.append(Moment(files_of(folder), logs))
    store.close()
    return moments


def logs_of(folder: Path) -> dict[str, list[str]]:
    """Open a folder as a store does, and return what is in its logs, by their records and by their files."""
    records = decode_records(read_file(folder / "_sessions.jsonl"))
    found = take_stock(folder, records).records
    logs = {}
    for session_id, record in found.items():
        path = folder / f"{session_id}_progress.json"
        if path.stat().st_size != record.length:  # the journal does not know of it: seen at its first use
            record = take_up(path, session_id, record)
        text = parse(path.read_bytes(), session_id)
        assert (record.session.last_offset, text.damaged) == (len(text.entries), b"")
        assert [e.offset for e in text.entries] == list(range(1, len(text.entries) + 1))
        logs[session_id] = [e.message for e in text.entries]
    return logs


def put(folder: Path, files: Files) -> None:
    for path in folder.iterdir():
        path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def cut(life: list[Moment], acknowledged: int, chance: random.Random) -> Files:
    """Return what a power cut leaves when so many commits since the checkpoint were acknowledged."""
    flushed, last = life[0].files, life[acknowledged].files
    under_way = life[min(acknowledged + 1, len(life) - 1)].files
    files = {}
    for name, content in under_way.items():
        if name.startswith("_journal."):
            files[name] = _journal_after_a_cut(last[name].rstrip(b"\0"), content, chance)
        elif name.endswith("_progress.json"):
            kept = _array_after_a_cut(
                flushed.get(name, b""), chance.choice([last.get(name, b""), content]), chance
            )
            if kept or name in flushed or chance.random() < 0.5:
                files[name] = kept
        else:
            files[name] = flushed[name]
    return files


def _journal_after_a_cut(acknowledged: bytes, under_way: bytes, chance: random.Random) -> bytes:
    line = under_way[len(acknowledged) :].rstrip(b"\0")
    torn = line[: chance.randrange(len(line) + 1)]
    return acknowledged + chance.choice([b"", bytes(5000), torn, torn + bytes(999), chance.randbytes(700)])


def _array_after_a_cut(flushed: bytes, written: bytes, chance: random.Random) -> bytes:
    safe = max(0, len(flushed) - 3)  # the closing bracket is written over
    match chance.randrange(5):
        case 0:
            return flushed
        case 1:
            return written
        case 2:
            return written[: chance.randrange(safe, len(written) + 1)]
        case 3:  # grown, and some of its sectors were not written
            block = bytearray(written)
            for place in range(safe, len(block), SECTOR):
                if chance.random() < 0.5:
                    block[place : place + SECTOR] = bytes(len(block[place : place + SECTOR]))
            return bytes(block)
    return flushed[:safe] + bytes(max(0, len(written) - safe))


def allowed(life: list[Moment], acknowledged: int) -> Callable[[dict[str, list[str]]], bool]:
    """Return whether logs have all that was acknowledged, and beyond that only what was under way."""
    least, most = life[acknowledged].logs, life[min(acknowledged + 1, len(life) - 1)].logs

    def check(logs: dict[str, list[str]]) -> bool:
        return all(
            logs.get(name, [])[: len(least.get(name, []))] == least.get(name, [])
            and most[name][: len(logs.get(name, []))] == logs.get(name, [])
            for name in most
        )

    return check


@pytest.mark.parametrize("seed", range(10))
def test_a_power_cut_loses_nothing_that_was_acknowledged_and_invents_nothing(life, tmp_path, seed):
    chance = random.Random(seed)
    for n in range(RANDOM_CASES // 10):
        acknowledged = chance.randrange(len(life))
        put(tmp_path, cut(life, acknowledged, chance))
        logs = logs_of(tmp_path)
        assert allowed(life, acknowledged)(logs), (seed, n)
        assert logs_of(tmp_path) == logs  # a cut during the start is no other


def test_the_damage_would_be_seen_without_the_journal(life, tmp_path):
    chance, lost = random.Random(1), 0
    for _ in range(100):
        files = cut(life, len(life) - 1, chance)
        put(tmp_path, {name: b for name, b in files.items() if not name.startswith("_journal.")})
        lost += not allowed(life, len(life) - 1)(logs_of(tmp_path))
    assert lost > 50


@pytest.mark.parametrize("arrays", ["flushed", "written"])
def test_a_commit_torn_at_any_byte_of_the_journal_is_there_or_not_and_nothing_else(life, tmp_path, arrays):
    before, after = life[-2], life[-1]
    (name,) = (name for name in after.files if name.startswith("_journal."))
    begin, end = len(before.files[name].rstrip(b"\0")), len(after.files[name].rstrip(b"\0"))
    others = (life[0] if arrays == "flushed" else before).files
    for at in range(begin, end + 1):
        for tail in (b"", bytes(100)):
            put(tmp_path, others | {name: after.files[name][:at] + tail})
            logs = logs_of(tmp_path)
            assert logs == (after if at >= end - 1 else before).logs, at
            kept = [path for path in tmp_path.iterdir() if ".damaged-" in path.name]
            assert bool(kept) == (begin < at < end - 1), at


def test_a_damaged_line_in_the_midst_of_the_journal_costs_nothing_that_the_logs_have(life, tmp_path):
    (name,) = (name for name in life[-1].files if name.startswith("_journal."))
    journal = life[-1].files[name]
    for place in range(0, len(journal.rstrip(b"\0")), 101):
        damaged = journal[:place] + bytes([journal[place] ^ 255]) + journal[place + 1 :]
        put(tmp_path, life[-1].files | {name: damaged})
        assert logs_of(tmp_path) == life[-1].logs, place


def test_what_cannot_be_placed_is_put_aside(life, tmp_path):
    put(tmp_path, life[-1].files | {"old_progress.json": b"[\n\n]\n"})  # flushed once, and damaged since
    logs_of_others = {k: v for k, v in life[-1].logs.items() if k != "old"}
    records = decode_records(read_file(tmp_path / "_sessions.jsonl"))
    assert "old" not in take_stock(tmp_path, records).records
    aside = b"".join(path.read_bytes() for path in tmp_path.glob("old_progress.json.damaged-*"))
    assert all(f'"message":"{n} '.encode() in aside for n in (4, 5, 6, 8, 9, 10))
    assert logs_of(tmp_path) | {} == logs_of_others


def test_a_log_deleted_by_hand_after_a_crash_stays_deleted_unless_the_journal_has_all_of_it(life, tmp_path):
    gone = {"old_progress.json", "new_progress.json"}
    put(tmp_path, {name: content for name, content in life[-1].files.items() if name not in gone})
    logs = logs_of(tmp_path)
    assert logs == {name: log for name, log in life[-1].logs.items() if name != "old"}
    assert len(segments(tmp_path)) == 1
