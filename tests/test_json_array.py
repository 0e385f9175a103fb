"""The array file: valid after every append, never rewritten, and mended whatever a crash left of it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from headway import Entry
from headway.stores.json_array import JsonArrayFile


def entry(message: str = "", offset: int = 0) -> Entry:
    return Entry(
        timestamp="t", step="s", message=message, step_number=1, total_steps=1, session_id="s1", offset=offset
    )


def entries(count: int, begin: int = 1) -> list[Entry]:
    return [entry(f'{n}: Zürich ]}}"\\ {"x" * n}', n) for n in range(begin, begin + count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s1_progress.json"


def opened(path: Path) -> JsonArrayFile:
    return JsonArrayFile(path, "s1", lambda _: None)


def append(path: Path, *batches: list[Entry]) -> None:
    file = opened(path)
    for batch in batches:
        file.write(batch)
        file.sync()
        file.accept()
    file.close()


def content(path: Path) -> list[Entry]:
    """Return what is in the file, for us and for every other reader of JSON."""
    file = opened(path)
    found = file.read()
    file.close()
    if path.exists():
        assert len(json.loads(path.read_bytes())) == len(found)
    return found


def put_aside(path: Path) -> list[bytes]:
    return [file.read_bytes() for file in sorted(path.parent.glob("*.damaged-*"))]


def test_the_file_is_a_json_array_after_every_append_and_only_grows(path):
    before = b""
    for n in range(1, 6):
        append(path, entries(1, n))
        now = path.read_bytes()
        assert [item["offset"] for item in json.loads(now)] == list(range(1, n + 1))
        assert now.startswith(before) and now.endswith(b"}\n]\n")
        before = now.removesuffix(b"\n]\n")


def test_only_the_closing_bracket_is_written_over(path):
    file = opened(path)
    file.write(entries(50))
    file.accept()
    size = file.size
    written: list[tuple[int, int]] = []
    plain = file._file

    class Watched:
        def seek(self, place):
            written.append((place, 0))
            return plain.seek(place)

        def write(self, block):
            done = plain.write(block)
            written[-1] = (written[-1][0], done)
            return done

    file._file = Watched()
    file.write(entries(1, 51))
    file._file = plain
    file.accept()
    file.close()
    ((place, count),) = written
    assert place == size - len(b"\n]\n") and place + count == path.stat().st_size


def test_nobody_else_may_read_the_file(path):
    append(path, entries(1))
    assert path.stat().st_mode & 0o777 == 0o600


def test_readers_see_what_was_accepted_and_nothing_of_what_was_undone(path):
    file = opened(path)
    file.write(entries(2))
    assert file.read() == []
    file.accept()
    file.write(entries(3, 3))
    assert file.read() == entries(2)
    file.undo()
    assert content(path) == file.read() == entries(2)
    file.write(entries(1, 3))
    file.accept()
    assert content(path) == file.read() == entries(3)
    file.close()


def test_a_first_append_that_is_undone_leaves_no_file(path):
    file = opened(path)
    file.write(entries(2))
    file.undo()
    assert not path.exists() and file.size == 0
    file.write(entries(1))
    file.accept()
    file.close()
    assert content(path) == entries(1)


def test_a_slice_is_read_from_its_place(path):
    append(path, entries(9))
    file = opened(path)
    for since, limit in itertools.product(range(11), (None, 0, 1, 4, 99)):
        assert file.read(since, limit) == entries(9)[since:][:limit]
    file.close()


def torn(before: bytes, after: bytes, at: int, kind: str) -> bytes:
    """Return what a crash leaves of the append that makes *after* of *before*, cut at a byte."""
    if kind == "grown":  # the size is the new one already, the rest of the block was not written
        return after[:at] + bytes(len(after) - at)
    if kind == "old tail":  # what was not written is as before
        return after[:at] + before[at:]
    return after[:at]


@pytest.mark.parametrize("kind", ["cut", "grown", "old tail"])
def test_an_append_torn_at_any_byte_loses_nothing_that_was_acknowledged(path, kind):
    append(path, entries(3))
    before = path.read_bytes()
    append(path, entries(2, 4))
    after = path.read_bytes()
    seen = set()
    for at in range(len(before) - 3, len(after)):
        path.write_bytes(torn(before, after, at, kind))
        found = content(path)
        assert found in (entries(3), entries(4), entries(5)), at
        seen.add(len(found))
        append(path, entries(1, len(found) + 1))
        assert content(path) == entries(len(found) + 1)
    assert seen == {3, 4, 5}


def test_a_file_cut_at_any_byte_keeps_the_entries_before_the_cut_and_its_damaged_bytes(path):
    append(path, entries(4))
    whole = path.read_bytes()
    ends = [i + 1 for i in range(len(whole)) if whole[i : i + 2] == b"}," or whole[i : i + 3] == b"}\n]"]
    assert len(ends) == 4
    for at in range(len(whole)):
        path.write_bytes(whole[:at])
        kept = sum(end <= at for end in ends)
        for file in path.parent.glob("*.damaged-*"):
            file.unlink()
        assert content(path) == entries(4)[:kept], at
        rest = whole[ends[kept - 1] if kept else 0 : at]
        assert put_aside(path) == ([rest] if rest.strip(b"[],\n") else []), at


@pytest.mark.parametrize("zeros", [1, 4, 5000])
def test_zeros_behind_the_array_are_cut_off(path, zeros):
    append(path, entries(2))
    with open(path, "ab") as file:
        file.write(bytes(zeros))
    assert content(path) == entries(2)
    assert put_aside(path) == []
    append(path, entries(1, 3))
    assert content(path) == entries(3)


def test_a_damaged_middle_ends_the_log_there_and_nothing_is_thrown_away(path):
    append(path, entries(5))
    whole = path.read_bytes()
    place = whole.index(b"3: Z")
    damaged = whole[: place - 20] + bytes(10) + whole[place - 10 :]
    path.write_bytes(damaged)
    assert content(path) == entries(2)
    (aside,) = put_aside(path)
    assert damaged.endswith(aside) and b"4: Z" in aside and b"5: Z" in aside


PLAIN = {"timestamp": "2024-07-01T17:30:45.123456", "step": "Read", "step_number": 1, "total_steps": 5}
FOREIGN = [PLAIN | {"session_id": "s1", "message": f"{n} Zürich"} for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(FOREIGN),
        json.dumps(FOREIGN, indent=2),
        json.dumps(FOREIGN, indent="\t", ensure_ascii=False),
        json.dumps(FOREIGN, separators=(",", ":")),
        "\r\n " + json.dumps(FOREIGN, indent=2).replace("\n", "\r\n") + "\r\n",
        json.dumps([item | {"colour": "blue", "nested": [[{}]]} for item in FOREIGN], indent=4),
    ],
)
def test_an_array_as_other_programs_write_it_is_read_and_goes_on(path, text):
    path.write_bytes(text.encode())
    found = content(path)
    assert [(e.offset, e.message) for e in found] == [(n, f"{n} Zürich") for n in (1, 2, 3)]
    append(path, [entry("4", 4)])
    assert [e.message for e in content(path)] == ["1 Zürich", "2 Zürich", "3 Zürich", "4"]
    assert put_aside(path) == []


@pytest.mark.parametrize("text", ["", " \n", "[]", "[\n]\n", "\0" * 100])
def test_a_file_with_nothing_in_it_begins_anew(path, text):
    path.write_text(text)
    assert content(path) == [] and put_aside(path) == []
    append(path, entries(1))
    assert content(path) == entries(1)


@pytest.mark.parametrize("text", ['{"a": 1}', "hello", "[1, 2]", '[{"step": "only"}]', '[{"a":' * 5000])
def test_a_file_that_is_no_log_is_put_aside(path, text):
    path.write_text(text)
    assert content(path) == []
    assert put_aside(path) == [text.encode()]
