"""Where the logs of sessions live. One file a store, one row in `STORES`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import Protocol

from ..entry import Entry, Session
from ..errors import UnknownStore

STORES = {
    "memory": "headway.stores.memory:MemoryStore",
    "json": "headway.stores.json_files:JsonFilesStore",
}
"""Scheme of a store's URL -> ``module:class``; the module is imported when the store is opened."""


class Store(Protocol):
    """An append-only log for each session, and the session's record.

    All methods are synchronous and callable from any thread. Writes come from one thread at a time (the
    recorder's), reads from any number of threads meanwhile.
    """

    def append(self, entries: Sequence[Entry], watched: Collection[str] = ()) -> list[Entry]:
        """Write entries durably, all or none, and return them as stored.

        Parameters
        ----------
        entries
            Of any sessions, in order; a session that is not there is made. An entry whose ``key`` its
            log has already is not written again: the stored one is returned in its place.
        watched
            Sessions that somebody sees live: a run that ends there leaves no notification.

        Returns
        -------
        list of Entry
            As many as *entries*, each with its offset.

        Raises
        ------
        RunEnded
            An entry belongs to a run that has its terminal entry. Nothing was written.
        SessionExists
            A new session's id differs from another's in case only. Nothing was written.
        StoreError
            Nothing was written. There is no third outcome.
        """
        ...

    def entries(self, session_id: str, since: int = 0, limit: int | None = None) -> list[Entry]:
        """Return the entries after offset *since*, in order; none if there are none."""
        ...

    def session(self, session_id: str) -> Session | None:
        """Return a session's record; None when there is no such session."""
        ...

    def sessions(self, limit: int, before: str | None = None) -> list[Session]:
        """Return sessions, newest activity first, from the one after the cursor *before* on."""
        ...

    def add_session(self, session: Session) -> None:
        """Write the record of a new session durably; `SessionExists` when the id is taken in any case."""
        ...

    def update_session(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        """Replace a session's record by ``change(record)``, durably, and return the new one.

        Raises
        ------
        UnknownSession
            There is no such session.
        """
        ...

    def delete_session(self, session_id: str) -> None:
        """Delete a session and its log; `UnknownSession` when there is none."""
        ...

    def close(self) -> None:
        """Give back what the store holds. Further calls raise `StoreClosed`; closing twice is harmless."""
        ...


def open_store(url: str) -> Store:
    """Open the store that a URL names, such as ``memory:`` or ``json:logs``.

    Raises
    ------
    UnknownStore
        No store has that scheme; the message lists those that there are.
    StoreError
        The store is there but cannot be opened.
    """
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in STORES:
        raise UnknownStore(url, STORES)
    module, _, name = STORES[scheme].partition(":")
    store: Store = getattr(import_module(module), name)(rest)
    return store
