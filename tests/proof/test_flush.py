"""An acknowledged entry is on disk: the system itself is asked, call by call, when which bytes were flushed.

A power cut cannot be made in a test. What it could take away can be seen: bytes that were written and not
flushed when the caller was told that they are safe.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from .conftest import Proof
from .trace import calls_of, traced, unflushed

PROGRAM = Path(__file__).parent / "programs" / "writer.py"

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="no strace: `apt install strace`")


def written(folder: Path, store: str, entries: int, durability: str) -> tuple[int, list[str]]:
    """Log entries, and return how many were acknowledged, and those that were not on disk then."""
    logs = folder / "logs"
    logs.mkdir()
    command = [sys.executable, str(PROGRAM), store.format(logs), str(entries), "5", durability]
    return unflushed(traced(folder / "trace.txt", *command), logs)


@pytest.mark.parametrize("store", ["json:{}", "sqlite:///{}/logs.db"], ids=["json", "sqlite"])
def test_an_entry_is_acknowledged_when_its_bytes_are_on_disk(
    proof: Proof, tmp_path: Path, store: str
) -> None:
    entries = proof.of(100, 20_000)
    acknowledged, unsafe = written(tmp_path, store, entries, "disk")
    assert (acknowledged, unsafe) == (entries, [])
    name = f"acknowledged after the flush, {store.partition(':')[0]}"
    proof.found(name, acknowledged=acknowledged, not_on_disk=len(unsafe))


def test_a_writer_that_does_not_flush_is_caught(tmp_path: Path) -> None:
    acknowledged, unsafe = written(tmp_path, "json:{}", 20, "process")
    assert (acknowledged, len(unsafe)) == (20, 20)


def test_a_flush_that_began_before_the_write_or_ended_after_the_word_does_not_count() -> None:
    write = '7 pwrite64(5</logs/_journal.1>, "entry-000001.", 13, 0) = 13\n'
    word = '7 write(1</dev/null>, "acknowledged entry-000001.\\n", 27) = 27\n'
    begins, ends = "8 fdatasync(5</logs/_journal.1> <unfinished ...>\n", "8 <... fdatasync resumed>) = 0\n"
    whole = "8 fdatasync(5</logs/_journal.1>) = 0\n"
    other = "8 fdatasync(6</logs/other>) = 0\n"
    made = '7 openat(AT_FDCWD</>, "/logs/_journal.1", O_RDWR|O_CREAT, 0600) = 5</logs/_journal.1>\n'
    named = "7 fsync(4</logs>) = 0\n"
    for trace, safe in (
        (write + whole + word, True),
        (write + begins + ends + word, True),
        (begins + write + ends + word, False),
        (write + begins + word + ends, False),
        (write + other + word, False),
        (write + whole.replace("= 0", "= -1 EIO (Input/output error)") + word, False),
        (made + write + whole + word, False),
        (made + named + write + whole + word, True),
    ):
        calls = [call for call in calls_of(trace) if call.well]
        assert unflushed(calls, Path("/logs")) == (1, [] if safe else ["entry-000001."]), trace
