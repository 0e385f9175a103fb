"""A page of one's own with one of our parts, for `panel serve`."""

import panel as pn

from headway.dashboard.components import ProgressLog

said = pn.pane.Str("waiting")


def ended(status: str) -> None:
    said.object = f"ended: {status}"


pn.Column(ProgressLog(session_id="part", on_complete=ended), said).servable()
