"""A session's record is a fold of its log: its status, its runs, its title, its unread mark, its size."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway import Entry, Session
from headway.entry import encode
from headway.errors import InvalidEntry
from headway.session import ActiveRun, archived, check_title, title_from

NOON = "2026-01-01T12:00:00.000000+00:00"


def entry(**fields) -> Entry:
    plain = {"timestamp": NOON, "step": "Read", "message": "…", "step_number": 1, "total_steps": 3}
    return Entry(**{**plain, "session_id": "s1", **fields})


def session(**fields) -> Session:
    return Session(**{"session_id": "s1", "title": "", "created_at": NOON, "last_activity": NOON, **fields})


def folded(*entries: Entry, **more) -> Session:
    found = session(epoch="e1")
    for offset, stored in enumerate(entries, 1):
        found = found.after(msgspec.structs.replace(stored, offset=offset), **more)
    return found


def test_a_title_is_one_line_of_at_most_80_characters():
    assert title_from("  Monthly\n revenue ") == "Monthly revenue"
    assert title_from("x" * 80) == "x" * 80
    assert title_from("word " * 40) == ("word " * 40)[:79].rstrip() + "…"
    assert check_title(" a\nb ") == "a b"
    with pytest.raises(InvalidEntry, match="title is"):
        check_title("x" * 201)


# --- status and runs


def test_entries_without_a_run_keep_a_session_processing_until_a_terminal_one_or_a_notification():
    begun = folded(entry())
    assert (begun.status, begun.active_runs, begun.last_offset) == ("processing", (ActiveRun(""),), 1)
    ended = begun.after(entry(offset=2, status="completed", message="all done"))
    assert (ended.status, ended.active_runs, ended.notification) == ("completed", (), "all done")
    told = begun.notified("look", NOON)
    assert (told.status, told.active_runs, told.notification) == ("completed", (), "look")


@pytest.mark.parametrize(
    ("status", "shown"),
    [("completed", "completed"), ("error", "error"), ("cancelled", "error"), ("interrupted", "error")],
)
def test_the_end_of_a_run_decides_the_status_and_leaves_a_notification(status, shown):
    ended = folded(entry(run_id="r"), entry(run_id="r", status=status))
    assert (ended.status, ended.has_notification) == (shown, True)


def test_a_session_is_processing_while_any_of_its_runs_is():
    both = folded(entry(run_id="a"), entry(run_id="b"))
    assert both.active_runs == (ActiveRun("a"), ActiveRun("b"))
    one = both.after(entry(offset=3, run_id="a", status="completed"))
    assert (one.status, one.active_runs, one.has_notification) == ("processing", (ActiveRun("b"),), True)
    assert one.notified("x", NOON).status == "processing"  # a notification ends no run


def test_an_active_run_tells_its_first_owner_and_how_far_it_is():
    begun = entry(run_id="a", data={"owner": "me"})
    later = entry(run_id="a", run_fraction=0.5, data={"owner": "another"})
    found = folded(begun, entry(run_id="b", data={"owner": 7}), later, entry())
    assert found.active_runs == (ActiveRun("a", "me", 0.5), ActiveRun("b"), ActiveRun(""))
    assert [found.active(run_id) for run_id in ("a", None, "c")] == [
        ActiveRun("a", "me", 0.5),
        ActiveRun(""),
        None,
    ]


def test_the_progress_of_a_session_is_that_of_its_last_entry():
    assert folded(entry(run_fraction=0.25, eta_seconds=4.5)).run_fraction == 0.25
    found = folded(entry(run_fraction=0.25, eta_seconds=4.5), entry(run_id="r", timestamp="later"))
    assert (found.run_fraction, found.eta_seconds, found.last_activity) == (None, None, "later")


runs = st.lists(
    st.tuples(
        st.sampled_from([None, "a", "b"]), st.sampled_from(["running", "running", "completed", "error"])
    ),
    max_size=12,
)


@given(runs)
def test_a_session_is_processing_exactly_while_something_goes_on(told):
    found = folded(*(entry(run_id=run_id, status=status) for run_id, status in told))
    going_on = {run_id or "" for run_id, _ in told} - {
        run_id or ""
        for n, (run_id, status) in enumerate(told)
        if status != "running" and all(later != run_id for later, _ in told[n + 1 :])
    }
    assert {run.run_id for run in found.active_runs} == going_on
    last_end = next((status for _, status in reversed(told)), "completed")
    expected = "processing" if going_on else last_end
    assert found.status == (expected if told else "completed")


# --- the unread mark


def test_a_run_that_ends_while_somebody_watches_leaves_no_notification():
    assert not folded(entry(run_id="r", status="completed"), watched=True).has_notification


def test_an_end_without_words_is_told_by_its_step():
    assert folded(entry(status="completed", message="")).notification == "Read"


def test_what_somebody_has_seen_is_no_longer_unread_and_what_came_since_is():
    told = session().notified("look", NOON)
    assert told.seen("look").notification is None
    assert told.seen("something else") == told


# --- title, size, archive, wire


def test_the_first_prompt_is_the_title_and_stays_it():
    asked = folded(entry(data={"prompt": "Monthly  revenue"}))
    assert asked.after(entry(offset=2, data={"prompt": "Exports"})).title == "Monthly revenue"
    assert folded(entry(data={"prompt": "p", "title": "Named"})).title == "Named"
    assert folded(entry(data={"prompt": 5})).title == ""


def test_the_size_is_that_of_the_entries_json_forms():
    stored = [msgspec.structs.replace(entry(message="Zürich " * n), offset=n) for n in (1, 2, 3)]
    found = folded(*stored)
    assert found.size == sum(len(encode(one)) for one in stored)
    kept = archived(found, stored[1:])
    assert (kept.archived, kept.size) == (True, sum(len(encode(one)) for one in stored[1:]))
    assert msgspec.structs.replace(kept, archived=False, size=found.size) == found


def test_an_archived_log_is_one_no_longer_when_it_goes_on():
    on = archived(folded(entry()), [entry(offset=1)]).after(entry(offset=2))
    assert (on.archived, on.last_offset, on.status) == (False, 2, "processing")


def test_the_wire_form_is_that_of_the_specification_and_more():
    wire = folded(entry(run_id="r", run_fraction=0.5, data={"owner": "me"})).notified("look", NOON).to_wire()
    assert wire.pop("size") > 0
    assert msgspec.json.decode(msgspec.json.encode(wire)) == {
        "session_id": "s1",
        "title": "",
        "created_at": NOON,
        "last_activity": NOON,
        "status": "processing",
        "has_notification": True,
        "notification": "look",
        "last_offset": 1,
        "epoch": "e1",
        "run_fraction": 0.5,
        "eta_seconds": None,
        "active_runs": [{"run_id": "r", "owner": "me", "run_fraction": 0.5}],
        "archived": False,
    }
