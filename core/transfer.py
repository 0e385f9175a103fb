"""Copy sessions from one store to another: their logs, records, notifications and runs, as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .errors import HeadwayError
from .session import Session
from .stores import Batch, Store

PAGE = 1_000  # entries copied at once


class OtherLog(HeadwayError, ValueError):
    """The target has another log under a session's id; both stay as they are."""

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"the target has another log of a session {session_id!r}: delete or rename one of the two"
        )


@dataclass(frozen=True)
class Copied:
    """What a copy has done: how many sessions and entries are new in the target."""

    sessions: int
    entries: int


def copy_sessions(
    source: Store, target: Store, on_session: Callable[[Session], None] = lambda session: None
) -> Copied:
    """Copy all sessions, the oldest activity first; what the target has already is not copied again.

    So it can be repeated: after it was interrupted, or to copy what has come since. *on_session* is called
    after each session.

    Raises
    ------
    OtherLog
        The target has another log under an id. What was copied until then stays.
    StoreError
        One of the stores failed.
    """
    sessions = entries = 0
    for session in reversed(list(_all(source))):
        known = target.session(session.session_id)
        if known is None:
            known = _empty(session)
            target.add_session(known)
            sessions += 1
        if known.epoch != session.epoch:
            raise OtherLog(session.session_id)
        if known.last_offset <= session.last_offset:  # else it has gone on there
            entries += _copy_log(source, target, session, known.last_offset)
            _give_record(target, session)
        on_session(session)
    return Copied(sessions, entries)


def _all(store: Store) -> Iterator[Session]:
    """Yield all sessions, newest activity first."""
    before = None
    while page := store.sessions(PAGE, before):
        yield from page
        before = page[-1].cursor


def _empty(session: Session) -> Session:
    """Return the record of a session before its first entry."""
    return Session(
        session_id=session.session_id,
        title=session.title,
        created_at=session.created_at,
        last_activity=session.created_at,
        epoch=session.epoch,
    )


def _copy_log(source: Store, target: Store, session: Session, since: int) -> int:
    """Copy the entries after an offset, up to where the record says that the log ends."""
    count = 0
    while since < session.last_offset:
        found = source.read(session.session_id, since, PAGE)
        page = [entry for entry in found.entries if entry.offset <= session.last_offset] if found else []
        if not page or found is None or found.session.epoch != session.epoch:
            break  # deleted meanwhile
        target.append(Batch(page))
        count, since = count + len(page), page[-1].offset
    return count


def _give_record(target: Store, session: Session) -> None:
    """Make the record the source's: a title by hand and what was read are not in the log."""
    if session.archived:
        target.archive(session.session_id, lambda entries: entries)
    target.update_session(session.session_id, lambda _: session)
