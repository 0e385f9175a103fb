"""A request type: what can be asked, the plan that it follows, and the work that it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..live_run import Run
from ..plans import Plan


@dataclass(frozen=True)
class Request:
    """One request type.

    Attributes
    ----------
    name
        ``chart``, ``file``, ``text``, or what a user registers.
    plan
        The steps that its runs walk through.
    work
        Called as ``work(prompt, run)`` in a worker thread; a coroutine function is run to its end there.
    words
        Words of a prompt that tell that this type is meant.
    examples
        Prompts that work.
    """

    name: str
    plan: Plan
    work: Callable[[str, Run], Any]
    words: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
