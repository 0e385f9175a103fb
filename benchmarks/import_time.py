"""How long ``import headway`` takes, beside ``import panel`` and an empty Python, in fresh processes.

``python benchmarks/import_time.py [ROUNDS]``. Goal: less than 0.25 s more than the empty Python.
"""

import statistics
import subprocess
import sys
import time

STATEMENTS = ("pass", "import headway", "import headway.requests", "import headway.analyst", "import panel")


def seconds(statement: str) -> float:
    """Return the time that a new Python takes for *statement*, start and end included."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main(rounds: int) -> None:
    """Print the median of each statement; the rounds are interleaved, so a slow moment hits all of them."""
    times: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for _ in range(rounds):
        for statement in STATEMENTS:
            times[statement].append(seconds(statement))
    empty = statistics.median(times["pass"])
    panel = statistics.median(times["import panel"]) - empty
    print(f"{'statement':<26}{'median':>10}{'import alone':>14}{'of panel':>10}")
    for statement, taken in times.items():
        median = statistics.median(taken)
        print(f"{statement:<26}{median:>8.3f} s{median - empty:>12.3f} s{(median - empty) / panel:>10.0%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
