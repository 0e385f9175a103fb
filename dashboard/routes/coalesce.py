"""What a live view may leave out: updates of one step that follow each other faster than anybody sees.

A pure rule on entries and their timestamps, so it says the same of a replay and of what comes live. The log
itself keeps every entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from headway.entry import Entry
from headway.updates import supersedes

PERIOD = timedelta(milliseconds=50)  # 20 updates of a step a second


def coalesce(entries: Sequence[Entry], before: Entry | None = None) -> list[int]:
    """Return the places of those entries that a live view needs, in order.

    An update is left out when the next entry of its run is there already, follows within `PERIOD` and
    supersedes it. The first entry of a step is kept, and so is the last one that is there.

    Parameters
    ----------
    entries
        In order of their offsets.
    before
        The last entry that the reader got before them.
    """
    following = _following(entries)
    previous: dict[str | None, Entry] = {} if before is None else {before.run_id: before}
    places = []
    for place, (entry, after) in enumerate(zip(entries, following, strict=True)):
        earlier = previous.get(entry.run_id)
        previous[entry.run_id] = entry
        first = earlier is None or (earlier.step_number, earlier.step) != (entry.step_number, entry.step)
        if first or after is None or not (supersedes(after, entry) and _soon(after, entry)):
            places.append(place)
    return places


def _following(entries: Sequence[Entry]) -> list[Entry | None]:
    """Return for each entry the next one of its run."""
    following: list[Entry | None] = []
    known: dict[str | None, Entry] = {}
    for entry in reversed(entries):
        following.append(known.get(entry.run_id))
        known[entry.run_id] = entry
    return following[::-1]


def _soon(after: Entry, entry: Entry) -> bool:
    return datetime.fromisoformat(after.timestamp) - datetime.fromisoformat(entry.timestamp) < PERIOD
