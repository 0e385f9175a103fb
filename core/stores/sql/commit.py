"""The commit of a batch in SQL: lock its sessions, ask `extend` what becomes of them, write that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from ...entry import Entry
from ...errors import SessionExists, StoreError, StoreUnreachable
from ...session import Session
from ..batch import Batch, Stored
from ..commit import Extension, Facts, begin, extend
from .rows import entry_of, entry_row, session_of, session_row, to_json, unpack, without_nul
from .statements import Statements

Groups = Mapping[str, Sequence[Entry]]
Known = Mapping[str, tuple[int, Session]]
"""Sessions with the keys of their rows, by id."""


class Cursor(Protocol):
    """The answer to a statement."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""


Run = Callable[..., Cursor]
"""Runs a statement with a sequence of parameters. PostgreSQL's answer comes when it is fetched: whoever runs
two statements before he fetches waits once."""


class NewSessions(Exception):
    """Some sessions are not there: all must be locked anew, together with those that are to be made.

    To lock the old ones first and then the new ones would be another order than others lock them in.
    """


_NOTHING = Facts()


@dataclass(slots=True)
class _Log:
    """A locked session, and what its log has of what the batch brings: of most, nothing."""

    key: int
    session: Session
    facts: Facts | None = None
    entries: dict[int, Entry] | None = None  # by offset
    archive: Sequence[Entry] = ()

    def learn(self, entry: Entry) -> None:
        """Take note of a stored entry."""
        if self.facts is None or self.entries is None:
            self.facts, self.entries = Facts(), {}
        self.facts.learn(entry)
        self.entries[entry.offset] = entry


Logs = Mapping[str, _Log]


def append(
    run: Run, say: Statements, batch: Batch, groups: Groups, known: Known, *, make: bool
) -> tuple[Stored, Known]:
    """Write a batch, whose entries by session are *groups*; return it as stored, and who has changed.

    *known* are sessions that need not be locked and read, because nobody else can have changed them.

    Raises
    ------
    NewSessions
        Some sessions are not there, and *make* does not say that they are to be made.
    RunEnded, LogFull, SessionExists, StoreUnreachable
        As `headway.stores.Store.append` says.
    """
    writer = run(say.writers.lock, (batch.writer,)) if batch.writer else None
    asked = {session_id: group for session_id, group in groups.items() if session_id not in known}
    locked = (_make if make else _lock)(run, say, asked) if asked else None
    offsets = None if writer is None else _written(run, say, batch, writer.fetchone())
    logs = {session_id: _Log(*known[session_id]) for session_id in groups if session_id in known}
    if locked is not None:
        logs |= _logs(locked.fetchall(), asked)
    if offsets is not None:
        return _again(run, say, batch, logs, offsets), {}
    if len(logs) < len(groups):
        raise NewSessions
    _learn(run, say, logs, groups)
    extensions = {
        sid: extend(log.session, log.facts or _NOTHING, groups[sid], batch) for sid, log in logs.items()
    }
    changed = _write(run, say, logs, extensions)
    stored = _stored(batch, logs, extensions)
    if batch.writer:
        offsets = [entry.offset for entry in stored.entries]
        run(say.writers.written, (batch.number, to_json(offsets), batch.writer))
    return stored, changed


def _lock(run: Run, say: Statements, groups: Groups) -> Cursor:
    return run(say.sessions.lock, (to_json([{"folded": session_id.lower()} for session_id in groups]),))


def _make(run: Run, say: Statements, groups: Groups) -> Cursor:
    rows = [session_row(None, begin(group[0])) for group in groups.values()]
    return run(
        say.sessions.lock_or_make, (to_json([msgspec.structs.replace(row, record="") for row in rows]),)
    )


def _logs(rows: Iterable[Any], groups: Groups) -> dict[str, _Log]:
    """Return the logs of locked rows; those that have just been made have no record yet."""
    ids = {session_id.lower(): session_id for session_id in groups}
    logs = {}
    for key, folded, record in rows:
        session_id = ids[folded]
        session = session_of(record) if record else begin(groups[session_id][0])
        if session.session_id != session_id:
            raise SessionExists(session_id, session.session_id)
        logs[session_id] = _Log(key, session)
    return logs


def _learn(run: Run, say: Statements, logs: Logs, groups: Groups) -> None:
    """Look for what the rules need to know of the logs: the batch's keys, and how its old runs ended."""
    keys, runs = [], []
    for session_id, log in logs.items():
        if log.session.archived:
            log.archive = unpack(run(say.archives.read, (session_id.lower(),)).fetchone()[0])
            for entry in log.archive:
                log.learn(entry)
        elif log.session.last_offset:
            for entry in groups[session_id]:
                if entry.key is not None:
                    keys.append({"session": log.key, "key": without_nul(entry.key)})
                if entry.run_id is not None and log.session.active(entry.run_id) is None:
                    runs.append({"session": log.key, "run_id": entry.run_id})
    for statement, asked in ((say.entries.with_keys, keys), (say.entries.endings, runs)):
        if asked:
            _learn_rows(run(statement, (to_json(asked),)), logs)


def _learn_rows(found: Cursor, logs: Logs) -> None:
    ids = {log.key: session_id for session_id, log in logs.items()}
    for key, *row in found.fetchall():
        logs[ids[key]].learn(entry_of(ids[key], row))


def _write(run: Run, say: Statements, logs: Logs, extensions: Mapping[str, Extension]) -> Known:
    """Write entries and records; return which sessions have changed."""
    entries, sessions = [], []
    changed: dict[str, tuple[int, Session]] = {}
    for session_id, extension in extensions.items():
        if extension.new:
            log = logs[session_id]
            if log.session.archived:
                run(say.archives.clear, (log.key,))
            entries += [entry_row(log.key, entry) for entry in (*log.archive, *extension.new)]
            sessions.append(session_row(log.key, extension.session))
            changed[session_id] = log.key, extension.session
    if changed:
        run(say.entries.insert, (to_json(entries),))
        run(say.sessions.update, (to_json(sessions),))
    return changed


def _stored(batch: Batch, logs: Logs, extensions: Mapping[str, Extension]) -> Stored:
    asked = {sid: _asked(logs[sid], extension) for sid, extension in extensions.items()}
    entries = [next(asked[entry.session_id]) for entry in batch.entries]
    return Stored(entries, {session_id: extension.session for session_id, extension in extensions.items()})


def _asked(log: _Log, extension: Extension) -> Iterator[Entry]:
    """Return the entries of a session as stored, in the order in which they were asked for."""
    if len(extension.new) == len(extension.offsets):
        return iter(extension.new)
    at = (log.entries or {}) | {entry.offset: entry for entry in extension.new}
    return iter([at[offset] for offset in extension.offsets])


def _written(run: Run, say: Statements, batch: Batch, row: Any) -> list[int] | None:
    """Return the batch's offsets when it was written before; *row* is its writer's, which is locked."""
    if row is None and run(say.writers.add, (batch.writer,)).fetchone() is None:
        row = run(say.writers.lock, (batch.writer,)).fetchone()  # the first batch was under way once already
    if row is None or row[0] < batch.number:
        return None
    if row[0] > batch.number:
        raise StoreError(f"batch {batch.number} of the writer {batch.writer!r} comes after batch {row[0]}")
    offsets: list[int] = msgspec.json.decode(row[1])
    return offsets


def _again(run: Run, say: Statements, batch: Batch, logs: Logs, offsets: Sequence[int]) -> Stored:
    """Return what an earlier commit of the batch has stored."""
    if any(entry.session_id not in logs for entry in batch.entries):
        raise StoreUnreachable("the batch was written, but one of its sessions was deleted meanwhile")
    asked = []
    for entry, offset in zip(batch.entries, offsets, strict=True):
        log = logs[entry.session_id]
        asked.append({"session": log.key, "offset": offset})
    _learn_rows(run(say.entries.at_offsets, (to_json(asked),)), logs)
    entries = [
        (logs[entry.session_id].entries or {}).get(offset) or msgspec.structs.replace(entry, offset=offset)
        for entry, offset in zip(batch.entries, offsets, strict=True)
    ]
    return Stored(entries, {session_id: log.session for session_id, log in logs.items()})
