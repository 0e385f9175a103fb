"""Entries: their bounds, their JSON form, and their times."""

import json
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway import Entry
from headway.entry import check_entry, check_session_id, decode, encode, timestamp, utc_now
from headway.errors import HeadwayError, InvalidEntry, InvalidSessionId

NOON = "2026-01-01T12:00:00.000000+00:00"


def entry(**fields) -> Entry:
    plain = {"timestamp": NOON, "step": "Read", "message": "…", "step_number": 1, "total_steps": 3}
    return Entry(**{**plain, "session_id": "s1", **fields})


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


zones = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-1439, 1439))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))


@given(moments, zones)
def test_a_timestamp_is_the_same_moment_in_utc_with_microseconds_whatever_the_zone(moment, zone):
    said = timestamp(moment.replace(tzinfo=zone))
    assert datetime.fromisoformat(said) == moment.replace(tzinfo=zone)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", said)


@pytest.mark.parametrize("utc", [UTC, timezone(timedelta(0)), timezone(timedelta(0), "Z"), ZoneInfo("UTC")])
def test_utc_is_utc_by_whatever_name(utc):
    assert timestamp(datetime(2026, 7, 1, tzinfo=utc)) == "2026-07-01T00:00:00.000000+00:00"


def test_a_time_of_a_zone_with_summer_time_is_that_of_its_day():
    berlin = ZoneInfo("Europe/Berlin")
    days = [datetime(2026, month, 1, 2, 30, tzinfo=berlin) for month in (1, 7)]
    assert [timestamp(day)[:16] for day in days] == ["2026-01-01T01:30", "2026-07-01T00:30"]


def test_a_time_without_a_zone_is_local_as_everywhere_in_python(monkeypatch):
    moment = datetime(2026, 7, 1, 2, 30)
    try:
        monkeypatch.setenv("TZ", "EST5")
        time.tzset()
        assert timestamp(moment) == "2026-07-01T07:30:00.000000+00:00"
        assert abs(datetime.fromisoformat(timestamp(datetime.now())) - utc_now()) < timedelta(minutes=1)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_times_sort_as_texts_because_all_are_in_utc():
    zone = timezone(timedelta(hours=5))
    moments = [utc_now() + timedelta(hours=n) for n in range(-3, 3)]
    said = [timestamp(moment.astimezone(zone) if n % 2 else moment) for n, moment in enumerate(moments)]
    assert said == sorted(said)
