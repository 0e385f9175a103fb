"""The whole page, for `panel serve`."""

from headway.dashboard.app import page

page().servable()
