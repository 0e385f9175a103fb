"""The list of sessions: live, with unread dots, to select, rename and delete."""

from __future__ import annotations

import param
from panel.custom import JSComponent

from .remote import remote_module, style


class SessionList(JSComponent):
    """The sessions of this server, newest activity first.

    The browser keeps it current by ``/ws/sessions``, or by looking every 5 seconds while that socket is down.
    It needs the routes of `headway.dashboard.routes` on the same server.
    """

    session_id = param.String(
        default="",
        doc="""
        The selected session, whose notification counts as read while the page is in sight. Empty is a new
        chat.""",
    )

    drawer = param.Boolean(
        default=True,
        doc="""
        Set to false when a session was chosen on a narrow screen, where the list lies above the page; link it
        to what opens and closes the list.""",
    )

    _esm = remote_module("sessions.js")
    _stylesheets = [style("sessions.css")]  # noqa: RUF012 (Panel's own declaration)

    def __init__(self, **params):
        super().__init__(**{"sizing_mode": "stretch_both", **params})
