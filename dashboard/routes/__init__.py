"""The routes of Headway, for any Tornado server that has Panel's: one file per transport.

``ROUTES`` is what ``panel serve --plugins headway.dashboard.routes`` and
``pn.serve(..., extra_patterns=ROUTES)`` take.
"""

from __future__ import annotations

from . import components, files, rest, sse, ws

ROUTES = [
    *rest.ROUTES,
    *ws.ROUTES,
    *sse.ROUTES,
    *files.ROUTES,
    *components.ROUTES,
    (r"/api/(.*)", rest.Nowhere),
]

__all__ = ["ROUTES"]
