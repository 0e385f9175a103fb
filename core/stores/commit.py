"""What a batch makes of one session's log: the rules that every store applies in its commit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from ..entry import Entry
from ..errors import LogFull, RunEnded, SessionExists
from ..estimate import NOT_YET
from ..session import Session
from .batch import Batch

FULL = "headway-log-full"
"""The key of the one entry that says that its log is full: it is written beyond the limit."""


class Known(Protocol):
    """What a log has that the next entries are checked against; a store asks its log no earlier than here."""

    def offset(self, key: str) -> int | None:
        """Return the offset of the entry that has an idempotency key."""
        ...

    def ending(self, run_id: str) -> str | None:
        """Return the status of a run's terminal entry; asked of runs that are not active only."""
        ...


class Facts(msgspec.Struct):
    """What a log has, kept in two dicts: `Known` for stores that have read the log.

    Attributes
    ----------
    keys
        Idempotency key -> the offset of the entry that has it.
    ended
        Run -> the status of its terminal entry.
    """

    keys: dict[str, int] = {}
    ended: dict[str, str] = {}

    def offset(self, key: str) -> int | None:
        """Return the offset of the entry that has an idempotency key."""
        return self.keys.get(key)

    def ending(self, run_id: str) -> str | None:
        """Return the status of a run's terminal entry."""
        return self.ended.get(run_id)

    def learn(self, entry: Entry) -> None:
        """Take note of a stored entry."""
        if entry.key is not None:
            self.keys[entry.key] = entry.offset
        if entry.run_id is not None and entry.terminal:
            self.ended[entry.run_id] = entry.status


class Extension(msgspec.Struct, frozen=True):
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


def extend(session: Session, known: Known, entries: Iterable[Entry], batch: Batch) -> Extension:
    """Return what entries of a batch make of their session's log and record; nothing is changed yet.

    Raises
    ------
    RunEnded
        An entry belongs to a run that has its terminal entry, in the log or earlier in the batch.
    LogFull
        An entry lies beyond the batch's limit.
    """
    watched = session.session_id in batch.watched
    seen = Facts()
    new: list[Entry] = []
    offsets: list[int] = []
    for entry in entries:
        offset = None if entry.key is None else seen.offset(entry.key) or known.offset(entry.key)
        if offset is None:
            stored = _stored(entry, session, known, seen, batch.limit)
            new.append(stored)
            seen.learn(stored)
            session = session.after(stored, watched=watched)
            offset = stored.offset
        offsets.append(offset)
    return Extension(session, new, offsets)


def _stored(entry: Entry, session: Session, known: Known, seen: Facts, limit: int | None) -> Entry:
    """Return an entry as it will be in the log."""
    offset = max(entry.offset, session.last_offset + 1)  # one that comes from another store has a place
    run = session.active(entry.run_id)
    ends = entry.terminal and run is not None
    if limit is not None and offset > limit and not ends and entry.key != FULL:
        raise LogFull(session.session_id, limit)
    if entry.key == FULL and run is None:  # it begins no run, which nobody would end
        entry = msgspec.structs.replace(entry, run_id=None, status="error")
    if entry.run_id is None:
        return msgspec.structs.replace(entry, offset=offset)
    if run is None and (status := seen.ending(entry.run_id) or known.ending(entry.run_id)) is not None:
        raise RunEnded(entry.run_id, status)
    done = _run_fraction(entry, 0.0 if run is None else run.run_fraction)
    return msgspec.structs.replace(entry, offset=offset, run_fraction=done)


def _run_fraction(entry: Entry, before: float) -> float:
    """Return how much of its run is done as of an entry: it never falls, and is 1 only when it is completed.

    A program that does not weigh its steps has them counted.
    """
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


def full(entry: Entry, limit: int) -> Entry:
    """Return what a log says in place of an entry that lies beyond its limit; it is written once."""
    message = f"The log is full: it may have {limit:,} entries. Go on in another session."
    return msgspec.structs.replace(
        entry, message=message, status="running", data={"log_full": limit}, key=FULL
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
