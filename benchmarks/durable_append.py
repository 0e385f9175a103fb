"""Durable entries a second through the public `log_progress`, on each store, beside what bounds it.

Run it: ``python benchmarks/durable_append.py [--rounds 3] [--seconds 1.5] [--stores json,sqlite]``.

For 1/1, 100/1, 100/100 and 1000/1000 tasks/sessions, each task awaiting one entry after the other, at
durability ``disk``. In every round, in random order, run beside it:

- *rewrite*: the specification's sketch, read the array of 1,000 entries, append, write it all (no flush);
- the raw limit of the store: ``pwrite`` + ``fdatasync`` of one entry's bytes at a time (json, sqlite), or
  the server's own benchmark: ``pgbench`` with one transaction an entry (best of 1, 8 and 32 clients),
  ``valkey-benchmark`` or ``redis-benchmark`` with ``XADD`` (50 clients).

Printed are medians over the rounds, and the medians of the rounds' ratios with their least and greatest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from headway import ProgressLogger

sys.path.append(str(Path(__file__).parent.parent / "scripts"))  # real servers from wheels, as the tests have

CASES = [(1, 1), (100, 1), (100, 100), (1000, 1000)]
STEP = ("Fetching relevant data", "48,211 of 148,312 rows from 3 tables", 3, 5)
LINE = b"x" * 230  # bytes of a usual entry
Measured = tuple[float, list[float]]  # entries a second, seconds that each call took


async def headway(url: str, tasks: int, sessions: int, seconds: float) -> Measured:
    """Log from many tasks for some seconds."""
    logger = ProgressLogger(url, max_entries=10**9)
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def work(session_id: str) -> None:
        while (begun := time.perf_counter()) < until:
            await logger.log_progress(session_id, *STEP)
            took.append(time.perf_counter() - begun)

    names = [f"bench-{random.getrandbits(32):08x}-{n}" for n in range(sessions)]
    begun = time.perf_counter()
    await asyncio.gather(*(work(names[n % sessions]) for n in range(tasks)))
    rate = len(took) / (time.perf_counter() - begun)
    await asyncio.to_thread(logger.close)
    return rate, took


def rewrite(folder: Path, seconds: float) -> Measured:
    """Rewrite a JSON array of 1,000 entries for each new one, without a flush."""
    path = folder / "rewritten.json"
    entry = dict(zip(("step", "message", "step_number", "total_steps"), STEP, strict=True))
    entry |= {"timestamp": "2026-01-01T00:00:00.000000+00:00", "session_id": "bench"}
    path.write_text(json.dumps([entry] * 1_000, indent=2))

    def add() -> None:
        entries = json.loads(path.read_text())
        entries[-1:] = [entry, entry]
        path.write_text(json.dumps(entries[:1_000], indent=2))

    return repeat(add, seconds)


def fdatasync(folder: Path, seconds: float) -> Measured:
    """Write and flush the bytes of one entry at a time."""
    with open(folder / "raw", "wb", buffering=0) as file:

        def add() -> None:
            file.write(LINE)
            os.fdatasync(file.fileno())

        return repeat(add, seconds)


def repeat(work: Callable[[], None], seconds: float) -> Measured:
    """Do something for some seconds."""
    took: list[float] = []
    begun = last = time.perf_counter()
    while last - begun < seconds:
        work()
        now = time.perf_counter()
        took.append(now - last)
        last = now
    return len(took) / (last - begun), took


@contextmanager
def json_store(folder: Path) -> Iterator[tuple[str, str, Callable[[float], Measured]]]:
    """Give the store's URL, its limit's name, and the limit."""
    yield f"json:{folder / 'logs'}", "fdatasync", lambda seconds: fdatasync(folder, seconds)


@contextmanager
def sqlite_store(folder: Path) -> Iterator[tuple[str, str, Callable[[float], Measured]]]:
    """Give the store's URL, its limit's name, and the limit."""
    yield f"sqlite:///{folder / 'logs.db'}", "fdatasync", lambda seconds: fdatasync(folder, seconds)


PGBENCH_TABLES = """
CREATE TABLE bench_sessions (id int PRIMARY KEY, last_offset bigint NOT NULL, last_activity timestamptz);
CREATE INDEX ON bench_sessions (last_activity);
INSERT INTO bench_sessions SELECT n, 0, now() FROM generate_series(1, 1000) n;
CREATE TABLE bench_entries (session int, "offset" bigint, message text, PRIMARY KEY (session, "offset"));
"""
PGBENCH_ENTRY = rf"""
\set id random(1, 1000)
BEGIN;
UPDATE bench_sessions SET last_offset = last_offset + 1, last_activity = now() WHERE id = :id
  RETURNING last_offset AS last \gset
INSERT INTO bench_entries VALUES (:id, :last, '{LINE.decode()}');
END;
"""


@contextmanager
def postgresql_store(folder: Path) -> Iterator[tuple[str, str, Callable[[float], Measured]]]:
    """Start a server and give the store's URL, its limit's name, and the limit."""
    from postgres_server import PostgresServer

    with PostgresServer() as server:
        url = server.create("bench")
        server.sql(PGBENCH_TABLES, "bench")
        script = folder / "entry.sql"
        script.write_text(PGBENCH_ENTRY)

        def pgbench(seconds: float) -> Measured:
            rates = [
                float(re.findall(r"tps = ([\d.]+)", server.pgbench("bench", script, clients, seconds))[-1])
                for clients in (1, 8, 32)
            ]
            return max(rates), []

        yield url, "pgbench", pgbench


@contextmanager
def redis_store(folder: Path) -> Iterator[tuple[str, str, Callable[[float], Measured]]]:
    """Start a server and give the store's URL, its limit's name, and the limit."""
    from valkey_server import ValkeyServer

    program = shutil.which("valkey-benchmark") or shutil.which("redis-benchmark")
    with ValkeyServer(appendfsync="always") as server:

        def benchmark(seconds: float) -> Measured:
            if program is None:
                return clients(server.url(), seconds)
            words = ["XADD", "bench-__rand_int__", "*", "e", LINE.decode()]
            done = subprocess.run(
                [program, *server.arguments(), "-c", "50", "-n", str(int(seconds * 10_000)), "-r", "1000",
                 "--csv", *words],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            return float(done.stdout.splitlines()[-1].split('","')[1]), []

        yield server.url(), Path(program or "50 connections").name, benchmark


def clients(url: str, seconds: float) -> Measured:
    """Do what redis-benchmark does where it is missing: 50 connections, each one XADD after the other."""
    import redis.asyncio as redis

    async def run() -> Measured:
        took: list[float] = []
        until = time.perf_counter() + seconds

        async def work(number: int) -> None:
            async with redis.Redis.from_url(url, single_connection_client=True) as client:
                while (begun := time.perf_counter()) < until:
                    await client.xadd(f"bench-{random.randrange(1000)}", {"e": LINE})
                    took.append(time.perf_counter() - begun)

        await asyncio.gather(*map(work, range(50)))
        return len(took) / seconds, took

    return asyncio.run(run())


STORES = {"json": json_store, "sqlite": sqlite_store, "postgresql": postgresql_store, "redis": redis_store}


def measure(name: str, folder: Path, rounds: int, seconds: float) -> None:
    """Run all rounds of one store and print what came out."""
    rates: defaultdict[str, list[float]] = defaultdict(list)
    took: defaultdict[str, list[float]] = defaultdict(list)
    waits: defaultdict[str, list[float]] = defaultdict(list)  # each round's median
    with ExitStack() as stack:
        url, limit, run_limit = stack.enter_context(STORES[name](folder))
        works: dict[str, Callable[[], Measured]] = {
            f"{tasks}/{sessions}": lambda case=(tasks, sessions): asyncio.run(headway(url, *case, seconds))
            for tasks, sessions in CASES
        }
        works[limit] = lambda: run_limit(seconds)
        works["rewrite"] = lambda: rewrite(folder, seconds)
        for _ in range(rounds):
            for case in random.sample(list(works), len(works)):
                rate, each = works[case]()
                rates[case].append(rate)
                took[case] += each
                waits[case] += [statistics.median(each)] if each else []
    print(f"\n{name}, {rounds} rounds\n{'':15}{'entries/s':>10}{'p50 ms':>9}{'p99 ms':>9}"
          f"{'x rewrite':>27}{'x ' + limit:>24}")  # fmt: skip
    for case in works:
        line = f"{case:15}{statistics.median(rates[case]):>10,.0f}"
        line += "".join(
            f"{1000 * quantile(took[case], q):>9.2f}" if took[case] else f"{'':9}" for q in (50, 99)
        )
        for other, width in (("rewrite", 27), (limit, 24)):
            line += f"{ratio(rates[case], rates[other]):>{width}}" if case != other else ""
        print(line, flush=True)
    if waits[limit]:
        print(
            f"one caller waits {ratio(waits['1/1'], waits[limit])} times as long as for {limit}", flush=True
        )


def quantile(values: list[float], percent: int) -> float:
    """Return a percentile."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def ratio(ours: list[float], theirs: list[float]) -> str:
    """Return the median, the least and the greatest of the rounds' ratios."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):,.2f} ({min(ratios):,.2f}..{max(ratios):,.2f})"


def main() -> None:
    """Measure the stores that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="that each measurement takes")
    parser.add_argument("--stores", default=",".join(STORES), help=f"of {', '.join(STORES)}")
    parser.add_argument("--folder", default=".", help="where to write: the disk that is measured")
    options = parser.parse_args()
    for name in options.stores.split(","):
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.folder) as folder:
            measure(name, Path(folder).resolve(), options.rounds, options.seconds)


if __name__ == "__main__":
    main()
