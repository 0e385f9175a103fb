"""The window on the end of the logs, through random lives of them: it never says what no log has said.

The store stands for all that writes: this process, whose commits are made known by `add`, and others, whose
changes are made known by rings that come late.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import NamedTuple

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
from headway.entry import encode
from headway.recent import RecentEntries
from headway.stores import Batch, Stored
from headway.stores.commit import by_session
from headway.stores.memory import MemoryStore
from headway.testing.making import entry, renamed

PER_SESSION, IN_ALL = 3, 8
names = st.sampled_from(["a", "a", "b"])


class State(NamedTuple):
    """A log and its record as they once were."""

    session: Session | None
    entries: list[Entry]


class Ring(NamedTuple):
    """Somebody else's change that is not known here yet."""

    session_id: str
    before: int  # number of the state before it


class Commit(NamedTuple):
    """What the store has written and the window does not know yet."""

    before: dict[str, int]  # session -> number of the state before it
    stored: Stored


class Reader:
    """Somebody who reads the store for what the window does not tell."""

    def __init__(self, recent: RecentEntries, session_id: str, since: int, limit: int | None) -> None:
        self.place = session_id, since, limit
        self.held = ExitStack()
        self.reading = self.held.enter_context(recent.reading(session_id))
        self.excerpt = None


class RecentLife(RuleBasedStateMachine):
    """Commits, changes, rings and reads, each in its parts, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.recent = RecentEntries(PER_SESSION, IN_ALL)
        self.states: dict[str, list[State]] = {name: [State(None, [])] for name in "ab"}
        self.rings: list[Ring] = []
        self.readers: list[Reader] = []
        self.commit: Commit | None = None

    def now(self, session_id: str) -> int:
        """Return the number of the newest state of a session's log."""
        return len(self.states[session_id]) - 1

    def note(self, session_id: str) -> None:
        """Take note of what the store has now."""
        found = self.store.read(session_id)
        self.states[session_id].append(State(found.session, found.entries) if found else State(None, []))

    # --- this process

    @precondition(lambda self: self.commit is None)
    @rule(batch=st.lists(st.tuples(names, st.sampled_from([None, None, "k"])), min_size=1, max_size=5))
    def begin_commit(self, batch: list[tuple[str, str | None]]) -> None:
        """The store has the entries; the window does not know yet."""
        entries = [entry("ours", session_id, key=key) for session_id, key in batch]
        before = {session_id: self.now(session_id) for session_id, _ in batch}
        self.recent.begin()
        self.commit = Commit(before, self.store.append(Batch(entries)))
        for session_id in before:
            self.note(session_id)

    @precondition(lambda self: self.commit is not None)
    @rule()
    def end_commit(self) -> None:
        """The window is told."""
        stored = self.commit.stored
        for session_id, group in by_session(stored.entries).items():
            self.recent.add(stored.sessions[session_id], group)
        self.commit = None

    @precondition(lambda self: self.commit is None)
    @rule(session_id=names, what=st.sampled_from(["rename", "archive", "delete"]))
    def change(self, session_id: str, what: str) -> None:
        """Something else is done to a session; the window is told at once."""
        self.do(session_id, what)
        self.recent.forget(session_id)

    @rule(session_id=names, since=st.integers(0, 9), limit=st.none() | st.integers(0, 4))
    def begin_read(self, session_id: str, since: int, limit: int | None) -> None:
        """A reader has been told nothing by the window."""
        self.readers.append(Reader(self.recent, session_id, since, limit))

    @rule(session_id=names, since=st.integers(0, 9))
    def read_at_once(self, session_id: str, since: int) -> None:
        """Nothing happens while a reader reads: the window tells what it has read."""
        self.begin_read(session_id, since, None)
        self.read(-1)
        self.end_read(-1)
        session = self.store.session(session_id)
        if session is not None and since <= session.last_offset:
            assert self.recent.after(session_id, max(since, session.last_offset - PER_SESSION)) is not None

    @precondition(lambda self: self.readers)
    @rule(number=st.integers(0, 99))
    def read(self, number: int) -> None:
        """A reader gets its answer from the store."""
        reader = self.readers[number % len(self.readers)]
        reader.excerpt = self.store.read(*reader.place)

    @precondition(lambda self: self.readers)
    @rule(number=st.integers(0, 99))
    def end_read(self, number: int) -> None:
        """The window is told what a reader has read."""
        reader = self.readers.pop(number % len(self.readers))
        session_id, since, _ = reader.place
        if reader.excerpt is None:
            self.recent.forget(session_id)
        else:
            self.recent.fill(reader.reading, since, reader.excerpt)
        reader.held.close()

    # --- others

    @rule(session_id=names, what=st.sampled_from(["append", "append", "rename", "archive", "delete"]))
    def others(self, session_id: str, what: str) -> None:
        """Another process changes a session; its ring is on the way."""
        self.rings.append(Ring(session_id, self.now(session_id)))
        self.do(session_id, what)

    @precondition(lambda self: self.rings)
    @rule(number=st.integers(0, 99), every=st.booleans())
    def hear(self, number: int, every: bool) -> None:
        """A ring arrives: that of a session, or the one that says that any may have been missed."""
        if every:
            self.rings.clear()
            self.recent.outdate(None)
        else:
            self.recent.outdate(self.rings.pop(number % len(self.rings)).session_id)

    def do(self, session_id: str, what: str) -> None:
        """Change a session in the store."""
        if what == "append":
            self.store.append(Batch([entry("theirs", session_id)]))
        elif self.store.session(session_id) is None:
            return
        elif what == "rename":
            self.store.update_session(session_id, renamed(str(self.now(session_id))))
        elif what == "archive":
            self.store.archive(session_id, lambda entries: [*entries[:-1][::2], *entries[-1:]])
        else:
            self.store.delete_session(session_id)
        self.note(session_id)

    # --- what must be true

    @invariant()
    def what_is_told_is_what_the_log_says_or_said_before_the_rings_that_are_on_the_way(self) -> None:
        """Compare all that the window can be asked with the states of the logs that it may know."""
        for session_id, states in self.states.items():
            unknown = [ring.before for ring in self.rings if ring.session_id == session_id]
            if self.commit is not None and session_id in self.commit.before:
                unknown.append(self.commit.before[session_id])
            possible = states[min(unknown, default=-1) :]
            epochs = {state.session.epoch for state in states if state.session} | {None}
            for epoch in epochs:
                for since in range(12):
                    for limit in (None, 0, 2):
                        told = self.recent.after(session_id, since, limit, epoch)
                        assert told is None or any(_says(s, told, since, limit, epoch) for s in possible)

    @invariant()
    def the_windows_are_bounded(self) -> None:
        """Count what is kept."""
        kept = [len(window.entries) for window in self.recent._windows.values()]
        assert sum(kept) == self.recent._count <= max(IN_ALL, 2 * PER_SESSION)
        assert all(count < 2 * PER_SESSION for count in kept)

    def teardown(self) -> None:
        """Nobody is left who reads or writes: nothing of them is kept."""
        for reader in self.readers:
            reader.held.close()
        assert not self.recent._readings


def _says(state: State, told, since: int, limit: int | None, epoch: str | None) -> bool:
    """Whether an excerpt is what a log said when it was in that state, to a reader who knows the log."""
    if state.session is None or told.session != state.session:
        return False
    expected = [e for e in state.entries if e.offset > since][:limit]
    return (
        told.entries == expected
        and told.encoded == [encode(e) for e in expected]
        and since <= state.session.last_offset
        and epoch in (None, state.session.epoch)
    )


def test_whatever_happens_the_window_says_what_the_log_says():
    run_state_machine_as_test(
        RecentLife, settings=settings(max_examples=150, stateful_step_count=30, deadline=None)
    )
