"""Plans: the named, ordered, weighted steps of a request type."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .bounds import MAX_STEP, MAX_STEPS, check_text


@dataclass(frozen=True)
class Step:
    """A named stage of a plan.

    Attributes
    ----------
    name
        1..200 characters, unique in its plan.
    weight
        Its usual share of the run's time, relative to the other steps; finite, above 0.
    """

    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class Plan:
    """The ordered steps of a request type.

    Attributes
    ----------
    name
        What the plan is for, such as ``chart``.
    steps
        At least one step; no name twice.
    """

    name: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        """Refuse a plan that a run could not walk through."""
        if not self.steps:
            raise ValueError(f"the plan {self.name!r} has no steps; allowed: one or more")
        if len(self.steps) > MAX_STEPS:
            raise ValueError(f"the plan {self.name!r} has {len(self.steps)} steps; allowed: {MAX_STEPS}")
        seen: set[str] = set()
        for step in self.steps:
            check_text(f"a step of the plan {self.name!r}", step.name, 1, MAX_STEP)
            if not 0 < step.weight < math.inf:
                raise ValueError(
                    f"the step {step.name!r} weighs {step.weight!r}; allowed: a finite number above 0"
                )
            if step.name in seen:
                raise ValueError(f"the plan {self.name!r} has the step {step.name!r} twice; names are unique")
            seen.add(step.name)

    @classmethod
    def of(cls, name: str, *steps: str | tuple[str, float] | Step) -> Plan:
        """Return a plan from step names, ``(name, weight)`` pairs and steps.

        Examples
        --------
        >>> Plan.of("load", "Read", ("Clean", 3.0), "Write").names
        ('Read', 'Clean', 'Write')
        """
        return cls(name, tuple(_step(step) for step in steps))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the steps, in order."""
        return tuple(step.name for step in self.steps)

    def number(self, name: str) -> int | None:
        """Return the 1-based place of a step; None when the plan does not have it."""
        return self.names.index(name) + 1 if name in self.names else None

    def extended(self, name: str) -> Plan:
        """Return the plan with one more step at its end: an undeclared step is appended, never lost."""
        return Plan(self.name, (*self.steps, Step(name)))


def _step(step: str | tuple[str, float] | Step) -> Step:
    if isinstance(step, Step):
        return step
    return Step(step) if isinstance(step, str) else Step(*step)
