"""The window on the end of active logs: it has no gaps, it is bounded, and it is of one log.

What it says through random lives of the logs is in test_recent_life.py.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway import Entry
from headway.entry import encode
from headway.recent import RecentEntries
from headway.stores import Batch, Excerpt
from headway.stores.memory import MemoryStore
from headway.testing.making import entry


class Logs:
    """Logs of a store, and the windows on their ends."""

    def __init__(self, **bounds: int) -> None:
        self.store = MemoryStore()
        self.recent = RecentEntries(**bounds)

    def write(self, *entries: Entry) -> None:
        """Write entries of one session, as others do: nothing is known here."""
        self.store.append(Batch(entries))

    def add(self, *entries: Entry) -> None:
        """Write entries of one session, and make them known."""
        self.recent.begin()
        stored = self.store.append(Batch(entries))
        (session,) = stored.sessions.values()
        self.recent.add(session, stored.entries)

    def fill(self, since: int = 0, limit: int | None = None, session_id: str = "s1") -> None:
        """Read the store, and make known what it says."""
        with self.recent.reading(session_id) as reading:
            self.recent.fill(reading, since, self.store.read(session_id, since, limit))

    def after(self, since: int, session_id: str = "s1") -> list[int] | None:
        """Return the offsets that the window tells of."""
        found = self.recent.after(session_id, since)
        return None if found is None else [stored.offset for stored in found.entries]


@pytest.fixture
def logs() -> Logs:
    return Logs()


def test_a_window_answers_for_what_it_reaches_back_to(logs):
    logs.write(entry(), entry(), entry())
    logs.add(entry(), entry())
    logs.add(entry())
    assert [logs.after(since) for since in (0, 2, 3, 4, 6)] == [None, None, [4, 5, 6], [5, 6], []]
    assert logs.after(0, "s2") is None


def test_a_window_does_not_tell_of_a_place_or_an_epoch_that_it_does_not_know(logs):
    logs.add(entry())
    epoch = logs.store.session("s1").epoch
    assert logs.after(2) is None  # another process may have written it
    assert logs.recent.after("s1", 0, epoch="another") is None  # another process may have begun it anew
    assert logs.recent.after("s1", 0, epoch=epoch).entries == logs.store.read("s1").entries


def test_a_repeated_entry_is_passed_over(logs):
    for more in ({}, {"key": "k"}, {"key": "k"}, {}):
        logs.add(entry(**more))
    assert logs.after(0) == [1, 2, 3]


def test_a_log_that_begins_anew_leaves_nothing_of_the_one_before(logs):
    logs.add(entry("old"), entry("old"), entry("old"))
    logs.store.delete_session("s1")
    logs.add(entry("new"))
    found = logs.recent.after("s1", 0)
    assert (found.session, found.entries) == (logs.store.session("s1"), logs.store.read("s1").entries)


def test_an_entry_with_a_key_that_may_lie_anywhere_empties_the_window(logs):
    logs.add(entry(), entry(key="k"), entry())
    logs.recent.forget("s1")
    logs.add(entry(key="k"))
    assert [logs.after(since) for since in (1, 2, 3)] == [None, None, []]


def test_a_session_keeps_its_newest_entries():
    logs = Logs(per_session=3)
    for n in range(1, 10):
        logs.add(entry())
        assert logs.after(max(0, n - 3)) == list(range(max(0, n - 3) + 1, n + 1))
    assert logs.after(0) is None


def test_the_sessions_that_were_written_to_longest_ago_go_first():
    logs = Logs(in_all=4)
    logs.add(entry(session_id="a"), entry(session_id="a"))
    logs.add(entry(session_id="b"), entry(session_id="b"))
    logs.add(entry(session_id="a"))
    assert (logs.after(0, "a"), logs.after(0, "b")) == ([1, 2, 3], None)


def test_a_forgotten_session_is_gone():
    logs = Logs(in_all=2)
    logs.add(entry(), entry())
    logs.recent.forget("s1")
    logs.recent.forget("s1")
    logs.add(entry(session_id="b"), entry(session_id="b"))
    assert (logs.after(0), logs.after(0, "b")) == (None, [1, 2])


def test_what_is_told_is_encoded_already_entry_by_entry(logs):
    logs.add(entry("Zürich"), entry("2"))
    logs.add(entry("3"), entry("4"))
    for since in range(5):
        for limit in (None, 0, 2):
            found = logs.recent.after("s1", since, limit)
            assert "encoded" in vars(found)  # not when it is asked for, but once
            assert found.encoded == [encode(stored) for stored in found.entries]
    assert logs.recent.after("s1", 2).encoded[0] is logs.recent.after("s1", 1).encoded[1]


# --- what is read fills the window


def test_a_reader_fills_what_the_window_lacks_up_to_the_end_only(logs):
    logs.write(entry(), entry(), entry())
    logs.fill(0, 2)
    assert logs.after(0) is None
    logs.fill(1)
    assert [logs.after(since) for since in (0, 1, 3)] == [None, [2, 3], []]


@pytest.mark.parametrize("overtake", ["add", "outdate", "outdate all", "forget"])
def test_a_fill_that_was_overtaken_is_worth_nothing(logs, overtake):
    logs.write(entry("1"))
    with logs.recent.reading("s1") as reading:
        old = logs.store.read("s1")
        if overtake == "add":
            logs.add(entry("2"))
        else:
            logs.write(entry("2"))
            {
                "outdate": lambda: logs.recent.outdate("s1"),
                "outdate all": lambda: logs.recent.outdate(None),
                "forget": lambda: logs.recent.forget("s1"),
            }[overtake]()
        logs.recent.fill(reading, 0, old)
    assert [logs.after(since) for since in (0, 1)] == [None, [2] if overtake == "add" else None]
    logs.fill()
    assert logs.after(1) == [2]


def test_a_window_that_is_outdated_says_nothing_until_it_is_filled(logs):
    logs.add(entry(session_id="s2"))
    logs.add(entry("ours"))
    logs.write(entry("theirs"))
    logs.recent.outdate("s1")
    assert (logs.after(0), logs.after(1), logs.after(0, "s2")) == (None, None, [1])
    logs.fill(1)
    assert (logs.after(0), logs.after(1)) == ([1, 2], [2])
    logs.recent.outdate(None)
    assert (logs.after(0), logs.after(0, "s2")) == (None, None)


@pytest.mark.parametrize("told", ["s1", None])
def test_what_others_change_during_a_commit_is_not_missed(logs, told):
    logs.recent.begin()
    stored = logs.store.append(Batch([entry("ours")]))
    logs.write(entry("theirs"))
    logs.recent.outdate(told)
    logs.recent.add(stored.sessions["s1"], stored.entries)
    assert logs.after(1) is None
    logs.fill()
    assert logs.after(0) == [1, 2]


def test_what_others_changed_before_a_commit_or_elsewhere_does_not_outdate_what_it_wrote(logs):
    logs.recent.outdate("s1")
    logs.recent.outdate(None)
    logs.recent.begin()
    stored = logs.store.append(Batch([entry()]))
    logs.recent.outdate("s2")
    logs.recent.add(stored.sessions["s1"], stored.entries)
    assert logs.after(0) == [1]


def test_a_reader_that_was_quicker_than_the_commit_it_read_is_not_set_back(logs):
    logs.recent.begin()
    stored = logs.store.append(Batch([entry("ours")]))
    logs.write(entry("theirs"))
    logs.fill()
    logs.recent.add(stored.sessions["s1"], stored.entries)
    assert logs.after(0) == [1, 2]


def test_a_log_with_gaps_is_told_as_it_is(logs):
    logs.write(*(entry() for _ in range(5)))
    logs.store.archive("s1", lambda entries: entries[1::3])
    logs.fill()
    assert [logs.after(since) for since in range(6)] == [[2, 5], [2, 5], [5], [5], [5], []]
    logs.add(entry())
    assert logs.after(2) == [5, 6]
    excerpt = logs.recent.after("s1", 0)
    assert excerpt == Excerpt(logs.store.session("s1"), logs.store.read("s1").entries)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.booleans()), max_size=30),
    st.integers(1, 4),
    st.integers(1, 12),
)
def test_a_window_is_the_end_of_its_log_and_all_windows_stay_within_their_bounds(writes, per_session, in_all):
    logs = Logs(per_session=per_session, in_all=in_all)
    for session_id, number, forget in writes:
        if forget:
            logs.recent.forget(session_id)
        logs.add(*(entry(session_id=session_id) for _ in range(number)))
    kept = 0
    for session in logs.store.sessions(9):
        last = session.last_offset
        told = [logs.after(since, session.session_id) for since in range(last + 1)]
        for since, offsets in enumerate(told):
            assert offsets in (None, list(range(since + 1, last + 1)))
        kept += max(len(offsets or ()) for offsets in told)
    assert kept <= max(in_all, 2 * per_session)
    assert logs.recent._count == kept
