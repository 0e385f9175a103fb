"""How many entries a second a client may log over the network."""

from __future__ import annotations

import httpx
from hypothesis import given
from hypothesis import strategies as st

from headway.dashboard.rates import BURST, PRODUCERS, Rates


class Clock:
    """Seconds that a test lets pass."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.integers(1, BURST), st.floats(0, 5)), max_size=40))
def test_nobody_logs_more_than_the_burst_and_the_rate_together(asked):
    clock = Clock()
    rates, taken = Rates(100.0, clock), 0
    for entries, pause in asked:
        if rates.take("a", entries) == 0:
            taken += entries
        clock.now += pause
        assert taken <= BURST + 100.0 * (clock.now - 100.0) + 1e-6


@given(st.integers(1, BURST), st.integers(1, BURST))
def test_who_waits_as_long_as_told_may_go_on(first, second):
    clock = Clock()
    rates = Rates(10.0, clock)
    assert rates.take("a", first) == 0
    clock.now += rates.take("a", second) * (1 + 1e-9)
    assert rates.take("a", second) == 0 or first + second <= BURST


def test_each_producer_has_a_bucket_of_its_own_and_strangers_do_not_fill_the_memory():
    rates = Rates(1.0, Clock())
    assert [rates.take(name, BURST) for name in ("a", "b")] == [0, 0]
    assert rates.take("a", 10) == 10
    for n in range(PRODUCERS):
        rates.take(f"stranger {n}", 1)
    assert len(rates._buckets) == PRODUCERS


def test_too_many_entries_a_second_are_refused_with_the_seconds_to_wait(serving):
    entry = {"step": "Read", "message": "", "step_number": 1, "total_steps": 1}
    with serving(max_rate=1) as server:
        answers = [httpx.post(f"{server.url}/api/progress/s1", json=[entry] * 600) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 429]
        assert 195 <= int(answers[1].headers["Retry-After"]) <= 200
        assert answers[1].headers["Content-Type"] == "application/problem+json"
        assert "too many entries a second" in answers[1].json()["detail"]
        assert server.runtime.logger.session("s1").last_offset == 600  # the refused ones are not there


def test_a_full_log_is_refused_and_says_so_itself(serving):
    entry = {"step": "Read", "message": "", "step_number": 1, "total_steps": 1, "run_id": "r"}
    with serving(max_entries=2) as server:
        place = f"{server.url}/api/progress/s1"
        codes = [httpx.post(place, json=entry).status_code for _ in range(4)]
        assert codes == [201, 201, 413, 413]
        log = httpx.get(place).json()["logs"]
        assert [e["message"] for e in log[2:]] == [
            "The log is full: it may have 2 entries. Go on in another session."
        ]
        assert httpx.post(place, json=entry | {"status": "completed"}).status_code == 201


def test_a_log_that_had_no_room_for_so_many_at_once_is_not_yet_full_and_does_not_say_so(serving):
    entry = {"step": "Read", "message": "", "step_number": 1, "total_steps": 1}
    with serving(max_entries=2) as server:
        place = f"{server.url}/api/progress/s1"
        asked = [entry, [entry, entry], entry, entry]
        assert [httpx.post(place, json=body).status_code for body in asked] == [201, 413, 201, 413]
        log = httpx.get(place).json()["logs"]
        assert [e.get("data") for e in log] == [None, None, {"log_full": 2}]  # at the end, where it is true
