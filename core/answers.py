"""How the recorder's thread answers those who wait for a commit.

A thread waits for a `concurrent.futures.Future`, a coroutine for a future of its event loop. Waking a loop
costs a system call, so the answers of one commit go to each loop together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

Waiting = Future[Any] | asyncio.Future[Any] | None
"""Who waits for an answer; None when nobody does."""

Outcome = Any
"""A result, or an exception, which is raised where the answer is waited for."""


def wanted(waiting: Waiting) -> bool:
    """Whether the work is to be done: whoever gave up before it begins has it left undone."""
    if isinstance(waiting, Future):
        return waiting.set_running_or_notify_cancel()
    return waiting is None or not waiting.cancelled()


def answer(answers: Iterable[tuple[Waiting, Outcome]]) -> None:
    """Give each its outcome. To be called in a thread that is no event loop's."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Outcome]]] = {}
    for waiting, outcome in answers:
        if isinstance(waiting, asyncio.Future):
            loops.setdefault(waiting.get_loop(), []).append((waiting, outcome))
        elif waiting is not None:
            _settle(waiting, outcome)
    for loop, ours in loops.items():
        try:
            loop.call_soon_threadsafe(_settle_all, ours)
        except RuntimeError:  # the loop is closed: nobody waits any more
            pass


def _settle_all(answers: list[tuple[asyncio.Future[Any], Outcome]]) -> None:
    for waiting, outcome in answers:
        if not waiting.done():  # it may have been cancelled meanwhile
            _settle(waiting, outcome)


def _settle(waiting: Future[Any] | asyncio.Future[Any], outcome: Outcome) -> None:
    if isinstance(outcome, BaseException):
        waiting.set_exception(outcome)
    else:
        waiting.set_result(outcome)
