"""How a component whose ESM has several files reaches the browser."""

from __future__ import annotations

from importlib.resources import files

SCRIPTS = sorted(
    path.name
    for package in ("headway.views", "headway.dashboard.components")
    for path in files(package).iterdir()
    if path.name.endswith(".js")
)
"""The files that pages may load early, all under ``/headway/``."""

_STUB = """
const load = new Function("url", "return import(url)")
export async function render(context) {{
  const module = await load(new URL("headway/{name}", document.baseURI).href)
  return module.render(context)
}}
"""


def remote_module(name: str) -> str:
    """Return an ESM whose `render` is that of ``GET /headway/{name}``.

    Panel sends a component's ESM as text inside each document, where relative imports have no meaning. Files
    that import each other are therefore served by routes/files.py, cached by the browser, and shared by all
    components of a page; Panel gets these lines alone. An `import()` written out would be turned by Panel's
    es-module-shims into its own loader, which fetches everything again and past the browser's preloads.
    """
    return _STUB.format(name=name)


def style(name: str) -> str:
    """Return the text of a style sheet beside this file: sent with the component, so never seen too late."""
    return (files(__package__) / name).read_text("utf-8")
