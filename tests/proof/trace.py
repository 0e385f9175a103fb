"""What a program asked of the system, in order, as ``strace`` saw it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

CALLS = "write,pwrite64,writev,pwritev,fsync,fdatasync,syncfs,openat"
WRITES = {"write", "pwrite64", "writev", "pwritev"}
FLUSHES = {"fsync", "fdatasync"}

_LINE = re.compile(r"(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>)?(?P<rest>.*)", re.DOTALL)
_PLACE = re.compile(r"\w+\((?:AT_FDCWD<[^>]*>|\d+<(?P<path>[^>]*)>)")
_ENTRY = re.compile(r"entry-\d{6}\.")


@dataclass(frozen=True)
class Call:
    """One system call.

    Attributes
    ----------
    began, ended
        Its place among all beginnings and ends.
    path
        The file or folder of its descriptor.
    text
        All of it, with the bytes that were written.
    """

    name: str
    began: int
    ended: int
    path: str
    text: str

    @property
    def well(self) -> bool:
        return not re.search(r"= -1 E\w+", self.text[-200:])


def traced(trace: Path, *command: str) -> list[Call]:
    """Run a command and return its calls; those that failed are left out."""
    options = ["-f", "-y", "-s", "65536", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(trace)]
    subprocess.run(["strace", *options, *command], check=True, stdout=subprocess.DEVNULL)
    return [call for call in calls_of(trace.read_text(errors="replace")) if call.well]


def calls_of(text: str) -> list[Call]:
    """Return the calls of a trace; one that another thread's call interrupts has two lines there."""
    calls, begun = [], {}
    for place, line in enumerate(text.splitlines()):
        found = _LINE.match(line)
        if found is None:
            continue
        thread, rest = found["thread"], found["rest"]
        if rest.endswith("<unfinished ...>"):
            begun[thread] = (place, rest.removesuffix("<unfinished ...>"))
            continue
        began, first = begun.pop(thread, (place, "")) if found["resumed"] else (place, "")
        whole = first + rest
        name = whole.partition("(")[0]
        where = _PLACE.match(whole)
        calls.append(Call(name, began, place, (where and where["path"]) or "", whole))
    return calls


def unflushed(calls: list[Call], folder: Path) -> tuple[int, list[str]]:
    """Return how many entries were acknowledged, and those that a power cut in that moment could take away.

    An entry is safe when its bytes were written to a file of the folder, a flush of that file began later,
    and ended before the acknowledgement; and when the file's name was flushed with its folder as well, if
    the file is new.
    """
    acknowledged, unsafe = 0, []
    inside = [call for call in calls if call.path.startswith(str(folder))]
    flushes = [call for call in inside if call.name in FLUSHES] + [c for c in calls if c.name == "syncfs"]
    written: dict[str, list[Call]] = {}
    for call in inside:
        for entry in set(_ENTRY.findall(call.text)) if call.name in WRITES else ():
            written.setdefault(entry, []).append(call)
    made: dict[str, Call] = {}
    for call in calls:
        if path := _made(call, folder):
            made.setdefault(path, call)  # later ones find it there
    for call in calls:
        if call.name == "write" and '"acknowledged ' in call.text:
            (entry,) = _ENTRY.findall(call.text)
            acknowledged += 1
            if not any(_safe(write, call, flushes, made) for write in written.get(entry, ())):
                unsafe.append(entry)
    return acknowledged, unsafe


def _safe(write: Call, acknowledged: Call, flushes: list[Call], made: dict[str, Call]) -> bool:
    """Whether what was written was on disk, and could be found there, when it was acknowledged."""
    new = made.get(write.path)
    return _flushed(write.path, write.ended, acknowledged.began, flushes) and (
        new is None or _flushed(str(Path(write.path).parent), new.ended, acknowledged.began, flushes)
    )


def _flushed(path: str, since: int, until: int, flushes: list[Call]) -> bool:
    return any(
        since < flush.began and flush.ended < until and (flush.path == path or flush.name == "syncfs")
        for flush in flushes
    )


def _made(call: Call, folder: Path) -> str | None:
    """Return the path of the file of the folder that a call may have made."""
    if (
        call.name == "openat"
        and "O_CREAT" in call.text
        and (found := re.search(r"= \d+<([^>]*)>", call.text))
    ):
        return found[1] if found[1].startswith(str(folder)) else None
    return None
