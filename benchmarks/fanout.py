"""What a delivered entry costs, and how late it comes, when 100 to 5,000 readers watch one session.

Run it: ``python benchmarks/fanout.py [--install] [--rounds 3] [--only SUITE ...] [--sizes 100 1000 5000]``.
``--install`` puts the rivals into a folder of their own beside the system's temporary files (a virtual
environment, and Bun by npm); without them Headway is measured beside the C floor and plain Tornado only,
and what is missing is named. The readers are a C program, compiled by the system's ``cc``; without one they
are Python, which is said, because then they may be what is measured. Linux only.

Headway is ``headway serve`` with its page and all its threads; entries are logged through `log_progress`.
Server and readers are processes with a core each, on the loopback. Every run is a fresh server, every
reader checks that it gets entries 1, 2, 3... without gap or repeat, and a run in which one does not is no
result. In each round all systems run in random order, and ratios are taken within a round: the table has
their medians and extremes. "us" is processor time of the server, all threads, for each delivered entry;
"busy" is the share of its core that the load generator used.

* *tick*: one entry, the next one when all have it: nothing can be joined, the price of one send.
* *burst 10*, *burst 100*: so many entries at once, the next ones when all have them. python-socketio is left
  out of the latter: it takes a minute for two of them.
* *open*: entries when they are due, however long the ones before took; late is when they came minus that.
* *busy thread*: 100 readers, 20 entries a second, both cores, and a thread that computes in the server.
* *deaf*: 100 readers, 20 of which never read; 20,000 entries at 4,000 a second; what that costs in memory.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "fanout"))

from measure import Readers, Report, Server, WrongDelivery
from systems import SYSTEMS, build, install, missing

TICKS = {100: 400, 1_000: 50, 5_000: 12}
BURSTS = {10: 40, 100: 10}
CUT = 15.0  # seconds after which an open loop is given up


@contextmanager
def running(name: str, folder: Path, count: int, *, cores: bool = True, deaf: int = 0, **settings: str):
    """Give readers that are connected to a fresh server, and warm."""
    system = SYSTEMS[name]
    server_core, load_core = sorted(os.sched_getaffinity(0))[:2] if cores else (None, None)
    with (
        Server(system, folder, server_core, **settings) as server,
        Readers(server, system, count, load_core, deaf) as readers,
    ):
        for number in (1, 2):
            readers.expect(number, "burst 1")
        readers.report()
        yield readers


def closed(name: str, folder: Path, count: int, burst: int, times: int) -> Report:
    """Publish bursts, each when all readers have the one before."""
    with running(name, folder, count) as readers:
        for number in range(1, times + 1):
            if not readers.expect(2 + number * burst, f"burst {burst}"):
                raise WrongDelivery(
                    f"{name}: not everybody has entry {2 + number * burst}: {readers.report()}"
                )
        return checked(readers.report(), count * burst * times)


def opened(name: str, folder: Path, count: int, rate: int, seconds: float = 5.0, **more: object) -> Report:
    """Publish entries when they are due."""
    most = int(rate * seconds)
    with running(name, folder, count, **more) as readers:
        readers.expect(2 + most, f"open {rate} {most}", CUT)
        return readers.report()


def checked(report: Report, expected: int) -> Report:
    """Return a report of a run in which all was delivered."""
    if report.delivered != expected:
        raise WrongDelivery(f"{report.delivered} of {expected} entries were delivered")
    return report


class Table:
    """Reports by system and round, printed as medians and ratios."""

    def __init__(self, title: str, names: Iterable[str]) -> None:
        self.title = title
        self.names = list(names)
        self.reports: defaultdict[str, list[Report]] = defaultdict(list)

    def measure(self, rounds: int, run: Callable[[str], Report]) -> None:
        """Run all systems in each round, in random order."""
        for _ in range(rounds):
            for name in random.sample(self.names, len(self.names)):
                self.reports[name].append(run(name))
                print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)

    def print_cost(self) -> None:
        """Print what a delivered entry costs, and each system's cost as a multiple of Headway's."""
        print(f"\n{self.title}")
        print(
            f"{'':10} {'us':>8} {'of headway':>12} {'min..max':>16} {'p50 ms':>8} {'p99 ms':>8} {'busy':>6}"
        )
        ours = [report.server_us for report in self.reports["headway"]]
        for name, reports in sorted(self.reports.items(), key=lambda row: median(row[1], "server_us")):
            ratios = [report.server_us / own for report, own in zip(reports, ours, strict=True)]
            print(
                f"{name:10} {median(reports, 'server_us'):8.2f} {statistics.median(ratios):11.2f}x"
                f" {min(ratios):7.2f}..{max(ratios):<7.2f} {median(reports, 'p50'):8.1f}"
                f" {median(reports, 'p99'):8.1f} {max(r.busy for r in reports):6.2f}"
            )

    def print_lateness(self, offered: int) -> None:
        """Print how much was delivered and how late it came."""
        print(f"\n{self.title}")
        print(f"{'':10} {'delivered':>10} {'a second':>10} {'p50 ms':>8} {'p99 ms':>8} {'us':>8} {'busy':>6}")
        for name, reports in self.reports.items():
            got = statistics.median(report.delivered / offered for report in reports)
            speed = statistics.median(report.delivered / report.seconds for report in reports)
            print(
                f"{name:10} {got:10.1%} {speed:10,.0f} {median(reports, 'p50'):8.1f}"
                f" {median(reports, 'p99'):8.1f} {median(reports, 'server_us'):8.2f}"
                f" {max(report.busy for report in reports):6.2f}"
            )


def median(reports: list[Report], field: str) -> float:
    """Return the median of one field."""
    return statistics.median(getattr(report, field) for report in reports)


def deafness(folder: Path) -> None:
    """Print what 20 readers of 100 that never read cost the others, and the server's memory."""
    print("\n100 readers, 20,000 entries at 4,000 a second, in one second's bursts as they are due")
    most, grown = 20_000, {}
    for deaf in (0, 20, 0, 20):
        with running("headway", folder, 100, deaf=deaf) as readers:
            before = readers.server.memory()
            whole = readers.expect(2 + most, f"open 4000 {most}", CUT)
            report = readers.report()
            grown[deaf] = min(grown.get(deaf, 1 << 60), readers.server.memory() - before)
        got = "all" if whole else "NOT all"
        late = f"p50 {report.p50:.1f} ms, p99 {report.p99:.1f} ms"
        print(f"{deaf:>3} deaf: the others got {got}, {late}; {report.server_us:.2f} us")
    log = most * 230
    extra = grown[20] - grown[0]
    print(f"the deaf add {extra / 1e6:.1f} MB: {extra / log:.2f} of the log's {log / 1e6:.1f} MB")


def main() -> None:
    """Measure and print tables."""
    suites = ("tick", "burst", "open", "busy", "deaf")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--install", action="store_true", help="install the rivals first")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=suites, default=suites, help="suites")
    parser.add_argument("--sizes", nargs="*", type=int, default=list(TICKS), help="readers in ticks")
    parser.add_argument("--systems", nargs="*", choices=list(SYSTEMS), default=list(SYSTEMS))
    options = parser.parse_args()
    if options.install:
        install()
    with tempfile.TemporaryDirectory() as name:
        measure(Path(name), options)


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Run the suites that are asked for."""
    if not build(folder):
        print("no C compiler: the readers are Python, and may be what is measured")
    names = [name for name in options.systems if not missing(SYSTEMS[name], folder)]
    for name in set(options.systems) - set(names):
        print(f"{name} is not there; --install gets what can be had")
    if "tick" in options.only:
        for count in options.sizes:
            table = Table(f"{count:,} readers, one entry a tick", names)
            table.measure(
                options.rounds, lambda name, count=count: closed(name, folder, count, 1, TICKS[count])
            )
            table.print_cost()
    if "burst" in options.only:
        for burst, times in BURSTS.items():
            able = [name for name in names if name != "socketio" or burst == 10]
            table = Table(f"1,000 readers, bursts of {burst}", able)
            run = lambda name, burst=burst, times=times: closed(name, folder, 1_000, burst, times)  # noqa: E731
            table.measure(options.rounds, run)
            table.print_cost()
    if "open" in options.only:
        table = Table("1,000 readers, 1,000 entries a second: 1,000,000 deliveries a second offered", names)
        table.measure(options.rounds, lambda name: opened(name, folder, 1_000, 1_000))
        table.print_lateness(5_000 * 1_000)
    if "busy" in options.only:
        for busy in ("", "1"):
            title = f"100 readers, 20 entries a second, {'a' if busy else 'no'} thread that computes"
            table = Table(title, [name for name in ("headway", "tornado") if name in names])
            run = lambda name, busy=busy: opened(name, folder, 100, 20, cores=False, BENCH_BUSY=busy)  # noqa: E731
            table.measure(options.rounds, run)
            table.print_lateness(100 * 100)
    if "deaf" in options.only:
        deafness(folder)


if __name__ == "__main__":
    main()
