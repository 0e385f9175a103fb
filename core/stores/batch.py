"""What goes into a store in one commit, and what comes out of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..entry import Entry, encode
from ..session import Session


@dataclass(frozen=True)
class Batch:
    """The entries of one commit, of any sessions, in order.

    Attributes
    ----------
    entries
        What to write. An entry whose ``key`` its log has already is not written again. One that has an
        offset beyond the log's last keeps it: it is copied from another store, perhaps with gaps.
    watched
        Sessions that somebody sees live: a run that ends there leaves no notification.
    flush
        Whether the commit must outlast a power cut (durability ``disk``), or only this process
        (``process``).
    limit
        The most entries that a log may have; what ends a run is written also beyond it.
    writer, number
        Who writes, and its how many-th batch this is, counted from 1: a batch that is sent again, because
        the connection broke before its answer came, is recognised. Without a writer it is not.
    """

    entries: Sequence[Entry]
    watched: Collection[str] = ()
    flush: bool = True
    limit: int | None = None
    writer: str = ""
    number: int = 0


@dataclass(frozen=True)
class Stored:
    """What a commit has written.

    Attributes
    ----------
    entries
        As many as the batch has, each as it is stored: a known key's is the one that was there.
    sessions
        The records of all sessions of the batch, as they are afterwards.
    """

    entries: list[Entry]
    sessions: dict[str, Session]


@dataclass(frozen=True)
class Excerpt:
    """A part of a log, and the session's record as it was in that moment.

    Attributes
    ----------
    session
        Says which log it is (``epoch``) and how far it goes (``last_offset``).
    entries
        In order of their offsets.
    """

    session: Session
    entries: list[Entry]

    @cached_property
    def encoded(self) -> list[bytes]:
        """The entries' JSON forms."""
        return [encode(entry) for entry in self.entries]
