"""Entries and sessions: their bounds, their JSON form, and the session as a fold of its log."""

import json
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway import Entry, Session
from headway.entry import check_entry, check_session_id, decode, encode, timestamp
from headway.errors import HeadwayError, InvalidEntry, InvalidSessionId
from headway.session import check_title, title_from

NOON = "2026-01-01T12:00:00.000000+00:00"


def entry(**fields) -> Entry:
    plain = {"timestamp": NOON, "step": "Read", "message": "…", "step_number": 1, "total_steps": 3}
    return Entry(**{**plain, "session_id": "s1", **fields})


def session(**fields) -> Session:
    return Session(**{"session_id": "s1", "title": "", "created_at": NOON, "last_activity": NOON, **fields})


def test_an_entry_logged_with_the_plain_arguments_is_the_six_fields_and_its_offset():
    assert json.loads(encode(entry(offset=1))) == {
        "timestamp": NOON,
        "step": "Read",
        "message": "…",
        "step_number": 1,
        "total_steps": 3,
        "session_id": "s1",
        "offset": 1,
    }


def test_the_json_form_is_one_line_of_utf_8():
    line = encode(entry(message="two\nlines, Zürich"))
    assert b"\n" not in line and "Zürich".encode() in line


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    message=st.text(max_size=50),
    fraction=st.none() | st.floats(0, 1),
    data=st.none() | st.dictionaries(st.text(max_size=9), values, max_size=3),
)
def test_what_is_checked_is_what_comes_back_from_its_json_form(message, fraction, data):
    try:
        checked = check_entry(entry(message=message, fraction=fraction, data=data))
    except InvalidEntry as error:
        assert "UTF-8" in str(error) or "JSON" in str(error)
    else:
        assert decode(encode(checked)) == checked


def test_values_of_numpy_and_enumerations_become_plain_ones():
    class Stage(StrEnum):
        READ = "Read"

    data = {"rows": np.int64(3), "mean": np.float64(0.5), "ok": np.bool_(True)}
    checked = check_entry(entry(step=Stage.READ, fraction=np.float64(0.25), data=data))
    assert type(checked.step) is str and type(checked.fraction) is float
    assert decode(encode(checked)) == entry(fraction=0.25, data={"rows": 3, "mean": 0.5, "ok": True})


def test_what_a_caller_does_to_its_data_afterwards_changes_no_entry():
    rows = [1]
    checked = check_entry(entry(data={"rows": rows}))
    rows.append(2)
    assert checked.data == {"rows": [1]}


def nested(depth: int) -> dict:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return {"a": value}


itself: dict = {}
itself["itself"] = itself


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("step", ""),
        ("step", "x" * 201),
        ("step", None),
        ("message", "x" * 8193),
        ("message", "\ud800"),
        ("step_number", 0),
        ("step_number", 4),
        ("step_number", True),
        ("step_number", 1.0),
        ("total_steps", 10_001),
        ("status", "done"),
        ("run_id", "../x"),
        ("fraction", -0.1),
        ("fraction", 1.1),
        ("fraction", float("nan")),
        ("fraction", True),
        ("run_fraction", 2),
        ("eta_seconds", -1),
        ("eta_seconds", float("inf")),
        ("key", ""),
        ("data", []),
        ("data", {"a": object()}),
        ("data", {"a": "x" * 16_384}),
        ("data", nested(33)),
        ("data", nested(2_000)),
        ("data", itself),
    ],
)
def test_a_field_out_of_its_bounds_is_refused_and_named(field, value):
    with pytest.raises(InvalidEntry) as caught:
        check_entry(entry(**{field: value}))
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} is ") and "allowed: " in str(caught.value)
    assert len(str(caught.value)) < 300
    assert isinstance(caught.value, ValueError | HeadwayError)


def test_the_bounds_themselves_are_allowed():
    widest = entry(
        step="x" * 200,
        message="x" * 8192,
        step_number=10_000,
        total_steps=10_000,
        fraction=1,
        data=nested(31),
        key="k" * 200,
        run_id="r" * 200,
    )
    assert check_entry(widest) == widest


@pytest.mark.parametrize("good", ["a", "0", "A-b_c", "x" * 128, "con1", "console"])
def test_a_session_id_is_letters_digits_dashes_and_underscores(good):
    assert check_session_id(good) == good


@pytest.mark.parametrize(
    "bad", ["", "-a", "_a", "x" * 129, "a/b", "..", "a.b", "a\n", "ä", "CON", "lpt1", "nul", None, 5]
)
def test_what_a_file_system_could_misread_is_no_session_id(bad):
    with pytest.raises(InvalidSessionId, match="is not a session id"):
        check_session_id(bad)


def test_a_timestamp_is_utc_with_microseconds_whatever_the_zone():
    moment = datetime(2026, 7, 1, 2, 30, tzinfo=timezone(timedelta(hours=5)))
    assert timestamp(moment) == "2026-06-30T21:30:00.000000+00:00"
    assert timestamp(datetime(2026, 7, 1, tzinfo=UTC)) == "2026-07-01T00:00:00.000000+00:00"


def test_a_title_is_one_line_of_at_most_80_characters():
    assert title_from("  Monthly\n revenue ") == "Monthly revenue"
    assert title_from("x" * 80) == "x" * 80
    assert title_from("word " * 40) == ("word " * 40)[:79].rstrip() + "…"
    assert check_title(" a\nb ") == "a b"
    with pytest.raises(InvalidEntry, match="title is"):
        check_title("x" * 201)


# --- a session is a fold of its log


def test_entries_without_a_run_keep_a_session_processing_until_a_terminal_one_or_a_notification():
    begun = session().after(entry(offset=1))
    assert (begun.status, begun.active_runs, begun.last_offset) == ("processing", ("",), 1)
    ended = begun.after(entry(offset=2, status="completed", message="all done"))
    assert (ended.status, ended.active_runs, ended.notification) == ("completed", (), "all done")
    told = begun.notified("look", NOON)
    assert (told.status, told.active_runs, told.notification) == ("completed", (), "look")


@pytest.mark.parametrize(
    ("status", "shown"),
    [("completed", "completed"), ("error", "error"), ("cancelled", "error"), ("interrupted", "error")],
)
def test_the_end_of_a_run_decides_the_status_and_leaves_a_notification(status, shown):
    ended = session().after(entry(offset=1, run_id="r")).after(entry(offset=2, run_id="r", status=status))
    assert (ended.status, ended.has_notification) == (shown, True)


def test_a_session_is_processing_while_any_of_its_runs_is():
    both = session().after(entry(offset=1, run_id="a")).after(entry(offset=2, run_id="b"))
    assert both.active_runs == ("a", "b")
    one = both.after(entry(offset=3, run_id="a", status="completed"))
    assert (one.status, one.active_runs, one.has_notification) == ("processing", ("b",), True)
    assert one.notified("x", NOON).status == "processing"  # a notification ends no run


def test_a_run_that_ends_while_somebody_watches_leaves_no_notification():
    ended = session().after(entry(offset=1, run_id="r", status="completed"), watched=True)
    assert not ended.has_notification


def test_the_first_prompt_is_the_title_and_stays_it():
    asked = session().after(entry(offset=1, data={"prompt": "Monthly  revenue"}))
    assert asked.after(entry(offset=2, data={"prompt": "Exports"})).title == "Monthly revenue"
    named = session().after(entry(offset=1, data={"prompt": "p", "title": "Named"}))
    assert named.title == "Named"


def test_the_wire_form_is_that_of_the_specification_and_more():
    wire = session(epoch="e1", notification="look").to_wire()
    assert wire == {
        "session_id": "s1",
        "title": "",
        "created_at": NOON,
        "last_activity": NOON,
        "status": "completed",
        "has_notification": True,
        "notification": "look",
        "last_offset": 0,
        "epoch": "e1",
        "run_fraction": None,
        "eta_seconds": None,
        "active_runs": (),
    }
