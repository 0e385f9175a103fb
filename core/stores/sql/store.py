"""What both SQL stores do, in the same statements: the methods of `headway.stores.Store`."""

from __future__ import annotations

import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ...entry import Entry
from ...errors import SessionExists, StoreClosed, UnknownSession
from ...session import Session, archived
from ..batch import Batch, Excerpt, Stored
from ..commit import by_session
from .commit import Known, NewSessions, Run, append
from .rows import entry_of, pack, session_of, session_row, to_json, unpack
from .statements import Statements

T = TypeVar("T")
Changes = Mapping[str, tuple[int, Session] | None]
"""What sessions have become, with the keys of their rows; None of those that are deleted."""


class SqlStore(ABC):
    """A store in a SQL database. Writes take one connection in turn, reads have connections of their own."""

    shared = True

    def __init__(self, statements: Statements) -> None:
        self._say = statements
        self._id = secrets.token_hex(8)  # by which it knows its own bells
        self._writing = threading.RLock()
        self._closed = False

    @abstractmethod
    def _write(self, work: Callable[[Run], T], *, flush: bool = True) -> T:
        """Do some work in a transaction, which ends with it; it may be done again, when it was undone."""

    @abstractmethod
    def _read(self, work: Callable[[Run], T], *, at_once: bool = False) -> T:
        """Do some reading; all statements see the same moment when that is asked for."""

    @abstractmethod
    def _tell(self, run: Run, changed: Changes) -> None:
        """Have the others rung for the sessions that a transaction has changed, when it is over."""

    def _known(self, run: Run) -> Known:
        """Return sessions that need not be read again in this transaction."""
        return {}

    def append(self, batch: Batch) -> Stored:
        groups = by_session(batch.entries)
        if not groups:
            self._check_open()
            return Stored([], {})

        def work(run: Run, make: bool = False) -> Stored:
            stored, changed = append(run, self._say, batch, groups, self._known(run), make=make)
            self._tell(run, changed)
            return stored

        try:
            return self._write(work, flush=batch.flush)
        except NewSessions:
            return self._write(lambda run: work(run, make=True), flush=batch.flush)

    def read(self, session_id: str, since: int = 0, limit: int | None = None) -> Excerpt | None:
        folded = session_id.lower()
        most = 2**62 if limit is None else limit

        def work(run: Run) -> Excerpt | None:
            found = run(self._say.sessions.get, (folded,))
            rows = run(self._say.entries.read, (folded, since, most))
            session = _of_id(session_id, found.fetchone())
            if session is None:
                return None
            if session.archived:
                log = unpack(run(self._say.archives.read, (folded,)).fetchone()[0])
                return Excerpt(session, [entry for entry in log if entry.offset > since][:most])
            return Excerpt(session, [entry_of(session_id, row) for row in rows.fetchall()])

        return self._read(work, at_once=True)

    def session(self, session_id: str) -> Session | None:
        return self._read(
            lambda run: _of_id(session_id, run(self._say.sessions.get, (session_id.lower(),)).fetchone())
        )

    def sessions(self, limit: int, before: str | None = None) -> list[Session]:
        if before is None:
            return self._records(self._say.sessions.newest, (limit,))
        activity, _, session_id = before.partition(",")
        return self._records(self._say.sessions.older, (activity, session_id, limit))

    def active(self) -> list[Session]:
        return self._records(self._say.sessions.active, ())

    def add_session(self, session: Session) -> None:
        def work(run: Run) -> None:
            made = run(self._say.sessions.add, (to_json([session_row(None, session)]),)).fetchone()
            if made is None:
                (record,) = run(self._say.sessions.get, (session.session_id.lower(),)).fetchone()
                raise SessionExists(session.session_id, session_of(record).session_id)
            self._tell(run, {session.session_id: (made[0], session)})

        self._write(work)

    def update_session(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        def work(run: Run) -> Session:
            key, session = self._locked(run, session_id)
            return self._replace(run, key, change(session))

        return self._write(work)

    def archive(self, session_id: str, keep: Callable[[Sequence[Entry]], Sequence[Entry]]) -> Session:
        def work(run: Run) -> Session:
            key, session = self._locked(run, session_id)
            folded = session_id.lower()
            if session.archived:
                log = unpack(run(self._say.archives.read, (folded,)).fetchone()[0])
            else:
                rows = run(self._say.entries.read, (folded, 0, 2**62)).fetchall()
                log = [entry_of(session_id, row) for row in rows]
            kept = keep(log)
            run(self._say.entries.clear, (key,))
            run(self._say.archives.clear, (key,))
            run(self._say.archives.add, (key, pack(kept)))
            return self._replace(run, key, archived(session, kept))

        return self._write(work)

    def delete_session(self, session_id: str) -> None:
        def work(run: Run) -> None:
            key, _ = self._locked(run, session_id)
            for statement in (self._say.entries.clear, self._say.archives.clear, self._say.sessions.delete):
                run(statement, (key,))
            self._tell(run, {session_id: None})

        self._write(work)

    def lease(self, owner: str, seconds: float) -> set[str]:
        def work(run: Run) -> set[str]:
            run(self._say.leases.renew, (owner, seconds, seconds))
            return {living for (living,) in run(self._say.leases.living).fetchall()}

        return self._write(work, flush=False)

    def _forget(self, run: Run) -> None:
        """Forget whom nobody will hear of again; once, when the store is opened."""
        for statement in self._say.forget:
            run(statement)

    def _locked(self, run: Run, session_id: str) -> tuple[int, Session]:
        """Lock a session's row and return its key and the session."""
        row = run(self._say.sessions.lock, (to_json([{"folded": session_id.lower()}]),)).fetchone()
        session = None if row is None else _of_id(session_id, row[2:])
        if session is None:
            raise UnknownSession(session_id)
        return row[0], session

    def _replace(self, run: Run, key: int, session: Session) -> Session:
        run(self._say.sessions.update, (to_json([session_row(key, session)]),))
        self._tell(run, {session.session_id: (key, session)})
        return session

    def _records(self, statement: str, parameters: Sequence[Any]) -> list[Session]:
        rows = self._read(lambda run: run(statement, parameters).fetchall())
        return [session_of(record) for (record,) in rows]

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed


def _of_id(session_id: str, row: Any) -> Session | None:
    """Return the session of a row with a record, when it has that very id."""
    session = None if row is None else session_of(row[0])
    return session if session is not None and session.session_id == session_id else None
