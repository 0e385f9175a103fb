"""Where the logs of sessions live. One file a store, one row in `STORES`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol

from ..entry import Entry
from ..errors import UnknownStore
from ..session import Session
from .batch import Batch, Excerpt, Stored

STORES = {
    "memory": "headway.stores.memory:MemoryStore",
    "json": "headway.stores.json_files:JsonFilesStore",
    "sqlite": "headway.stores.sql.sqlite:SqliteStore",
    "postgresql": "headway.stores.sql.postgresql:PostgresqlStore",
    "redis": "headway.stores.redis_streams.store:RedisStore",
    "rediss": "headway.stores.redis_streams.store:RedisOverTls",
}
"""Scheme of a store's URL -> ``module:class``; the module is imported when the store is opened."""


class Store(Protocol):
    """An append-only log for each session, and the session's record.

    All methods are synchronous and callable from any thread. Writes come from one thread of a process at a
    time (the recorder's), reads from any number of threads meanwhile.

    Attributes
    ----------
    shared
        Whether other processes may write to it, each with a `Store` of its own.
    """

    shared: bool

    def append(self, batch: Batch) -> Stored:
        """Write a batch, all of it or nothing, and return it as stored, with offsets 1, 2, 3... in each log.

        A session that is not there is made. When the call returns, the batch outlasts a power cut, or this
        process where it need not be flushed; readers of any process see it in order, and those that
        `relay` serves are rung.

        Raises
        ------
        RunEnded
            An entry belongs to a run that has its terminal entry. Nothing was written.
        LogFull
            A log would become longer than the batch's limit. Nothing was written.
        SessionExists
            A new session's id differs from another's in case only. Nothing was written.
        StoreUnreachable
            The connection broke: whether the batch was written is not known. The same batch (writer and
            number) may be sent again; one that was written is recognised.
        StoreError
            Nothing was written.
        """
        ...

    def read(self, session_id: str, since: int = 0, limit: int | None = None) -> Excerpt | None:
        """Return the entries after offset *since*, at most *limit*, in order; None without such a session."""
        ...

    def session(self, session_id: str) -> Session | None:
        """Return a session's record; None when there is no such session."""
        ...

    def sessions(self, limit: int, before: str | None = None) -> list[Session]:
        """Return sessions, newest activity first, from the one after the cursor *before* on."""
        ...

    def active(self) -> list[Session]:
        """Return the sessions with runs that have not ended; its cost does not grow with the others."""
        ...

    def add_session(self, session: Session) -> None:
        """Write the record of a new session durably; `SessionExists` when the id is taken in any case."""
        ...

    def update_session(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        """Replace a session's record by ``change(record)``, durably, and return the new one.

        *change* may be called more than once, when somebody else was quicker.

        Raises
        ------
        UnknownSession
            There is no such session.
        """
        ...

    def archive(self, session_id: str, keep: Callable[[Sequence[Entry]], Sequence[Entry]]) -> Session:
        """Keep the log compressed until its next entry, and of its entries those that *keep* returns.

        They keep their offsets, so those that are dropped leave gaps. The last one must stay, and those
        with an idempotency key.

        Raises
        ------
        UnknownSession
            There is no such session.
        """
        ...

    def delete_session(self, session_id: str) -> None:
        """Delete a session and its log, so that no part of it is left; `UnknownSession` without one."""
        ...

    def lease(self, owner: str, seconds: float) -> set[str]:
        """Say that *owner* lives for some seconds from now, and return all owners that live.

        By the store's clock, or a monotonic one: no server's wall clock decides. A lease of 0 seconds is
        given back. Unlike the writes, it is called from several threads, also during an append.
        """
        ...

    def relay(self, ring: Callable[[str | None], None]) -> None:
        """Have *ring* called, from a thread of the store, with the id of each session that others change.

        With None, now and then and after each break of the connection, when ids may have been missed. A
        store that no other process can write to calls it never.
        """
        ...

    def close(self) -> None:
        """Give back what the store holds. Further calls raise `StoreClosed`; closing twice is harmless."""
        ...


def open_store(url: str, *, read_only: bool = False) -> Store:
    """Open the store that a URL names, such as ``memory:`` or ``json:logs``.

    Parameters
    ----------
    url
        Its scheme and place.
    read_only
        Whether nothing will be written: of a store that has one writer, a reader is opened then, while
        another process writes to it. Its writes raise `StoreError`.

    Raises
    ------
    UnknownStore
        No store has that scheme; the message lists those that there are.
    StoreError
        The store is there but cannot be opened.
    """
    kind = store_class(url)
    if read_only:
        kind = getattr(kind, "reading", kind)
    store: Store = kind(url.partition(":")[2])
    return store


def store_class(url: str) -> Any:
    """Return the class of the store that a URL names; it takes what follows the scheme.

    Raises
    ------
    UnknownStore
        As in `open_store`.
    """
    scheme, colon, _ = url.partition(":")
    if not colon or scheme not in STORES:
        raise UnknownStore(url, STORES)
    module, _, name = STORES[scheme].partition(":")
    return getattr(import_module(module), name)


__all__ = ["STORES", "Batch", "Excerpt", "Store", "Stored", "open_store", "store_class"]
