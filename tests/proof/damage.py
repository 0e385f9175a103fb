"""Folders of logs as a crash leaves them, and what can happen to their bytes."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from headway.entry import Entry

FILLER = Path(__file__).parent / "programs" / "filler.py"
AT_ONCE = 40  # folders that one process fills before it is killed
SUFFIX = "_progress.json"
CLOSE = len("\n]\n")  # bytes at an array's end that its next append overwrites
PAGE = 4096
JUNK = bytes(range(0xF8, 0x100))  # never part of UTF-8 (RFC 3629, 3)


class History(msgspec.Struct):
    """A folder whose writer was killed, and what it had acknowledged.

    Attributes
    ----------
    logs
        The acknowledged entries of each session.
    flushed
        The length up to which an array file is known to be on disk; 0 for others.
    """

    logs: dict[str, list[Entry]]
    flushed: dict[str, int]
    folder: Path = Path()

    def array(self, session_id: str) -> Path:
        """Return the path of a session's array file."""
        return self.folder / (session_id + SUFFIX)

    def journal(self) -> list[Path]:
        """Return the files of the journal."""
        return sorted(self.folder.glob("_journal.*"))


def histories(folder: Path, first: int, number: int) -> Iterator[History]:
    """Yield folders of a killed writer, one for each seed."""
    for begin in range(first, first + number, AT_ONCE):
        count = min(AT_ONCE, first + number - begin)
        with subprocess.Popen(
            [sys.executable, str(FILLER), str(folder), str(begin), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as filler:
            assert filler.stdout is not None and filler.stdout.readline() == b"filled\n"
            filler.kill()
        for seed in range(begin, begin + count):
            history = msgspec.json.decode((folder / f"{seed}.json").read_bytes(), type=History)
            history.folder = folder / str(seed)
            yield history


def cut_power(history: History, chance: random.Random) -> list[bytes]:
    """Do to a folder what a power cut may: what was not flushed is there in part, or as something else.

    Returns junk that may not be thrown away.
    """
    junk = []
    for session_id in history.logs:
        path = history.array(session_id)
        flushed = max(history.flushed.get(session_id, 0) - CLOSE, 0)
        if not flushed and chance.random() < 0.2:
            path.unlink()  # its name was not flushed either
        elif chance.random() < 0.8:
            junk += spoil(path, flushed, chance, [*HARMS, "another"])
    tail = history.journal()[-1]
    content = tail.read_bytes()
    end = len(content.rstrip(b"\0"))  # behind it is room that was set aside, and perhaps half a line
    line = content[:end].rpartition(b"\n")[0].rpartition(b"\n")[2] or b"0" * 50
    torn = chance.choice([b"", line[: chance.randrange(len(line))], JUNK * chance.randint(1, 9)])
    tail.write_bytes(content[:end] + torn + content[end + len(torn) :][: chance.choice([0, 5000])])
    return junk


HARMS = ["short", "long", "zeros", "junk", "earlier"]


def spoil(path: Path, begin: int, chance: random.Random, harms: list[str] = HARMS) -> list[bytes]:
    """Spoil a file from some byte on, not before *begin*; return the junk that was put into it."""
    content = path.read_bytes()
    place = chance.randint(begin, len(content))
    end = min(place + chance.choice([1, 40, PAGE, len(content)]), len(content))
    count = end - place
    harm = chance.choice(harms)
    if harm in ("short", "long"):  # the file's length was written, the bytes were not, or neither
        longer = chance.randint(0, PAGE)
        path.write_bytes(content[:place].ljust(len(content) + longer if harm == "long" else 0, b"\0"))
        return []
    if harm == "earlier":
        place, end = max(begin, place - place % PAGE), min(place - place % PAGE + PAGE, len(content))
    filling = {
        "zeros": bytes(count),
        "junk": (JUNK * (count // len(JUNK) + 1))[:count],
        "earlier": _earlier(content, chance)[place:end],  # a page as it was before the last appends
        "another": content[begin:][:count],  # bytes of another place
    }[harm]
    path.write_bytes(content[:place] + filling + content[end:])
    return [filling] if harm == "junk" and count >= len(JUNK) else []


def _earlier(content: bytes, chance: random.Random) -> bytes:
    """Return a file as it was some appends ago, with nothing behind its end."""
    ends = [n + 1 for n in range(len(content)) if content.startswith(b"},\n", n)]
    end = chance.choice(ends) if ends else 0
    return (content[:end] + b"\n]\n").ljust(len(content), b"\0")[: len(content)]
