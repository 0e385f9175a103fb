"""The chat of one session: prompts, live progress, results, composer."""

from __future__ import annotations

import param
from panel.custom import JSComponent
from panel.models.vega import VegaPlot

from .remote import remote_module, style


class Chat(JSComponent):
    """A session's transcript, drawn by the browser from the session's log alone, and a composer below it.

    No entry travels through Bokeh: the component opens ``/ws/progress/{session_id}`` itself, so it goes on
    working when its document is gone. It needs the routes of `headway.dashboard.routes` on the same server.
    """

    session_id = param.String(
        default="",
        doc="""
        Which session is shown. Empty is a new chat: its session is made by the first prompt, and its id
        comes back here.""",
    )

    chart_scripts = param.List(
        default=[],
        item_type=str,
        constant=True,
        doc="""
        Addresses, relative to the server's root, of Vega, Vega-Lite and Vega-Embed, in this order.""",
    )

    _esm = remote_module("chat.js")
    _stylesheets = [style("chat.css")]  # noqa: RUF012 (Panel's own declaration)

    def __init__(self, **params):
        super().__init__(
            **{"chart_scripts": VegaPlot.__javascript__, "sizing_mode": "stretch_both", **params}
        )
