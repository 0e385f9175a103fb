"""Names moved to `headway.analyst.database`; this file goes when nobody imports it."""

from .database import Database, open_database

__all__ = ["Database", "open_database"]
