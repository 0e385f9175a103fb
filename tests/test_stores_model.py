"""Any store against a dict of lists, through random lives of it."""

from __future__ import annotations

import shutil
import tempfile
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from headway import Entry, Session
from headway.errors import RunEnded, SessionExists, UnknownSession
from headway.stores import open_store
from headway.stores.json_files import JsonFilesStore

names = st.sampled_from(["a", "A", "b", "c"])
some = st.lists(
    st.tuples(
        names,
        st.sampled_from([None, None, "k1", "k2"]),
        st.sampled_from([None, "r1", "r2"]),
        st.sampled_from(["running", "running", "completed", "error"]),
    ),
    min_size=1,
    max_size=4,
)


class StoreMachine(RuleBasedStateMachine):
    """A store and its model do the same, and say the same."""

    scheme = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.store = open_store(f"{self.scheme}:{self.place / 'logs'}")
        self.clock = count(1)
        self.logs: dict[str, list[Entry]] = {}
        self.sessions: dict[str, Session] = {}

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.place)

    def now(self) -> str:
        return f"2026-01-01T00:00:00.{next(self.clock):06}+00:00"

    def taken(self, session_id: str) -> bool:
        return session_id not in self.sessions and session_id.lower() in {s.lower() for s in self.sessions}

    @rule(batch=some, watched=st.sets(names))
    def append(self, batch, watched):
        entries = [
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
            expected, logs, sessions = self.appended(entries, watched)
        except (RunEnded, SessionExists) as error:
            with pytest.raises((RunEnded, SessionExists)):
                self.store.append(entries, watched)
            assert error
            return
        assert self.store.append(entries, watched) == expected
        for session_id, session in sessions.items():  # the epoch is the store's to choose
            epoch = self.store.session(session_id).epoch
            if session_id in self.sessions:
                assert epoch == self.sessions[session_id].epoch
            sessions[session_id] = msgspec.structs.replace(session, epoch=epoch)
        self.logs, self.sessions = logs, sessions

    def appended(self, entries, watched):
        """Return what the model stores, and its state afterwards."""
        logs = {session_id: list(log) for session_id, log in self.logs.items()}
        sessions, stored = dict(self.sessions), []
        for entry in entries:
            session_id = entry.session_id
            if session_id not in sessions:
                if session_id.lower() in {s.lower() for s in sessions}:
                    raise SessionExists(session_id, "another")
                at = next(e.timestamp for e in entries if e.session_id == session_id)
                sessions[session_id] = Session(
                    session_id=session_id, title="", created_at=at, last_activity=at
                )
            log = logs.setdefault(session_id, [])
            known = [e for e in log if entry.key is not None and e.key == entry.key]
            if not known:
                if any(entry.run_id and e.run_id == entry.run_id and e.terminal for e in log):
                    raise RunEnded(entry.run_id, "before")
                # Each entry is at the first step of one: nothing of the run is done, or all of it.
                done = None if entry.run_id is None else float(entry.status == "completed")
                known = [msgspec.structs.replace(entry, offset=len(log) + 1, run_fraction=done)]
                log.append(known[0])
                sessions[session_id] = sessions[session_id].after(known[0], watched=session_id in watched)
            stored.append(known[0])
        return stored, logs, sessions

    @rule(session_id=names)
    def add(self, session_id):
        at = self.now()
        session = Session(session_id=session_id, title="", created_at=at, last_activity=at)
        if session_id in self.sessions or self.taken(session_id):
            with pytest.raises(SessionExists):
                self.store.add_session(session)
        else:
            self.store.add_session(session)
            self.sessions[session_id] = session

    @rule(session_id=names, what=st.sampled_from(["rename", "notify", "mark read"]))
    def update(self, session_id, what):
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
    def delete(self, session_id):
        if session_id in self.sessions:
            self.store.delete_session(session_id)
            del self.sessions[session_id]
            self.logs.pop(session_id, None)
        else:
            with pytest.raises(UnknownSession):
                self.store.delete_session(session_id)

    @precondition(lambda self: self.scheme != "memory")
    @rule()
    def reopen(self):
        self.store.close()
        self.store = open_store(f"{self.scheme}:{self.place / 'logs'}")

    @precondition(lambda self: self.scheme == "json")
    @rule()
    def reopen_without_records(self):
        """What the log alone says comes back from the log alone."""
        self.store.close()
        (self.place / "logs" / "_sessions.jsonl").unlink()
        self.store = open_store(f"json:{self.place / 'logs'}")
        for session_id in list(self.sessions):
            found = self.store.session(session_id)
            if not self.logs.get(session_id):
                assert found is None
                del self.sessions[session_id]
            else:
                assert found.last_offset == len(self.logs[session_id])
                self.sessions[session_id] = found

    @rule(session_id=names, since=st.integers(0, 5), limit=st.none() | st.integers(0, 3))
    def read(self, session_id, since, limit):
        log = self.logs.get(session_id, [])[since:]
        assert self.store.entries(session_id, since, limit) == log[:limit]

    @invariant()
    def they_agree(self):
        newest = sorted(self.sessions.values(), key=lambda s: (s.last_activity, s.session_id), reverse=True)
        assert self.store.sessions(99) == newest
        assert {s: self.store.entries(s) for s in self.sessions} == {
            s: self.logs.get(s, []) for s in self.sessions
        }


@pytest.mark.parametrize(("scheme", "open_logs"), [("memory", 0), ("json", 256), ("json", 1)])
def test_a_store_is_a_dict_of_lists(scheme, open_logs, monkeypatch):
    if open_logs:  # with one open log, every other look closes and opens a file
        monkeypatch.setattr(f"{JsonFilesStore.__module__}.OPEN_LOGS", open_logs)
    machine = type("Machine", (StoreMachine,), {"scheme": scheme})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
    )
