"""The page: a Material shell around `SessionList` and `Chat`, wired to each other and to the address."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.util import edit_readonly
from panel_material_ui.template.base import parse_template

from .components.chat import Chat
from .components.remote import SCRIPTS
from .components.session_list import SessionList

__all__ = ["page"]

TITLE = "Headway"
SANS = '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


def _palette(**colours: Any) -> dict[str, Any]:
    return {"palette": colours, "typography": {"fontFamily": SANS}}


THEME = {
    "light": _palette(
        primary={"main": "#3457d5", "contrastText": "#ffffff"},
        success={"main": "#1a7f4e"},
        error={"main": "#c0354b"},
        warning={"main": "#946200"},
        background={"default": "#ffffff", "paper": "#ffffff"},
        text={"primary": "#1a1d23", "secondary": "#5c6370"},
        divider="#1a1d231f",
    ),
    "dark": _palette(
        primary={"main": "#8ba6ff", "contrastText": "#10131a"},
        success={"main": "#5cc793"},
        error={"main": "#ff8a97"},
        warning={"main": "#e6b450"},
        background={"default": "#15171c", "paper": "#1c1f26"},
        text={"primary": "#e8eaef", "secondary": "#a0a7b4"},
        divider="#e8eaef1f",
    ),
}

# A flat bar and a sidebar that differ from the page by a shade, in both themes.
SHELL = {
    "& .header": {
        "backgroundColor": "var(--mui-palette-background-default)",
        "backgroundImage": "none",
        "color": "var(--mui-palette-text-primary)",
        "boxShadow": "none",
        "borderBottom": "1px solid var(--mui-palette-divider)",
    },
    "& .header .title": {
        "color": "var(--mui-palette-text-primary)",
        "fontSize": "18px",
        "fontWeight": 600,
        "letterSpacing": "-.01em",
    },
    "& .MuiToolbar-root": {"minHeight": "56px", "margin": 0},
    "& .header .MuiLinearProgress-root": {"display": "none"},
    "& .sidebar": {
        "backgroundColor": "color-mix(in srgb, var(--mui-palette-text-primary) 3%, var(--mui-palette-background-default))",
        "backgroundImage": "none",
    },
    "& .main": {"backgroundColor": "var(--mui-palette-background-default)"},
}

# Before Panel has loaded: the reader's theme and the colour of the page. Panel's spinner over everything is
# left out, and so is its wrapper around WebSocket, which serves the spinner alone.
TEMPLATE = """\
{% extends "base.html" %}
{% block preamble %}{{ super() }}
<script>
  (root => {
    let theme = null
    try { theme = localStorage.getItem("headway.theme") } catch {}
    theme ??= matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"
    root.dataset.headway = ""
    root.dataset.theme = root.style.colorScheme = theme
  })(document.documentElement)
</script>
<style>
  html[data-headway] { background: #ffffff } html[data-headway][data-theme=dark] { background: #15171c }
</style>
{% for name in scripts %}<link rel="modulepreload" href="headway/{{ name }}">
{% endfor %}{% endblock %}
{% block inner_body %}
{% block contents %}
{% for doc in docs %}{{ embed(doc) if doc.elementid }}{% for root in doc.roots %}{{ embed(root) }}{% endfor %}{% endfor %}
{% endblock %}
{{ plot_script | indent(4) }}
{% endblock %}
"""


def page() -> pmui.Page:
    """Return a new page; one is made for each browser tab."""
    sessions = SessionList()
    chat = Chat()
    shell = pmui.Page(
        title=TITLE,
        main=[chat],
        sidebar=[sessions],
        sidebar_width=288,
        busy_indicator=None,
        theme_config=THEME,
        sx=SHELL,
        site_url="./",
        template=parse_template(
            TEMPLATE.replace("{% for name in scripts %}", f"{{% for name in {SCRIPTS} %}}")
        ),
    )
    with edit_readonly(shell):  # else every page hears of the work of every other one
        shell.busy = False
    sessions.jslink(chat, session_id="session_id", bidirectional=True)
    sessions.jslink(shell, drawer="sidebar_open", bidirectional=True)
    if pn.state.location is not None:
        pn.state.location.sync(chat, {"session_id": "session"})
        sessions.session_id = chat.session_id
    return shell
