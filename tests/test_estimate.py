"""How much of a run is done."""

from hypothesis import given
from hypothesis import strategies as st

from headway import Plan
from headway.estimate import run_fraction

weights = st.lists(st.floats(0.01, 100), min_size=1, max_size=8)


def plan(weights: list[float]) -> Plan:
    return Plan.of("p", *((str(n), weight) for n, weight in enumerate(weights)))


def test_steps_count_by_their_weights():
    steps = Plan.of("p", "a", ("b", 3.0))
    assert [run_fraction(steps, 1, None), run_fraction(steps, 2, None), run_fraction(steps, 2, 0.5)] == [
        0.0,
        0.25,
        0.625,
    ]


@given(weights, st.data())
def test_a_run_is_never_shown_as_finished_before_its_terminal_entry(weights, data):
    number = data.draw(st.integers(1, len(weights)))
    fraction = data.draw(st.none() | st.floats(0, 1))
    assert 0 <= run_fraction(plan(weights), number, fraction) <= 0.999


@given(weights)
def test_walking_through_a_plan_never_goes_back(weights):
    walk = [run_fraction(plan(weights), n, f) for n in range(1, len(weights) + 1) for f in (None, 0.3, 1.0)]
    assert walk == sorted(walk)
