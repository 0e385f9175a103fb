"""How much of a run is done: pure functions of its plan and of where it is."""

from __future__ import annotations

from .plans import Plan

NOT_YET = 0.999  # a run without its terminal entry is never shown as finished


def run_fraction(plan: Plan, step_number: int, fraction: float | None) -> float:
    """Return how much of a run is done, 0..1, by the weights of its steps.

    Parameters
    ----------
    plan
        The plan that the run follows.
    step_number
        The 1-based step that the run is in.
    fraction
        How much of that step is done; None when it cannot be measured, which counts as nothing.

    Returns
    -------
    float
        At most 0.999: only the terminal entry of a completed run says 1.
    """
    weights = [step.weight for step in plan.steps]
    done = sum(weights[: step_number - 1]) + weights[step_number - 1] * (fraction or 0.0)
    return min(NOT_YET, round(done / sum(weights), 4))
