"""Any store against a dict of lists, through random lives of it (Hypothesis).

A store's own test derives from `StoreMachine`, says how to open one, and lets it live::

    class MyMachine(StoreMachine):
        def open(self, place):
            return MyStore(place)

    def test_my_store_is_a_dict_of_lists():
        run_state_machine_as_test(MyMachine)
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Set as AbstractSet
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ..entry import Entry
from ..errors import RunEnded, SessionExists, UnknownSession
from ..session import Session
from ..stores import Batch, Store
from .making import append, entries

names = st.sampled_from(["a", "A", "b", "c"])
asked = st.tuples(
    names,
    st.sampled_from([None, None, "k1", "k2"]),
    st.sampled_from([None, "r1", "r2"]),
    st.sampled_from(["running", "running", "completed", "error"]),
)


class StoreMachine(RuleBasedStateMachine):
    """A store and its model do the same, and say the same."""

    durable = True  # whether what is closed and opened again is as it was

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.store = self.open(self.place / "logs")
        self.clock = count(1)
        self.logs: dict[str, list[Entry]] = {}
        self.sessions: dict[str, Session] = {}

    def open(self, place: Path) -> Store:
        """Open the store that lies at *place*; the first time it is empty."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.store.close()
        shutil.rmtree(self.place)

    def now(self) -> str:
        """Return a time that is later than the one before."""
        return f"2026-01-01T00:00:00.{next(self.clock):06}+00:00"

    def taken(self, session_id: str) -> bool:
        """Whether the id is another one's in another case."""
        return session_id not in self.sessions and session_id.lower() in {s.lower() for s in self.sessions}

    @rule(batch=st.lists(asked, min_size=1, max_size=4), watched=st.sets(names), flush=st.booleans())
    def append(
        self,
        batch: list[tuple[str, str | None, str | None, str]],
        watched: AbstractSet[str],
        flush: bool,
    ) -> None:
        """Append the same to both."""
        new = [
            Entry(
                timestamp=self.now(),
                step="s",
                message=f"{status} {run}",
                step_number=1,
                total_steps=1,
                session_id=session_id,
                run_id=run,
                status=status,
                key=key,
            )
            for session_id, key, run, status in batch
        ]
        try:
            expected, logs, sessions = self.appended(new, watched)
        except (RunEnded, SessionExists):
            with pytest.raises((RunEnded, SessionExists)):
                append(self.store, new, watched, flush=flush)
            return
        stored = self.store.append(Batch(new, watched, flush))
        assert stored.entries == expected
        for session_id, session in sessions.items():  # the epoch is the store's to choose
            epoch = stored.sessions[session_id].epoch if session_id in stored.sessions else session.epoch
            if session_id in self.sessions:
                assert epoch == self.sessions[session_id].epoch
            sessions[session_id] = msgspec.structs.replace(session, epoch=epoch)
        self.logs, self.sessions = logs, sessions

    def appended(
        self, new: list[Entry], watched: AbstractSet[str]
    ) -> tuple[list[Entry], dict[str, list[Entry]], dict[str, Session]]:
        """Return what the model makes of a batch; it stays as it was."""
        logs = {session_id: list(log) for session_id, log in self.logs.items()}
        sessions = dict(self.sessions)
        stored = []
        for entry in new:
            session_id = entry.session_id
            folded = {other.lower(): other for other in sessions}
            if folded.setdefault(session_id.lower(), session_id) != session_id:
                raise SessionExists(session_id, folded[session_id.lower()])
            if session_id not in sessions:
                sessions[session_id] = Session(
                    session_id=session_id, title="", created_at=entry.timestamp, last_activity=entry.timestamp
                )
            log = logs.setdefault(session_id, [])
            known = [old for old in log if entry.key is not None and old.key == entry.key]
            if not known:
                ours = [old for old in log if entry.run_id is not None and old.run_id == entry.run_id]
                if any(old.terminal for old in ours):
                    raise RunEnded(entry.run_id or "", "ended")
                fraction = None
                if entry.run_id is not None:
                    fraction = 1.0 if entry.status == "completed" else 0.0
                known = [msgspec.structs.replace(entry, offset=len(log) + 1, run_fraction=fraction)]
                log.append(known[0])
                sessions[session_id] = sessions[session_id].after(known[0], watched=session_id in watched)
            stored.append(known[0])
        return stored, logs, sessions

    @rule(session_id=names)
    def add(self, session_id: str) -> None:
        """Add a session to both."""
        at = self.now()
        session = Session(session_id=session_id, title="", created_at=at, last_activity=at)
        if session_id in self.sessions or self.taken(session_id):
            with pytest.raises(SessionExists):
                self.store.add_session(session)
        else:
            self.store.add_session(session)
            self.sessions[session_id] = session

    @rule(session_id=names, what=st.sampled_from(["rename", "notify", "mark read"]))
    def update(self, session_id: str, what: str) -> None:
        """Change a record in both."""
        at = self.now()

        def change(old: Session) -> Session:
            if what == "rename":
                return msgspec.structs.replace(old, title=at)
            return (
                old.notified(at, at) if what == "notify" else msgspec.structs.replace(old, notification=None)
            )

        if session_id in self.sessions:
            self.sessions[session_id] = change(self.sessions[session_id])
            assert self.store.update_session(session_id, change) == self.sessions[session_id]
        else:
            with pytest.raises(UnknownSession):
                self.store.update_session(session_id, change)

    @rule(session_id=names)
    def archive(self, session_id: str) -> None:
        """Archive a whole log; the model need not know."""
        if session_id in self.sessions:
            archived = msgspec.structs.replace(self.sessions[session_id], archived=True)
            assert self.store.archive(session_id, lambda log: log) == archived
            self.sessions[session_id] = archived
        else:
            with pytest.raises(UnknownSession):
                self.store.archive(session_id, lambda log: log)

    @rule(session_id=names)
    def delete(self, session_id: str) -> None:
        """Delete a session from both."""
        if session_id in self.sessions:
            self.store.delete_session(session_id)
            del self.sessions[session_id]
            self.logs.pop(session_id, None)
        else:
            with pytest.raises(UnknownSession):
                self.store.delete_session(session_id)

    @precondition(lambda self: self.durable)
    @rule()
    def reopen(self) -> None:
        """Close the store and open it again."""
        self.store.close()
        self.store = self.open(self.place / "logs")

    @rule(session_id=names, since=st.integers(0, 5), limit=st.none() | st.integers(0, 3))
    def read(self, session_id: str, since: int, limit: int | None) -> None:
        """Read a part of a log."""
        assert entries(self.store, session_id, since, limit) == self.logs.get(session_id, [])[since:][:limit]

    @invariant()
    def they_agree(self) -> None:
        """Compare all that there is."""
        newest = sorted(self.sessions.values(), key=lambda s: (s.last_activity, s.session_id), reverse=True)
        assert self.store.sessions(99) == newest
        assert {s: entries(self.store, s) for s in self.sessions} == {
            s: self.logs.get(s, []) for s in self.sessions
        }
        active = {s.session_id for s in newest if s.active_runs}
        assert {s.session_id for s in self.store.active()} == active
