"""The page: a Material shell around `SessionList` and `Chat`, wired to each other and to the address."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.io.resources import LOCAL_DIST
from panel.util import edit_readonly
from panel_material_ui.template.base import parse_template

from headway.entry import check_session_id
from headway.errors import InvalidSessionId

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
        "backgroundColor": "color-mix(in srgb, var(--mui-palette-text-primary) 3%, "
        "var(--mui-palette-background-default))",
        "backgroundImage": "none",
    },
    "& [aria-label='Resize sidebar']:not(:hover)": {"border": 0},
    "& .main": {"backgroundColor": "var(--mui-palette-background-default)"},
}

# On narrow screens Material's drawer is open at first and folds away at once: nobody has to see that.
DRAWER = ".MuiDrawer-modal { visibility: var(--headway-drawer, visible) }"

# The reader's theme, the shape of the page and what is in it (early.js) come before Panel's 4.7 MB of
# scripts, which stand at the end. Panel's spinner over everything is left out, and so is its wrapper of
# WebSocket, which serves the spinner.
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
  html[data-headway] { --page: #ffffff; --side: #f8f8f8; --text: #1a1d23; --line: #1a1d231f;
    background: var(--page) }
  html[data-theme=dark] { --page: #15171c; --side: #1b1d22; --text: #e8eaef; --line: #e8eaef1f }
  #headway-shape { position: fixed; inset: 0; z-index: 9; display: grid; background: var(--page);
    grid: 57px minmax(0, 1fr) / 288px minmax(0, 1fr); color: var(--text) }
  #headway-shape header { grid-column: 1 / -1; padding: 18px 68px; border-bottom: 1px solid var(--line);
    font: 600 18px/1 FONT; letter-spacing: -.01em }
  #headway-shape aside { background: var(--side); border-right: 1px solid var(--line) }
  #headway-shape aside, #headway-shape main { display: flex; min-width: 0; min-height: 0 }
  html:has(#headway-shape) { --headway-drawer: hidden }
  @media (max-width: 599.95px) {
    #headway-shape { grid-template-columns: 1fr } #headway-shape header { padding-left: 60px }
    #headway-shape aside { display: none }
  }
</style>
{% for name in scripts %}<link rel="modulepreload" href="headway/{{ name }}">
{% endfor %}{% endblock %}
{% block js_resources %}{% endblock %}
{% block inner_body %}
<div id="headway-shape"><header>Headway</header><aside></aside><main></main></div>
<script type="module" src="headway/early.js" async></script>
{% block contents %}
{% for doc in docs %}
{{ embed(doc) if doc.elementid }}
{% for root in doc.roots %}{{ embed(root) }}{% endfor %}
{% endfor %}
{% endblock %}
{{ bokeh_js if bokeh_js }}
{{ plot_script | indent(4) }}
{% endblock %}
""".replace("FONT", SANS).replace("in scripts", f"in {SCRIPTS}")


def page() -> pmui.Page:
    """Return a new page; one is made for each browser tab."""
    session_id = _asked_for()
    if (
        pn.state.curdoc is not None
    ):  # Panel says it when it writes the HTML, which another server may have done
        here = f"{pn.state.rel_path}/" if pn.state.rel_path else ""
        pn.state.curdoc.template_variables["dist_url"] = f"{here}{LOCAL_DIST}"
    sessions = SessionList(session_id=session_id)
    chat = Chat(session_id=session_id, address=True)
    shell = pmui.Page(
        title=TITLE,
        main=[chat],
        sidebar=[sessions],
        sidebar_width=288,
        busy_indicator=None,
        theme_config=THEME,
        sx=SHELL,
        stylesheets=[DRAWER],
        site_url="./",
        template=parse_template(TEMPLATE),
    )
    with edit_readonly(shell):  # else every page hears of the work of every other one
        shell.busy = False
    sessions.jslink(chat, session_id="session_id", bidirectional=True)
    sessions.jslink(shell, drawer="sidebar_open", bidirectional=True)
    return shell


def _asked_for() -> str:
    """Return the session that the address names; later on the browser keeps the two together alone."""
    given = (pn.state.session_args or {}).get("session", [b""])[0].decode("utf-8", "replace")
    try:
        return check_session_id(given)
    except InvalidSessionId:
        return ""
