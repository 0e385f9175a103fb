"""`ProgressLog`: the live progress of one session, as a Panel component."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from typing import Any

import param
from panel.custom import JSComponent

from headway import Entry
from headway.dashboard.client import tail
from headway.tracking import default_logger
from headway.views.notebook import show


class ProgressLog(JSComponent):
    """Each run of a session with its steps, bars, elapsed time and connection state.

    The browser opens ``/ws/progress/{session_id}`` itself; nothing goes through Bokeh but `status` and
    `run_fraction`. The file behind it, ``headway/views/progress.js``, is a web component and the notebook
    widget as well.
    """

    session_id = param.String(default="", doc="The session to follow; empty shows nothing.")

    url = param.String(
        default="",
        allow_None=True,
        doc="""
        Where the server is, such as "https://progress.example.org/"; empty is the page's own server, None
        means that there is none and `entries` says all.""",
    )

    entries = param.List(
        default=[],
        doc="""
        Entries (as in the wire contract) to show where there is no server; ignored where there is one.""",
    )

    status = param.String(
        default="",
        doc="""
        Status of the session's latest run: "running" until its last entry, then "completed", "error",
        "cancelled" or "interrupted". Set by the browser.""",
    )

    run_fraction = param.Number(
        default=0.0,
        bounds=(0, 1),
        doc="""
        How much of the latest run is done. Set by the browser, at most four times a second.""",
    )

    on_complete = param.Callable(
        default=None,
        doc="""
        Called with the status when the latest run has ended.""",
    )

    _esm = (files("headway.views") / "progress.js").read_text("utf-8")
    _rename = {"on_complete": None}  # noqa: RUF012 (Panel's own declaration)

    def __init__(self, *, on_complete: Callable[[str], Any] | None = None, **params):
        super().__init__(**{"sizing_mode": "stretch_width", "on_complete": on_complete, **params})

    @param.depends("status", watch=True)
    def _ended(self) -> None:
        if self.on_complete is not None and self.status not in ("", "running"):
            self.on_complete(self.status)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """Show the notebook's own widget: no extension is loaded, and the kernel holds the connection."""
        return show(self.session_id, self._entries)._repr_mimebundle_(include=include, exclude=exclude)

    def _entries(self) -> AsyncIterator[Entry]:
        return tail(self.url, self.session_id) if self.url else default_logger().tail(self.session_id)
