"""Files by place: whole writes, whole files put in place, many files flushed at once."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from headway.stores.json_files.disk import FEW, WRITE, read_at, sync_files, write_at, write_file


@pytest.fixture
def descriptor(tmp_path: Path):
    descriptor = os.open(tmp_path / "file", WRITE | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def test_a_block_is_written_where_it_is_to_be_and_read_as_far_as_there_is(descriptor):
    write_at(descriptor, b"12345", 3)
    write_at(descriptor, b"ab", 4)
    assert read_at(descriptor, 99, 0) == b"\0\0\0" + b"1ab45"
    assert (read_at(descriptor, 2, 4), read_at(descriptor, 2, 8)) == (b"ab", b"")


@contextmanager
def limited():
    """Limit the size of files to 1,000 bytes meanwhile: a disk that takes a part of a block.

    Not for longer than one call: pytest's own output may go to a file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_takes_a_part_of_a_block_is_an_error(descriptor):
    with limited(), pytest.raises(OSError, match="File too large"):
        write_at(descriptor, b"x" * 600, 700)


def test_a_file_that_cannot_be_put_in_place_leaves_the_old_one_and_nothing_else(tmp_path):
    write_file(tmp_path / "file", b"old")
    with limited(), pytest.raises(OSError, match="File too large"):
        write_file(tmp_path / "file", b"x" * 2000)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path / "folder", b"new")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize(
    ("count", "expected"), [(3, {"fdatasync": 3, "fsync": 1}), (FEW + 1, {"call": 1})], ids=["few", "many"]
)
def test_many_files_are_flushed_by_one_call_and_those_that_are_gone_by_none(tmp_path, count, expected):
    names = [str(n) for n in range(count)]
    for name in names:
        (tmp_path / name).write_text("x")
    folder = os.open(tmp_path, os.O_RDONLY)
    counted: Counter = Counter()

    def see(frame, event, function):
        if event == "c_call" and function in (os.fsync, os.fdatasync):
            counted[function.__name__] += 1
        if event == "call" and frame.f_code.co_name == "syncfs":
            counted["call"] += 1

    sys.setprofile(see)
    try:
        sync_files(tmp_path, folder, [*names, "gone"])
    finally:
        sys.setprofile(None)
        os.close(folder)
    assert counted == expected
