"""The widget that a notebook shows; imported only there, for it needs the packages of a notebook."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import anywidget
import traitlets

KEPT = 2_000  # entries that a widget keeps for a page that is opened later
SETTLE = 10.0  # seconds in which a page has taken up a new widget; messages before that reach nobody


class ProgressWidget(anywidget.AnyWidget):
    """The notebook's form of the progress view; its traits are described in ``progress.js``."""

    _esm = Path(__file__).with_name("progress.js")
    session_id = traitlets.Unicode().tag(sync=True)
    url = traitlets.Unicode("kernel", allow_none=True).tag(sync=True)
    entries: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    run_fraction = traitlets.Float(None, allow_none=True).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._shown: list[dict[str, Any]] = []
        self._kept_at = time.monotonic()
        self._settled_at = self._kept_at + SETTLE
        super().__init__(**traits)

    def add(self, entries: list[dict[str, Any]]) -> None:
        """Show more entries on every page that has the widget.

        They go as messages, which cost the same however long the log is. A message that comes while a
        page is still loading the view is lost, so the state tells them as well: always at first, now
        and then later.
        """
        self._shown = (self._shown + entries)[-KEPT:]
        now = time.monotonic()
        if now < self._settled_at or now - self._kept_at > SETTLE:
            self.keep()
        elif entries:
            self.send({"type": "entries", "entries": entries})

    def keep(self) -> None:
        """Put what is shown into the widget's state, which is saved with the notebook."""
        self._kept_at = time.monotonic()
        self.entries = self._shown

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """Return the state with the entries so far: a page that is opened later asks for it."""
        state = super().get_state(key, drop_defaults)
        if "entries" in state:
            state["entries"] = self._shown
        return state
