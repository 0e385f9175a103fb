"""A session's progress in a notebook: a widget that needs no extension to be loaded and no server.

Entries go from the kernel to the widget as messages, sent by a thread of its own: they arrive while a cell
waits, while another thread works, and while a plain loop keeps the kernel busy.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from ..entry import Entry
from ..errors import HeadwayError, LogReplaced

GATHER = 0.05  # seconds in which entries are gathered into one message

Source = Callable[[], AsyncIterator[Entry]]
"""Gives an iterator over entries, such as `ProgressLogger.tail`."""


def in_notebook() -> bool:
    """Whether this code runs in a Jupyter kernel, where widgets are shown."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def show(session_id: str, source: Source, *, run_id: str | None = None) -> Any:
    """Return a widget that shows a session, fed from *source* by a thread of its own.

    Parameters
    ----------
    session_id
        The session.
    source
        Where its entries come from, the first ones first.
    run_id
        Show this run only, and end with it.

    Raises
    ------
    HeadwayError
        The package ``anywidget`` is not there.
    """
    try:
        from .widget import ProgressWidget
    except ImportError as error:
        raise HeadwayError(
            "a notebook needs the package anywidget: pip install 'headway[jupyter]'"
        ) from error
    widget = ProgressWidget(session_id=session_id)
    feed = threading.Thread(
        target=lambda: asyncio.run(_feed(widget, source, run_id)), name="headway-widget", daemon=True
    )
    feed.start()
    widget.feed = feed
    return widget


async def _feed(widget: Any, source: Source, run_id: str | None) -> None:
    """Hand entries on as they come, those of 50 ms in one message."""
    loop = asyncio.get_running_loop()
    gathered: list[dict[str, Any]] = []

    def hand_on() -> None:
        widget.add(gathered.copy())
        gathered.clear()

    try:
        async for entry in source():
            if run_id in (None, entry.run_id):
                if not gathered:
                    loop.call_later(GATHER, hand_on)
                gathered.append(msgspec.to_builtins(entry))
                if run_id is not None and entry.terminal:
                    break
    except LogReplaced:
        widget.send({"type": "reset"})
    hand_on()
    widget.keep()
