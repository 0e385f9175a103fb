"""Where a run is shown outside the dashboard: a notebook, a terminal; and the web component."""
