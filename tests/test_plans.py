"""Plans: named, ordered, weighted steps."""

import math

import pytest

from headway import Plan, Step


def test_a_plan_is_made_of_names_pairs_and_steps():
    plan = Plan.of("load", "Read", ("Clean", 3.0), Step("Write", 2.0))
    assert plan == Plan("load", (Step("Read"), Step("Clean", 3.0), Step("Write", 2.0)))
    assert plan.names == ("Read", "Clean", "Write")


def test_the_number_of_a_step_is_its_place_from_one():
    plan = Plan.of("load", "Read", "Clean")
    assert [plan.number(name) for name in ("Read", "Clean", "Write")] == [1, 2, None]


def test_an_undeclared_step_is_appended():
    assert Plan.of("load", "Read").extended("Write") == Plan.of("load", "Read", "Write")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), "has no steps"),
        ((Step(""),), "1 to 200 characters"),
        ((Step("x" * 201),), "1 to 200 characters"),
        ((Step("\ud800"),), "UTF-8"),
        ((Step("a", 0),), "above 0"),
        ((Step("a", -1),), "above 0"),
        ((Step("a", math.inf),), "finite"),
        ((Step("a", math.nan),), "finite"),
        ((Step("a"), Step("b"), Step("a")), "twice"),
        (tuple(Step(str(n)) for n in range(10_001)), "10000"),
    ],
)
def test_a_plan_that_no_run_could_walk_through_is_refused(steps, said):
    with pytest.raises(ValueError, match=said):
        Plan("load", steps)
