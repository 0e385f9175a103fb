"""Entries and sessions for tests of stores, and short ways to what a store has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import Any

import msgspec

from ..entry import Entry
from ..session import Session
from ..stores import Batch, Store

_clock = count(1)


def entry(message: str = "", session_id: str = "s1", **fields: Any) -> Entry:
    """Return an entry that is later than the one before."""
    plain = {"step": "Read", "message": message, "step_number": 1, "total_steps": 3}
    at = f"2026-01-01T00:00:00.{next(_clock):06}+00:00"
    return Entry(**{"timestamp": at, "session_id": session_id, **plain, **fields})


def session(session_id: str, **fields: Any) -> Session:
    """Return a record that is later than the one before."""
    at = f"2026-01-01T00:00:00.{next(_clock):06}+00:00"
    return Session(**{"session_id": session_id, "title": "", "created_at": at, "last_activity": at, **fields})


def append(store: Store, entries: Sequence[Entry], watched: Collection[str] = (), **more: Any) -> list[Entry]:
    """Append a batch and return the entries as stored."""
    return store.append(Batch(entries, watched, **more)).entries


def entries(store: Store, session_id: str, since: int = 0, limit: int | None = None) -> list[Entry]:
    """Return what a store has of a session's log."""
    found = store.read(session_id, since, limit)
    return found.entries if found else []


def renamed(title: str) -> Callable[[Session], Session]:
    """Return a change that gives a session another title."""
    return lambda old: msgspec.structs.replace(old, title=title)


def ids(sessions: Sequence[Session]) -> list[str]:
    """Return the ids of sessions."""
    return [found.session_id for found in sessions]


def record(store: Store, session_id: str) -> Session:
    """Return the record of a session that is there."""
    found = store.session(session_id)
    assert found is not None, f"there is no session {session_id!r}"
    return found
