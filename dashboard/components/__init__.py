"""The parts of the page: Panel components, their scripts and styles beside them."""

from __future__ import annotations

from .chat import Chat
from .progress_log import ProgressLog
from .session_list import SessionList

__all__ = ["Chat", "ProgressLog", "SessionList"]
