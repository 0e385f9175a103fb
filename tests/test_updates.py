"""Updates that a later one makes superfluous: whoever passes them over ends up the same."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway import Entry
from headway.updates import compacted, supersedes


def update(offset: int = 1, **fields: Any) -> Entry:
    plain = {"step": "Read", "message": "reading", "step_number": 1, "total_steps": 3, "run_id": "r"}
    return Entry(**{"timestamp": f"t{offset:04}", "session_id": "s1", "offset": offset, **plain, **fields})


entries = st.lists(
    st.builds(
        dict,
        run_id=st.sampled_from([None, "r", "q"]),
        step_number=st.integers(1, 2),
        message=st.sampled_from(["", "a", "b"]),
        fraction=st.sampled_from([None, 0.5, 0.75]),
        status=st.sampled_from(["running"] * 6 + ["completed"]),
        key=st.sampled_from([None] * 5 + ["k"]),
        data=st.sampled_from(
            [None, {"current": 1, "total": 2}, {"current": 2}, {"question": "?"}, {"plan": ["x"]}]
        ),
    ),
    max_size=25,
).map(lambda found: [update(n, step=f"{each['step_number']}", **each) for n, each in enumerate(found, 1)])


def shown(log: list[Entry]) -> dict[str | None, list[dict[str, Any]]]:
    """Return what a view has of each run: its visits to steps, and what was said last in each."""
    runs: dict[str | None, list[dict[str, Any]]] = {}
    for entry in log:
        visits = runs.setdefault(entry.run_id, [])
        if not visits or visits[-1]["step"] != entry.step:
            visits.append({"step": entry.step, "entered": entry.timestamp, "message": "", "said": []})
        visit, data = visits[-1], entry.data or {}
        visit["message"] = entry.message or visit["message"]
        if entry.fraction is not None:
            visit["fraction"] = entry.fraction
        if "current" in data:
            visit["counts"] = data
        if entry.key or entry.terminal or data.keys() - {"current", "total"}:
            visit["said"].append((entry.key, entry.status, data))
        visit["newest"] = entry.timestamp
    return runs


@given(entries)
def test_whoever_reads_a_compacted_log_ends_up_the_same(log):
    kept = compacted(log)
    assert shown(kept) == shown(log)
    assert [entry for entry in log if entry in kept] == kept  # nothing is changed or moved
    assert kept[-1:] == log[-1:]
    assert compacted(kept) == kept


@given(entries)
def test_what_goes_on_or_has_no_run_is_not_compacted(log):
    goes_on = [
        e for e in log if e.run_id is None or not any(o.terminal and o.run_id == e.run_id for o in log)
    ]
    assert [entry for entry in compacted(log) if entry in goes_on] == goes_on


def test_of_a_thousand_updates_the_first_and_the_last_of_the_step_remain():
    log = [update(n, data={"current": n, "total": 1000, "unit": "rows"}) for n in range(1, 1001)]
    log.append(update(1001, status="completed"))
    assert [entry.offset for entry in compacted(log)] == [1, 1000, 1001]


@pytest.mark.parametrize(
    "later",
    [
        {"step": "Write"},
        {"step_number": 2},
        {"total_steps": 4},
        {"run_id": "q"},
        {"status": "completed"},
        {"message": ""},
        {"fraction": None},
        {"data": None},
    ],
)
def test_an_update_stays_when_the_next_one_does_not_say_all_that_it_said(later):
    earlier = update(1, fraction=0.5, data={"current": 1})
    assert supersedes(msgspec.structs.replace(earlier, offset=2), earlier)
    assert not supersedes(msgspec.structs.replace(earlier, offset=2, **later), earlier)


@pytest.mark.parametrize(
    "own", [{"key": "k"}, {"data": {"question": "?"}}, {"data": {"plan": []}}, {"status": "error"}]
)
def test_an_entry_that_says_something_of_its_own_stays(own):
    earlier = update(1, **own)
    assert not supersedes(update(2, data={"current": 1}), earlier)
