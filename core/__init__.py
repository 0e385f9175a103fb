"""Log every step of slow work once, durably, and show it live and complete to everyone who should see it."""

from __future__ import annotations

from .entry import Entry
from .errors import HeadwayError
from .live_run import Run
from .logger import ProgressLogger
from .plans import Plan, Step
from .requests import request_type
from .session import Session
from .tracking import run, track

__all__ = [
    "Entry",
    "HeadwayError",
    "Plan",
    "ProgressLogger",
    "Run",
    "Session",
    "Step",
    "request_type",
    "run",
    "track",
]
