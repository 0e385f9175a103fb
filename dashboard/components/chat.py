"""The chat of one session: prompts, live progress, results, composer."""

from __future__ import annotations

from typing import Any

import param
from panel.custom import JSComponent
from panel.io.resources import BUNDLE_DIR, LOCAL_DIST

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

    address = param.Boolean(
        default=False,
        constant=True,
        doc="""
        Whether the page's address names the session (``?session=``), so that a reload and the browser's back
        button find it.""",
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

    def __init__(self, **params: Any) -> None:
        super().__init__(**{"chart_scripts": _vega(), "sizing_mode": "stretch_both", **params})


def _vega() -> list[str]:
    """Return where Panel serves its own copy of Vega.

    By hand: whoever imports Panel's Vega model has 0.8 MB of scripts loaded with each page, chart or not.
    """
    folder = BUNDLE_DIR / "vegaplot"
    found = [next(folder.glob(f"{name}@*")) for name in ("vega", "vega-lite", "vega-embed")]
    return [f"{LOCAL_DIST}bundled/vegaplot/{path.name}" for path in found]
