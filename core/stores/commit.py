"""What a batch makes of one session's log: the rules that every store applies in its commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from ..entry import Entry, Session
from ..errors import RunEnded, SessionExists
from ..estimate import NOT_YET


@dataclass
class Known:
    """What a log has that the next entries are checked against.

    Attributes
    ----------
    keys
        Idempotency key -> the offset of the entry that has it.
    ended
        Run -> the status of its terminal entry.
    done
        Run -> its newest ``run_fraction``.
    """

    keys: dict[str, int] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)

    def learn(self, entry: Entry) -> None:
        """Take note of a stored entry."""
        if entry.key is not None:
            self.keys[entry.key] = entry.offset
        if entry.run_id is not None:
            self.done[entry.run_id] = entry.run_fraction or 0.0
            if entry.terminal:
                self.ended[entry.run_id] = entry.status


@dataclass(frozen=True)
class Extension:
    """What a commit will write to one session's log.

    Attributes
    ----------
    session
        The record as it is afterwards.
    new
        The entries to write, with their offsets.
    offsets
        For each entry that was asked for, its offset; that of the earlier one when its key was known.
    """

    session: Session
    new: list[Entry]
    offsets: list[int]


def extend(session: Session, known: Known, entries: Iterable[Entry], *, watched: bool) -> Extension:
    """Return what entries make of a session's log and record; nothing is changed yet.

    Raises
    ------
    RunEnded
        An entry belongs to a run that has its terminal entry, in the log or earlier in the batch.
    """
    seen = Known()
    new: list[Entry] = []
    offsets: list[int] = []
    for entry in entries:
        offset = known.keys.get(entry.key or "") or seen.keys.get(entry.key or "")
        if offset is None:
            status = known.ended.get(entry.run_id or "") or seen.ended.get(entry.run_id or "")
            if status is not None:
                raise RunEnded(entry.run_id or "", status)
            offset = session.last_offset + 1
            before = max(from_.done.get(entry.run_id or "", 0.0) for from_ in (known, seen))
            stored = msgspec.structs.replace(entry, offset=offset, run_fraction=_run_fraction(entry, before))
            new.append(stored)
            seen.learn(stored)
            session = session.after(stored, watched=watched)
        offsets.append(offset)
    return Extension(session, new, offsets)


def _run_fraction(entry: Entry, before: float) -> float | None:
    """Return how much of its run is done as of an entry: it never falls, and is 1 only when it is completed.

    A program that does not weigh its steps has them counted.
    """
    if entry.run_id is None:
        return entry.run_fraction
    if entry.status == "completed":
        return 1.0
    counted = (entry.step_number - 1 + (entry.fraction or 0.0)) / entry.total_steps
    done = counted if entry.run_fraction is None else entry.run_fraction
    return max(before, min(NOT_YET, round(done, 4)))


def begin(entry: Entry) -> Session:
    """Return the record of the session that an entry begins, before the entry is folded in."""
    return Session(
        session_id=entry.session_id, title="", created_at=entry.timestamp, last_activity=entry.timestamp
    )


def by_session(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Return the entries of each session, in order.

    Raises
    ------
    SessionExists
        Two of the sessions differ in case only.
    """
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.session_id, []).append(entry)
    folded: dict[str, str] = {}
    for session_id in groups:
        if (other := folded.setdefault(session_id.lower(), session_id)) != session_id:
            raise SessionExists(session_id, other)
    return groups
