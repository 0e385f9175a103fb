"""The request types: one file each, one row in `REQUESTS`; users register theirs with `request_type`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..live_run import Run
from ..plans import Plan
from .chart import CHART
from .file import FILE
from .request import Request
from .text import TEXT

__all__ = ["REQUESTS", "Request", "describe", "recognise", "request_type"]

REQUESTS: dict[str, Request] = {request.name: request for request in (CHART, FILE, TEXT)}
"""Name -> request type."""

# "Orders per month" and "how did sales develop" show best as a chart, whatever question word they begin with.
_SHAPES = re.compile(
    r"\b(by|per|each|over time|over the years|trends?|develop\w*|evol\w+|top"
    r"|(?:hour|dai|week|month|quarter|year)ly|versus|vs|compare|share|distribution|correlation)\b"
)

_CHANGED = re.compile(r"\bwhat (?:has |have )?(?:changed|happened)\b")


def recognise(prompt: str) -> str:
    """Return the name of the request type that a prompt asks for.

    The type that the prompt has most words of; a type that users registered before ours, and a file before a
    chart ("save the chart data as csv"). Without such a word, and for plain questions that name groups, a
    chart.
    """
    text = prompt.lower()
    words = re.findall(r"\w+", text)
    counts = {name: sum(word in request.words for word in words) for name, request in REQUESTS.items()}
    registered = {name: n for name, n in counts.items() if n and name not in ("chart", "file", "text")}
    if registered:
        return max(registered, key=lambda name: registered[name])
    if counts["file"] and counts["file"] >= counts["chart"]:
        return "file"
    if counts["chart"]:
        return "chart"
    if counts["text"] and _CHANGED.search(text):
        return "text"
    asks_for_words = counts["text"] > sum(word in ("what", "which", "many", "who", "tell") for word in words)
    if counts["text"] and (asks_for_words or not _SHAPES.search(text)):
        return "text"
    return "chart"


def request_type(
    name: str,
    steps: Sequence[str | tuple[str, float]],
    *,
    words: Sequence[str] = (),
    examples: Sequence[str] = (),
) -> Callable[[Callable[[str, Run], Any]], Callable[[str, Run], Any]]:
    """Register the decorated function ``(prompt, run)``, plain or async, as a request type.

    Parameters
    ----------
    name
        Its name on the wire.
    steps
        Its plan: names, or ``(name, weight)``.
    words
        Words of a prompt that mean this type; its name always does.
    examples
        Prompts that work.

    Raises
    ------
    ValueError
        The name is taken, or the steps are no plan.
    """

    def register(work: Callable[[str, Run], Any]) -> Callable[[str, Run], Any]:
        if name in REQUESTS:
            raise ValueError(f"the request type {name!r} is there already; known: {', '.join(REQUESTS)}")
        plan = Plan.of(name, *steps)
        recogniser = (name.lower(), *(word.lower() for word in words))
        REQUESTS[name] = Request(name, plan, work, recogniser, tuple(examples))
        return work

    return register


def describe(examples: Mapping[str, Sequence[str]] | None = None) -> list[dict[str, Any]]:
    """Return the request types with their plans and examples, as ``GET /api/request-types`` tells them.

    ``examples`` has prompts by the name of a type; they take the place of its own.
    """
    examples = examples or {}
    return [
        {
            "type": request.name,
            "plan": [{"name": step.name, "weight": step.weight} for step in request.plan.steps],
            "examples": list(examples.get(request.name, request.examples)),
        }
        for request in REQUESTS.values()
    ]
