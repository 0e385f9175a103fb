"""What there is in the end against what was said on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from headway import Entry

from .server import until
from .watchers import Watcher


@dataclass(frozen=True)
class Verdict:
    """How often a promise was broken, by kind.

    Attributes
    ----------
    lost
        Entries that were acknowledged and are not in the log.
    renumbered
        Entries that are at another offset than was acknowledged.
    twice
        Entries that are in the log more often than once.
    invented
        Entries in the log that nobody sent.
    gaps
        Offsets of a log that are not the one before plus 1.
    misled
        Watchers that were not shown exactly the log, each entry once and in order.
    """

    lost: int = 0
    renumbered: int = 0
    twice: int = 0
    invented: int = 0
    gaps: int = 0
    misled: int = 0


KEPT = Verdict()
"""Every promise was kept."""


def judge(
    logs: Mapping[str, list[Entry]],
    acknowledged: Mapping[tuple[str, str], int],
    asked: Iterable[tuple[str, str]],
    watchers: Iterable[Watcher] = (),
) -> Verdict:
    """Compare logs with what producers were told and watchers were shown."""
    places = [(sid, entry.message, entry.offset) for sid, log in logs.items() for entry in log]
    times = Counter((session_id, message) for session_id, message, _ in places)
    offsets = {(session_id, message): offset for session_id, message, offset in places}
    known = [place for place in acknowledged if place in offsets]
    return Verdict(
        lost=len(acknowledged) - len(known),
        renumbered=sum(offsets[place] != acknowledged[place] for place in known),
        twice=sum(number - 1 for number in times.values()),
        invented=len(times.keys() - set(asked)),
        gaps=sum(entry.offset != n for log in logs.values() for n, entry in enumerate(log, 1)),
        misled=sum(w.shown != logs[w.session_id] for w in watchers),
    )


async def caught_up(watchers: Collection[Watcher], logs: Mapping[str, list[Entry]], seconds: float) -> float:
    """Wait until watchers have the last entry of their logs, and return how long that took.

    It is no error when some have not: the verdict says how many.
    """

    def done(watcher: Watcher) -> bool:
        return watcher.gave_up is not None or watcher.since >= len(logs[watcher.session_id])

    try:
        return await until(lambda: all(map(done, watchers)), seconds)
    except TimeoutError:
        return seconds
