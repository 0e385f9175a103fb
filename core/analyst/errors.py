"""What can go wrong between a question and its answer, in words for the person who asked.

::

    HeadwayError
    ├── DatabaseError (OSError)             the database cannot be opened or read
    │   └── UnknownDatabase                 the path or URL leads to no database
    └── QuestionNotUnderstood (ValueError)  no query can be made from the prompt
        └── NothingFound                    the query is sound, and no row matches it
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import HeadwayError

ALLOWED = (
    "a DuckDB file, a SQLite file, a Parquet or CSV file, a folder of Parquet or CSV files, "
    "or a URL such as postgres://user@host/name"
)


class DatabaseError(HeadwayError, OSError):
    """The database cannot be opened or read. Nothing was changed: connections are read-only."""

    def __init__(self, name: str, why: object) -> None:
        super().__init__(f"the database {name!r} cannot be read: {first_line(why)}")


class UnknownDatabase(DatabaseError):
    """The path or URL leads to no database."""

    def __init__(self, name: str, why: str) -> None:
        HeadwayError.__init__(self, f"{name!r} {why}; allowed: {ALLOWED}")


class QuestionNotUnderstood(HeadwayError, ValueError):
    """No query can be made from the prompt.

    Attributes
    ----------
    hint : str
        What to do about it, in one sentence.
    examples : tuple of str
        Prompts that work on this database.
    """

    def __init__(self, message: str, hint: str = "", examples: Sequence[str] = ()) -> None:
        self.hint = hint
        self.examples = tuple(examples)
        super().__init__(message)


class NothingFound(QuestionNotUnderstood):
    """The query is sound, and no row matches it."""


def first_line(why: object) -> str:
    """Return the first line of a driver's message: the rest repeats the query."""
    lines = str(why).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(why).__name__
