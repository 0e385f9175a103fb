"""What a live view may leave out: updates of one step that come faster than anybody sees.

A pure rule on entries and their timestamps, so it says the same of a replay and of what comes live. The log
itself keeps every entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from headway.entry import Entry

PERIOD = timedelta(milliseconds=50)  # 20 updates of a step a second

COUNT = {"current", "total", "unit"}
"""What `Entry.data` has in an update. Whatever else is there (a question, artifacts, a plan) is shown."""


def coalesce(entries: Sequence[Entry], before: Entry | None = None) -> list[int]:
    """Return the places of those entries that a live view needs, in order.

    An update is left out when it comes less than `PERIOD` after the last one of its step that was kept, and
    the next entry of its run is there already, is of the same step and tells all that it told. So the first
    entry of a step and the last one that is known are kept, and whatever is not a mere update.

    Parameters
    ----------
    entries
        In order of their offsets.
    before
        The last entry that the reader got before them.
    """
    following = _following(entries)
    kept: dict[str | None, Entry] = {} if before is None else {before.run_id: before}
    places = []
    for place, (entry, after) in enumerate(zip(entries, following, strict=True)):
        last = kept.get(entry.run_id)
        if after is None or last is None or not (_soon(entry, last) and _supersedes(after, entry)):
            places.append(place)
            kept[entry.run_id] = entry
    return places


def _following(entries: Sequence[Entry]) -> list[Entry | None]:
    """Return for each entry the next one of its run."""
    following: list[Entry | None] = []
    known: dict[str | None, Entry] = {}
    for entry in reversed(entries):
        following.append(known.get(entry.run_id))
        known[entry.run_id] = entry
    return following[::-1]


def _soon(entry: Entry, last: Entry) -> bool:
    """Whether an update comes too soon after the last entry of its step; a clock set back is no reason."""
    if not (_same_step(entry, last) and last.timestamp <= entry.timestamp):
        return False
    return datetime.fromisoformat(entry.timestamp) - datetime.fromisoformat(last.timestamp) < PERIOD


def _same_step(one: Entry, other: Entry) -> bool:
    return (one.step_number, one.total_steps, one.step) == (other.step_number, other.total_steps, other.step)


def _supersedes(after: Entry, entry: Entry) -> bool:
    """Whether a reader who sees *after* at once misses nothing of *entry*."""
    return (
        not entry.terminal
        and _same_step(after, entry)
        and bool(after.message or not entry.message)
        and _reaches(after.fraction, entry.fraction)
        and _reaches(after.run_fraction, entry.run_fraction)
        and (entry.data is None or (entry.data.keys() <= COUNT and "current" in (after.data or ())))
    )


def _reaches(after: float | None, before: float | None) -> bool:
    return before is None or (after is not None and after >= before)
