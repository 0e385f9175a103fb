"""What one more entry costs in a log of 10, 1,000 and 100,000 entries, beside rewriting the array.

Run it: ``python benchmarks/append.py [--rounds 5]``. The rewriting way is the specification's sketch: read
the JSON array, append, write it all again; it does not flush to disk. Headway's figure goes through the
public `ProgressLogger.log`, recorder thread and flush to disk included; the last column leaves the flush
out, for it costs the same whatever the log's length. Rounds are interleaved; medians are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from headway import ProgressLogger
from headway.entry import Entry, encode
from headway.stores.json_files.changes import CLOSE, block_of
from headway.stores.json_files.logs import Log

SIZES = (10, 1_000, 100_000)
STEP = ("Fetching relevant data", "48,211 of 148,312 rows from 3 tables", 3, 5)


def fill(folder: Path, size: int) -> Path:
    """Write a log of *size* entries as the specification has it, and return its path."""
    path = folder / f"log-{size}_progress.json"
    step, message, number, total = STEP
    entry = Entry(
        timestamp="2026-01-01T00:00:00.000000+00:00",
        step=step,
        message=message,
        step_number=number,
        total_steps=total,
        session_id=f"log-{size}",
    )
    path.write_bytes(b"[\n" + b",\n".join([encode(entry)] * size) + b"\n]\n")
    return path


def rewrite(path: Path) -> Callable[[], None]:
    """Return the read-all, append, write-all way of adding one entry."""

    def add() -> None:
        entries = json.loads(path.read_text("utf-8"))
        entries.append(entries[0])
        path.write_text(json.dumps(entries, indent=2), "utf-8")

    return add


def in_place(path: Path) -> Callable[[], None]:
    """Return what Headway writes to the array file, without the journal and its flush."""
    log = Log(path)
    line = path.read_bytes().splitlines()[1].rstrip(b",")
    place = path.stat().st_size - len(CLOSE)

    def add() -> None:
        nonlocal place
        block = block_of([line], place)
        log.write(block, place)
        place += len(block) - len(CLOSE)

    return add


def flush_only(folder: Path) -> Callable[[], None]:
    """Return a write of the same length and its flush: what the disk allows."""
    descriptor = os.open(folder / "raw", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    block = b"x" * 240
    flush = getattr(os, "fdatasync", os.fsync)

    def add() -> None:
        os.write(descriptor, block)
        flush(descriptor)

    return add


def seconds(add: Callable[[], None], times: int) -> float:
    """Return the median of the seconds that one call takes."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        add()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        ours, theirs, bare = (Path(name) / part for part in ("ours", "theirs", "bare"))
        for folder in (ours, theirs, bare):
            folder.mkdir()
        for size in SIZES:
            fill(ours, size)
        logger = ProgressLogger(f"json:{ours}", max_entries=10 * SIZES[-1])
        ways: dict[tuple[int, str], Callable[[], None]] = {}
        for size in SIZES:
            ways[size, "rewrite"] = rewrite(fill(theirs, size))
            ways[size, "headway"] = lambda sid=f"log-{size}": logger.log(sid, *STEP)
            ways[size, "in place"] = in_place(fill(bare, size))
        ways[0, "disk"] = flush_only(bare)
        for add in ways.values():
            add()
        found: dict[tuple[int, str], list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for (size, way), add in ways.items():
                times = 3 if way == "rewrite" and size > 10_000 else 30
                found[size, way].append(seconds(add, times))
        logger.close()
    middle = {way: statistics.median(values) * 1e6 for way, values in found.items()}
    print(f"write + flush of 240 bytes alone: {middle[0, 'disk']:,.0f} us\n")
    heads = f"{'entries in the log':>18} {'rewrite all':>14} {'Headway':>11} {'ratio':>9}"
    print(f"{heads} {'of the disk':>12} {'no flush':>10}")
    for size in SIZES:
        old, new, bare_ = (middle[size, way] for way in ("rewrite", "headway", "in place"))
        print(
            f"{size:>18,} {old:>11,.0f} us {new:>8,.0f} us {old / new:>8,.1f}x"
            f" {new / middle[0, 'disk']:>11.2f}x {bare_:>7,.1f} us"
        )
    growth = middle[SIZES[-1], "headway"] / middle[SIZES[0], "headway"]
    print(f"\nan append to {SIZES[-1]:,} entries costs {growth:.2f}x of one to {SIZES[0]}")


if __name__ == "__main__":
    main()
