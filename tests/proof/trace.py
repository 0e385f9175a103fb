"""What a program asked of the system, in order, as ``strace`` saw it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

CALLS = "write,pwrite64,writev,pwritev,fsync,fdatasync,openat"
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
    disk = _Disk(folder)
    acknowledged, unsafe = 0, []
    for call in sorted(calls, key=lambda call: call.ended):
        if call.name == "write" and '"acknowledged ' in call.text:
            (entry,) = _ENTRY.findall(call.text)
            acknowledged += 1
            if not disk.has(entry):
                unsafe.append(entry)
        else:
            disk.see(call)
    return acknowledged, unsafe


class _Disk:
    """What is surely on disk, by the calls that have ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._written: dict[str, list[Call]] = {}  # entry -> the writes of its bytes
        self._made: dict[str, Call] = {}
        self._flushed: dict[str, int] = {}  # path -> where the last flush of it began

    def see(self, call: Call) -> None:
        """Take note of a call."""
        if (path := _made(call, self._folder)) is not None:
            self._made.setdefault(path, call)  # later ones find it there
        elif call.name in FLUSHES:
            self._flushed[call.path] = max(call.began, self._flushed.get(call.path, -1))
        elif call.name in WRITES and call.path.startswith(self._folder):
            for entry in set(_ENTRY.findall(call.text)):
                self._written.setdefault(entry, []).append(call)

    def has(self, entry: str) -> bool:
        """Whether an entry is on disk, and can be found there."""
        return any(
            self._has(write.path, write) and self._finds(write.path) for write in self._written.get(entry, ())
        )

    def _finds(self, path: str) -> bool:
        new = self._made.get(path)
        return new is None or self._has(str(Path(path).parent), new)

    def _has(self, path: str, change: Call) -> bool:
        return self._flushed.get(path, -1) > change.ended


def _made(call: Call, folder: str) -> str | None:
    """Return the path of the file of the folder that a call may have made."""
    if call.name == "openat" and "O_CREAT" in call.text:
        found = re.search(r"= \d+<([^>]*)>", call.text)
        return found[1] if found is not None and found[1].startswith(folder) else None
    return None
