"""A session's progress in a notebook: a widget that needs no extension to be loaded and no server.

Entries go from the kernel to the widget as messages, sent by a thread of its own: they arrive while a cell
waits, while another thread works, and while a plain loop keeps the kernel busy.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

from ..entry import Entry
from ..errors import HeadwayError, LogReplaced

ESM = Path(__file__).with_name("progress.js")
KEPT = 2_000  # entries that a widget keeps for a page that is opened later

Source = Callable[[], AsyncIterator[list[Entry]]]
"""Gives an iterator over lists of entries, such as `ProgressLogger.tail_batches`."""


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
    widget = _widget_class()(session_id=session_id)
    feed = threading.Thread(
        target=lambda: asyncio.run(_feed(widget, source, run_id)), name="headway-widget", daemon=True
    )
    feed.start()
    widget.feed = feed
    return widget


async def _feed(widget: Any, source: Source, run_id: str | None) -> None:
    try:
        async for batch in source():
            entries = [entry for entry in batch if run_id in (None, entry.run_id)]
            if entries:
                widget.add([msgspec.to_builtins(entry) for entry in entries])
                if run_id is not None and entries[-1].terminal:
                    break
    except LogReplaced:
        widget.send({"type": "reset"})
    widget.keep()


@functools.cache
def _widget_class() -> Any:
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise HeadwayError(
            "a notebook needs the package anywidget: pip install 'headway[jupyter]'"
        ) from error

    class ProgressWidget(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
        """The notebook's form of the progress view; its traits are described in ``progress.js``."""

        _esm = ESM
        session_id = traitlets.Unicode().tag(sync=True)
        url = traitlets.Unicode("kernel", allow_none=True).tag(sync=True)
        entries = traitlets.List().tag(sync=True)
        status = traitlets.Unicode("").tag(sync=True)
        run_fraction = traitlets.Float(None, allow_none=True).tag(sync=True)

        def __init__(self, **traits: Any) -> None:
            self._shown: list[dict[str, Any]] = []
            super().__init__(**traits)

        def add(self, entries: list[dict[str, Any]]) -> None:
            """Show more entries on every page that has the widget."""
            self._shown = (self._shown + entries)[-KEPT:]
            self.send({"type": "entries", "entries": entries})

        def keep(self) -> None:
            """Put what is shown into the state that is saved with the notebook."""
            self.entries = self._shown

        def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
            """Return the state with the entries so far: a page that is opened later asks for it."""
            state = super().get_state(key, drop_defaults)
            if "entries" in state:
                state["entries"] = self._shown
            return state

    return ProgressWidget
