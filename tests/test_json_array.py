"""The array file: read whole or in parts, whoever wrote it, and mended whatever a crash left of it."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest

from headway import Entry
from headway.entry import encode
from headway.session import Session
from headway.stores.commit import begin
from headway.stores.json_files.array_text import parse
from headway.stores.json_files.changes import Record, block_of
from headway.stores.json_files.lines import LogChanged, LogText
from headway.stores.json_files.mending import take_up


def entry(message: str = "", offset: int = 0) -> Entry:
    return Entry(
        timestamp="t", step="s", message=message, step_number=1, total_steps=1, session_id="s1", offset=offset
    )


def entries(count: int, begin: int = 1) -> list[Entry]:
    return [entry(f'{n}: Zürich ]}}"\\ {"x" * n}', n) for n in range(begin, begin + count)]


def array(found: list[Entry]) -> bytes:
    return block_of([encode(e) for e in found], 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s1_progress.json"


def content(path: Path) -> list[Entry]:
    """Return what is in the file once it is mended, for us and for every other reader of JSON."""
    record = take_up(path, "s1", None)
    if record is None:
        assert not path.exists()
        return []
    text = path.read_bytes()
    assert record.length == len(text)
    found = text_of(text, record).entries()
    assert len(json.loads(text)) == len(found) == len(parse(text, "s1").entries)
    return found


def text_of(text: bytes, record: Record) -> LogText:
    return LogText(lambda count, place: text[place : place + count], record, len(text))


def append(path: Path, new: list[Entry]) -> None:
    """Append as a commit does: the closing bracket is written over."""
    place = path.stat().st_size - 3 if path.exists() else 0
    with open(path, "r+b" if place else "xb") as file:
        file.seek(place)
        file.write(block_of([encode(e) for e in new], place))


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


# --- a part of it


@pytest.mark.parametrize("size", [9, 2_000])
def test_a_part_is_read_from_its_place(size):
    log = [*entries(3), *entries(size - 6, 7), *entries(1, size + 9)]  # compacted logs have gaps
    text = text_of(array(log), Record(session=begun()))
    for since, limit in itertools.product((0, 1, 3, 4, 6, 7, size // 2, size, size + 9), (None, 0, 1, 4)):
        assert text.entries(since, limit) == [e for e in log if e.offset > since][:limit]


def begun() -> Session:
    return begin(entry())


def test_little_is_read_for_a_page_of_a_long_log():
    log = entries(1, 1) + [entry("x" * 300, n) for n in range(2, 20_001)]
    text, read = array(log), []

    def read_some(count: int, place: int) -> bytes:
        read.append(count)
        return text[place : place + count]

    page = LogText(read_some, Record(session=begun()), len(text)).entries(15_000, 100)
    assert [e.offset for e in page] == list(range(15_001, 15_101))
    assert sum(read) < len(text) / 5


def test_a_line_longer_than_what_is_read_at_once_is_read_whole():
    log = [entry(letter * 100_000, n) for n, letter in enumerate("abcdef", 1)]
    text = text_of(array(log), Record(session=begun()))
    assert [text.entries(since, 1) for since in range(7)] == [*([e] for e in log), []]


def test_a_file_that_is_not_what_is_known_of_it_is_said_to_be_another():
    whole = array(entries(2_000))
    for other in (whole[:-100], whole[:500] + bytes(600) + whole[1100:], b"[]" * len(whole)):
        text = LogText(lambda n, place, t=other: t[place : place + n], Record(session=begun()), len(whole))
        with pytest.raises(LogChanged, match="'s1' is not as it was left"):
            text.entries()


# --- whatever a crash left of it


def torn(before: bytes, after: bytes, at: int, kind: str) -> bytes:
    """Return what a crash leaves of the append that makes *after* of *before*, cut at a byte."""
    if kind == "grown":  # the size is the new one already, the rest of the block was not written
        return after[:at] + bytes(len(after) - at)
    if kind == "old tail":  # what was not written is as before
        return after[:at] + before[at:]
    return after[:at]


@pytest.mark.parametrize("kind", ["cut", "grown", "old tail"])
def test_an_append_torn_at_any_byte_loses_nothing_that_was_there(path, kind):
    before, after = array(entries(3)), array(entries(5))
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
    whole = array(entries(4))
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
    path.write_bytes(array(entries(2)) + bytes(zeros))
    assert content(path) == entries(2)
    assert put_aside(path) == []
    append(path, entries(1, 3))
    assert content(path) == entries(3)


def test_a_damaged_middle_ends_the_log_there_and_nothing_is_thrown_away(path):
    whole = array(entries(5))
    place = whole.index(b"3: Z")
    damaged = whole[: place - 20] + bytes(10) + whole[place - 10 :]
    path.write_bytes(damaged)
    assert content(path) == entries(2)
    (aside,) = put_aside(path)
    assert damaged.endswith(aside) and b"4: Z" in aside and b"5: Z" in aside
    assert {os.stat(file).st_mode & 0o777 for file in path.parent.glob("*.damaged-*")} == {0o600}


def test_two_entries_that_damage_made_one_are_none(path):
    """What looks like the name of an unknown field is no UTF-8."""
    whole = array(entries(5))
    begin, end = (whole.index(name, whole.index(b"2: Z")) + 6 for name in (b'"total_steps"', b'"message"'))
    path.write_bytes(whole[:begin] + b"\xff" * (end - begin) + whole[end:])
    with pytest.raises(LogChanged):
        text_of(path.read_bytes(), Record(session=begun(), length=len(whole))).entries()
    assert content(path) == entries(1)


# --- whoever wrote it

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
        "[\n" + ",\n".join(json.dumps(item) for item in FOREIGN) + "\n]\n",  # as we write, without offsets
        json.dumps([item | {"offset": n} for n, item in enumerate(FOREIGN, 1)]),
    ],
)
def test_an_array_as_other_programs_write_it_is_read_and_goes_on(path, text):
    path.write_bytes(text.encode())
    found = content(path)
    assert [(e.offset, e.message) for e in found] == [(n, f"{n} Zürich") for n in (1, 2, 3)]
    append(path, [entry("4", 4), entry("5", 5)])
    assert [e.message for e in content(path)] == ["1 Zürich", "2 Zürich", "3 Zürich", "4", "5"]
    assert put_aside(path) == []
    record = take_up(path, "s1", None)
    for since, limit in itertools.product(range(6), (None, 0, 1, 3)):
        found = text_of(path.read_bytes(), record).entries(since, limit)
        assert [e.offset for e in found] == list(range(since + 1, 6))[:limit]


@pytest.mark.parametrize(
    ("own", "placed"),
    [([3, 5, 9], [3, 5, 9]), ([0, 0, 0], [1, 2, 3]), ([2, 2, 1], [2, 3, 4]), ([0, 7, 0], [1, 7, 8])],
)
def test_an_offset_of_its_own_counts_when_it_is_beyond_the_one_before(own, placed):
    text = block_of([encode(entry("", offset)) for offset in own], 0)
    assert [e.offset for e in parse(text, "s1").entries] == placed


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
