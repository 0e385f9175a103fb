"""Torn, truncated, zeroed and overwritten files: what was acknowledged comes back, and nothing else."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from headway.stores import Batch, open_store
from headway.stores.json_files import mending, opening
from headway.testing.making import entry

from .conftest import Proof
from .damage import History, cut_power, histories, spoil


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in memory, where that is possible: it is quicker, and no real disk is asked for here."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as place:
        yield Path(place)


def looked_at(history: History, promised: dict[str, int], junk: list[bytes]) -> Counter[str]:
    """Open a damaged folder, and count the entries that are not as they were promised to be.

    Parameters
    ----------
    promised
        How many entries of each log must be there, from the first on.
    junk
        What must have been put aside.
    """
    wrong: Counter[str] = Counter()
    store = open_store(f"json:{history.folder}")
    for session_id, log in history.logs.items():
        found = store.read(session_id)
        entries = found.entries if found else []
        wrong["lost"] += max(promised[session_id] - len(entries), 0)
        wrong["invented"] += sum(entry not in log for entry in entries)
        wrong["changed"] += entries != log[: len(entries)]
        (new,) = store.append(Batch([entry("after the damage", session_id)])).entries
        wrong["misnumbered"] += new.offset != len(entries) + 1
        again = store.read(session_id)
        wrong["not appended"] += again is None or again.entries != [*entries, new]
    before = {session.session_id: store.read(session.session_id).entries for session in store.sessions(99)}
    store.close()
    store = open_store(f"json:{history.folder}")
    wrong["not the same again"] += before != {sid: store.read(sid).entries for sid in before}
    store.close()
    left = [path.read_bytes() for path in history.folder.iterdir()]
    wrong["thrown away"] += sum(not any(piece in content for content in left) for piece in junk)
    shutil.rmtree(history.folder)
    return +wrong


def all_of(history: History) -> dict[str, int]:
    return {session_id: len(log) for session_id, log in history.logs.items()}


def power_cuts(
    folder: Path, cases: int, also: Callable[[History], object] = lambda history: None
) -> Counter[str]:
    """Cut the power of so many writers, and count what is wrong in their folders."""
    wrong: Counter[str] = Counter()
    for seed, history in enumerate(histories(folder, 0, cases)):
        junk = cut_power(history, random.Random(seed))
        also(history)
        wrong += looked_at(history, all_of(history), junk)
    return wrong


def test_a_power_cut_takes_nothing_that_was_acknowledged(proof: Proof, folder: Path) -> None:
    """The journal was flushed; what was written since to the array files may be anything."""
    cases = proof.of(100, 1_500)
    assert power_cuts(folder, cases) == Counter()
    proof.found("power cut, json", cases=cases, lost=0, invented=0, thrown_away=0)


def test_what_is_before_the_damage_is_kept_where_a_disk_has_gone_bad(proof: Proof, folder: Path) -> None:
    """Nothing was lost by the writer, but the bytes of a log are not what they were when it was closed."""
    cases = proof.of(60, 1_000)
    wrong: Counter[str] = Counter()
    for seed, history in enumerate(histories(folder, 10_000, cases)):
        open_store(f"json:{history.folder}").close()  # all is in the array files now
        chance = random.Random(seed)
        session_id = chance.choice(sorted(history.logs))
        path = history.array(session_id)
        was = path.read_bytes()
        junk = spoil(path, 0, chance)
        promised = all_of(history) | {session_id: whole(history, session_id, was, path.read_bytes())}
        wrong += looked_at(history, promised, junk)
    assert wrong == Counter()
    proof.found("bad disk, json", cases=cases, lost_before_the_damage=0, invented=0, thrown_away=0)


def test_a_damaged_journal_takes_nothing_that_the_array_files_have(proof: Proof, folder: Path) -> None:
    cases = proof.of(40, 500)
    wrong: Counter[str] = Counter()
    for seed, history in enumerate(histories(folder, 20_000, cases)):
        chance = random.Random(seed)
        journal = chance.choice(history.journal())
        journal.write_bytes(journal.read_bytes().rstrip(b"\0"))  # without the room that was set aside
        junk = spoil(journal, 0, chance, ["short", "zeros", "junk", "another"])
        wrong += looked_at(history, all_of(history), junk)
    assert wrong == Counter()
    proof.found("damaged journal, json", cases=cases, lost=0, invented=0, thrown_away=0)


def whole(history: History, session_id: str, was: bytes, now: bytes) -> int:
    """Return how many entries of a log lie before the first byte that is not as it was."""
    if now.startswith(was):
        return len(history.logs[session_id])
    same = os.path.commonprefix([was, now])  # noqa: RUF071 (bytes, not paths)
    return same.count(b"},\n{") + same.endswith(b"}")


def without_journal(history: History) -> None:
    for path in history.journal():
        path.unlink()


def test_a_store_without_a_journal_is_caught(folder: Path) -> None:
    assert power_cuts(folder, 10, without_journal)["lost"] > 0


def test_a_store_that_does_not_look_at_its_files_is_caught(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "has", lambda path, record, chain: True)
    assert power_cuts(folder, 10)["lost"] > 0


def test_a_store_that_throws_damaged_bytes_away_is_caught(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mending, "put_aside", lambda path, damaged: None)
    assert power_cuts(folder, 20)["thrown away"] > 0
