"""Headway's server, page and Panel components.

Importing this package imports neither Panel nor Bokeh (1.5 s and more): its names are loaded when used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "ROUTES": "routes",
    "ProgressLog": "components",
    "page": "app",
    "runtime": "runtime",
    "serve": "server",
    "tail": "client",
    "use": "runtime",
}
"""Where each public name lives."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
