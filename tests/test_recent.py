"""The window on the end of active logs: it has no gaps, it is bounded, and it is of one log."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headway import Entry
from headway.recent import RecentEntries

PLAIN = Entry(timestamp="t", step="s", message="", step_number=1, total_steps=1, session_id="a")


def entries(*offsets: int, session_id: str = "a", **fields) -> list[Entry]:
    return [msgspec.structs.replace(PLAIN, offset=n, session_id=session_id, **fields) for n in offsets]


def offsets(found: list[Entry] | None) -> list[int] | None:
    return None if found is None else [entry.offset for entry in found]


def test_a_window_answers_for_what_it_reaches_back_to():
    recent = RecentEntries()
    recent.add(entries(4, 5))
    recent.add(entries(6))
    assert [offsets(recent.after("a", since)) for since in (0, 2, 3, 4, 6, 9)] == [
        None,
        None,
        [4, 5, 6],
        [5, 6],
        [],
        [],
    ]
    assert recent.after("b", 0) is None


def test_a_repeated_entry_is_passed_over():
    recent = RecentEntries()
    recent.add(entries(1))
    recent.add(entries(2, key="k"))
    recent.add(entries(2, key="k"))
    recent.add(entries(3))
    assert offsets(recent.after("a", 0)) == [1, 2, 3]


def test_a_log_that_begins_anew_leaves_nothing_of_the_one_before():
    recent = RecentEntries()
    recent.add(entries(1, 2, 3, message="old"))
    recent.add(entries(1, message="new"))
    assert recent.after("a", 0) == entries(1, message="new")


def test_an_entry_with_a_key_that_may_lie_anywhere_empties_the_window():
    recent = RecentEntries()
    recent.add(entries(5, 6))
    recent.add(entries(2, key="k"))
    assert recent.after("a", 5) is None


def test_a_session_keeps_its_newest_entries():
    recent = RecentEntries(per_session=3)
    for n in range(1, 10):
        recent.add(entries(n))
        window = recent.after("a", max(0, n - 3))
        assert offsets(window) == list(range(max(0, n - 3) + 1, n + 1))
    assert recent.after("a", 0) is None


def test_the_sessions_that_were_written_to_longest_ago_go_first():
    recent = RecentEntries(in_all=4)
    recent.add(entries(1, 2, session_id="a"))
    recent.add(entries(1, 2, session_id="b"))
    recent.add(entries(3, session_id="a"))
    assert offsets(recent.after("a", 0)) == [1, 2, 3]
    assert recent.after("b", 0) is None


def test_a_forgotten_session_is_gone():
    recent = RecentEntries(in_all=2)
    recent.add(entries(1, 2))
    recent.forget("a")
    recent.forget("a")
    recent.add(entries(1, 2, session_id="b"))
    assert recent.after("a", 0) is None
    assert offsets(recent.after("b", 0)) == [1, 2]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.booleans()), max_size=30),
    st.integers(1, 4),
    st.integers(1, 12),
)
def test_a_window_is_the_end_of_its_log_and_all_windows_stay_within_their_bounds(writes, per_session, in_all):
    recent = RecentEntries(per_session, in_all)
    logs: dict[str, list[Entry]] = {"a": [], "b": [], "c": []}
    for session_id, count, forget in writes:
        log = logs[session_id]
        if forget:
            recent.forget(session_id)
        more = entries(*range(len(log) + 1, len(log) + count + 1), session_id=session_id)
        log.extend(more)
        recent.add(more)
    kept = 0
    for session_id, log in logs.items():
        for since in range(len(log) + 2):
            assert recent.after(session_id, since) in (None, log[since:])
        kept += max(len(recent.after(session_id, since) or ()) for since in range(len(log) + 1))
    assert kept <= max(in_all, 2 * per_session)
    assert recent._count == kept
