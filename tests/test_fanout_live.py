"""``live=1``: updates faster than 20 a second are left out, and nothing that anybody would miss."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as some
from websockets.asyncio.client import connect

from headway.dashboard.routes.coalesce import PERIOD, coalesce
from headway.entry import Entry, timestamp

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def entry(after=0.0, step=1, **more):
    """Return an entry so many milliseconds after the beginning."""
    fields = {"step": f"Step {step}", "message": "", "run_id": "r1"} | more
    at = timestamp(BEGIN + timedelta(milliseconds=after))
    return Entry(timestamp=at, step_number=step, total_steps=3, session_id="s1", **fields)


fractions = some.sampled_from([None, 0.2, 0.6, 0.6, 1.0])
updates = some.builds(
    entry,
    after=some.integers(0, 300),
    step=some.sampled_from([1, 1, 1, 2, 3]),
    run_id=some.sampled_from(["r1", "r1", "r1", None]),
    message=some.sampled_from(["", "a", "b"]),
    fraction=fractions,
    run_fraction=some.none() | some.floats(0, 1),
    status=some.sampled_from(["running"] * 4 + ["completed", "error"]),
    data=some.sampled_from([None, None, {"current": 1}, {"current": 2, "total": 9}, {"artifacts": []}]),
)
logs = some.lists(updates, min_size=8, max_size=30).map(
    lambda log: sorted(log, key=lambda one: one.timestamp)
)


def shown(log):
    """Return what a view shows of a log in the end: of each run its steps, and how it stands."""
    runs = {}
    for one in log:
        run = runs.setdefault(one.run_id, {"overall": 0.0, "steps": {}})
        row = run["steps"].setdefault((one.step_number, one.step), {"message": "", "fraction": None})
        row["message"] = one.message or row["message"]
        row["fraction"] = row["fraction"] if one.fraction is None else one.fraction
        if one.data and "current" in one.data:
            row["count"] = one.data
        run |= {"status": one.status, "now": one.step_number, "eta": one.eta_seconds}
        run["overall"] = max(run["overall"], one.run_fraction or 0.0)
    return runs


@given(logs)
def test_a_view_ends_up_the_same(log):
    assert shown([log[place] for place in coalesce(log)]) == shown(log)


@given(logs, some.data())
def test_it_ends_up_the_same_wherever_the_log_is_cut_in_parts(log, data):
    cut = data.draw(some.integers(0, len(log)))
    first = [log[place] for place in coalesce(log[:cut])]
    second = [log[cut:][place] for place in coalesce(log[cut:], log[cut - 1] if cut else None)]
    assert shown(first) == shown(log[:cut]) and shown(first + second) == shown(log)


@given(logs)
def test_what_is_more_than_an_update_is_kept_and_the_order_is_that_of_the_log(log):
    places = coalesce(log)
    assert places == sorted(set(places))
    met, needed = set(), set()
    for place, one in enumerate(log):
        step = (one.run_id, one.step_number)
        if step not in met or one.terminal or (one.data and "artifacts" in one.data):
            needed.add(place)
        met.add(step)
    last = {one.run_id: place for place, one in enumerate(log)}
    assert needed | set(last.values()) <= set(places)


@given(some.lists(some.integers(0, 2_000), min_size=1, max_size=300))
def test_of_one_step_20_updates_a_second_are_kept_and_the_last(times):
    log = [entry(at, fraction=1.0) for at in sorted(times)]
    kept = [datetime.fromisoformat(log[place].timestamp) for place in coalesce(log)]
    assert all(
        later - earlier >= PERIOD for earlier, later in pairwise(kept[1:])
    )  # the first begins the step
    assert coalesce(log)[-1] == len(log) - 1


def test_a_step_that_is_entered_again_is_shown_again():
    log = [entry(0, 1), entry(1, 2), entry(2, 1), entry(3, 2)]
    assert coalesce(log) == [0, 1, 2, 3]


def test_a_live_reader_gets_at_most_20_updates_a_second_and_the_last_one(server):
    """The others get all of them; what is logged is not changed."""
    count = 3_000

    def write():
        for number in range(1, count + 1):
            server.runtime.logger.log(
                "s1", "Loading", f"{number} rows", 1, 1, run_id="r1", fraction=number / count,
                durability="process",
            )  # fmt: skip

    async def view(query):
        seen = []
        async with connect(f"{server.ws}/ws/progress/s1?{query}") as viewer:
            while not seen or seen[-1]["offset"] < count:
                seen.append(json.loads(await viewer.recv()))
        return seen

    async def scene():
        async with asyncio.timeout(60):
            views = [asyncio.create_task(view(query)) for query in ("live=1", "")]
            await asyncio.to_thread(write)
            live, whole = await asyncio.gather(*views)
            return live, whole, await view("live=1")

    live, whole, replayed = asyncio.run(scene())
    logged = json.loads(msgspec.json.encode(server.runtime.logger.get_progress_logs("s1")))
    assert whole == logged and live[-1] == replayed[-1] == logged[-1]
    began, ended = (datetime.fromisoformat(logged[place]["timestamp"]) for place in (0, -1))
    # One in each flush, those that catch up at first, and where the machine stood still the one before.
    assert len(live) <= 2 * (ended - began) / PERIOD + 10
    assert len(replayed) <= len(live)
