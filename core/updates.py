"""Updates of a step that a later one makes superfluous: a reader that passes them over ends up the same.

A view keeps of a step its newest message, fraction and counts, and when it was entered (its first entry).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from .entry import Entry

_COUNTS = {"current", "total", "unit"}


def supersedes(later: Entry, earlier: Entry) -> bool:
    """Whether an update says all that the one before it in the same step said, only newer.

    Only what goes on can be superseded, and no entry that carries more than a message, a fraction and
    counts: no plan, question or key. A bar never falls, so a smaller fraction does not say what a larger did.
    """
    counts = earlier.data.keys() if earlier.data else set()
    return (
        (later.run_id, later.step_number, later.step, later.total_steps)
        == (earlier.run_id, earlier.step_number, earlier.step, earlier.total_steps)
        and not later.terminal
        and not earlier.terminal
        and earlier.key is None
        and counts <= _COUNTS
        and (not counts or "current" in (later.data or {}))
        and bool(later.message or not earlier.message)
        and _reaches(later.fraction, earlier.fraction)
        and _reaches(later.run_fraction, earlier.run_fraction)
    )


def _reaches(later: float | None, earlier: float | None) -> bool:
    return earlier is None or (later is not None and later >= earlier)


def compacted(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries of a log without the superseded updates of runs that have ended.

    Of each step remain its first entry, its last, and all that said something of their own.
    """
    runs: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.run_id is not None:
            runs[entry.run_id].append(entry)
    dropped = {
        entry.offset
        for run in runs.values()
        if run[-1].terminal
        for before, entry, after in zip(run, run[1:], run[2:], strict=False)
        if (before.step_number, before.step) == (entry.step_number, entry.step) and supersedes(after, entry)
    }
    return [entry for entry in entries if entry.offset not in dropped]
