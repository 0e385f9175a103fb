"""Every exception that Headway raises on purpose.

Each one is also the builtin that a caller would expect, so that ``except ValueError`` works::

    HeadwayError
    ├── InvalidSessionId (ValueError)      not a session id
    ├── InvalidEntry (ValueError)          a field of an entry is out of bounds
    ├── InvalidOption (ValueError)         a setting is not one of those that there are
    ├── KeyReused (ValueError)             an idempotency key came with other content than before
    ├── UnknownSession (LookupError)       no such session
    ├── SessionExists (ValueError)         the id is taken, perhaps in another case
    ├── UnknownRun (LookupError)           no such run
    ├── LogFull (ValueError)               the session's log has as many entries as it may have
    ├── RunEnded (ValueError)              the run has its terminal entry
    ├── RunAlive (ValueError)              the run has not ended yet
    ├── RunCancelled                       somebody asked the run to stop
    ├── UnknownRequestType (ValueError)    not a registered request type
    ├── UnknownArtifact (LookupError)      no such artifact
    ├── LogReplaced (ValueError)           the reader knows another log than the one that is there
    ├── UnknownStore (ValueError)          no store for that URL
    └── StoreError (OSError)               the store could not read or write
        ├── StoreForgets                   its server does not keep what it acknowledges
        ├── StoreLocked                    another process writes to it
        ├── StoreUnreachable               its server does not answer; a write may have been done or not
        └── StoreClosed                    it was closed before
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""Errors of an operating system that say that no more can be written here, while reading goes on."""


class HeadwayError(Exception):
    """The root of all errors that Headway raises on purpose."""


class InvalidSessionId(HeadwayError, ValueError):
    """The text is not a session id."""

    def __init__(self, session_id: object) -> None:
        super().__init__(
            f"{session_id!r} is not a session id: 1 to 128 letters, digits, '-' or '_' (ASCII), "
            "the first a letter or digit, and no device name of Windows such as CON or COM1"
        )


class InvalidEntry(HeadwayError, ValueError):
    """A field of an entry is out of its bounds; nothing was logged."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field = field
        shown = repr(value)
        super().__init__(
            f"{field} is {shown if len(shown) <= 80 else shown[:77] + '...'}; allowed: {allowed}"
        )


class InvalidOption(HeadwayError, ValueError):
    """A setting has a value that it cannot have."""

    exit_status = 2  # of a command: it was wrongly used

    def __init__(self, name: str, value: object, allowed: str) -> None:
        super().__init__(f"{name} is {value!r}; allowed: {allowed}")


class KeyReused(HeadwayError, ValueError):
    """An idempotency key came again with other content; what was stored first stays."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the idempotency key {key!r} stands for another entry; a new one needs a new key")


class UnknownSession(HeadwayError, LookupError):
    """There is no session of that id."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"there is no session {session_id!r}")


class SessionExists(HeadwayError, ValueError):
    """The id is taken: ids are unique regardless of case, as file names are on some systems."""

    def __init__(self, session_id: str, taken: str) -> None:
        super().__init__(
            f"the session id {session_id!r} is taken by {taken!r}; ids are unique regardless of case"
        )


class LogFull(HeadwayError, ValueError):
    """The session's log has as many entries as it may have; what was to be added was not."""

    def __init__(self, session_id: str, limit: int) -> None:
        super().__init__(
            f"the log of session {session_id!r} is full: it may have {limit:,} entries; "
            "go on in another session"
        )


class UnknownRun(HeadwayError, LookupError):
    """There is no run of that id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is no run {run_id!r}")


class RunEnded(HeadwayError, ValueError):
    """The run has its terminal entry: nothing can be added to it, and nothing is left to stop."""

    def __init__(self, run_id: str, status: str) -> None:
        super().__init__(f"the run {run_id!r} has ended: {status}")


class RunAlive(HeadwayError, ValueError):
    """The run has not ended yet: it cannot be retried."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"the run {run_id!r} has not ended yet; cancel it first")


class RunCancelled(HeadwayError):
    """Somebody asked the run to stop; raised inside its work by `Run.check`."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"the run {run_id!r} was asked to stop")


class UnknownRequestType(HeadwayError, ValueError):
    """The request type is not registered."""

    def __init__(self, name: object, known: Iterable[str]) -> None:
        super().__init__(f"there is no request type {name!r}; known: {', '.join(sorted(known))}")


class UnknownArtifact(HeadwayError, LookupError):
    """There is no artifact of that id."""

    def __init__(self, artifact_id: str) -> None:
        super().__init__(f"there is no artifact {artifact_id!r}")


class LogReplaced(HeadwayError, ValueError):
    """A reader asked for what follows a place that the session's log does not have.

    The log was deleted, or deleted and begun anew, since the reader saw it. The reader starts again at
    0; it would otherwise miss entries without knowing.

    Attributes
    ----------
    epoch : str or None
        The epoch of the log that is there now; None when there is none.
    """

    def __init__(self, session_id: str, epoch: str | None) -> None:
        self.session_id = session_id
        self.epoch = epoch
        now = f"its epoch is now {epoch!r}" if epoch else "it was deleted"
        super().__init__(
            f"the log of session {session_id!r} is not the one you have read: {now}; start again at since=0"
        )


class UnknownStore(HeadwayError, ValueError):
    """No store is registered for the URL."""

    def __init__(self, url: str, known: Iterable[str]) -> None:
        super().__init__(
            f"no store for {url!r}; it starts with one of: {', '.join(f'{name}:' for name in sorted(known))}"
        )


class StoreError(HeadwayError, OSError):
    """The store could not read or write. When it was a write, nothing was written, but `StoreUnreachable`."""


class StoreUnreachable(StoreError):
    """The store's server does not answer.

    Unlike any other `StoreError`, one of a write does not say that nothing was written: the connection may
    have broken after the commit. Whoever repeats the entries gives them idempotency keys.
    """


class StoreForgets(StoreError):
    """The store's server does not keep what it acknowledges."""

    def __init__(self, server: str, reasons: str) -> None:
        super().__init__(
            f"{server} would forget acknowledged entries: {reasons}. "
            "Have it keep them, or allow it to forget: ?allow-volatile=1 at the end of its URL"
        )


class StoreLocked(StoreError):
    """Another process writes to the store."""

    def __init__(self, place: str, owner: str) -> None:
        super().__init__(
            f"{place} is in use by process {owner}: a folder of logs has one writer; "
            "stop that process, or give this one a folder of its own (HEADWAY_STORE=json:FOLDER)"
        )


class StoreClosed(StoreError):
    """The store was closed."""

    def __init__(self) -> None:
        super().__init__("the store is closed")
