"""What a socket is told when it is closed: a code (RFC 6455, 7.4) and a reason."""

from __future__ import annotations

from headway import errors

from .base import Problem, log
from .streams import StalledReader

GOING = (1001, "the server is going away")  # the reader shall come back


def farewell(error: Exception, what: str) -> tuple[int, str]:
    """Return the close code and the reason for sockets that cannot go on; our own fault is logged.

    Parameters
    ----------
    error
        Why they cannot.
    what
        What they were told, for the log.
    """
    match error:
        case Problem():
            return 4400, error.detail
        case errors.InvalidSessionId():
            return 4400, str(error)
        case errors.LogReplaced():
            return 4409, f"log replaced; epoch={error.epoch or ''}"
        case StalledReader():
            return 4408, "no byte taken for 30 s"
        case errors.StoreClosed():
            return GOING
    log.error("%s cannot be told", what, exc_info=error)
    return 1011, "the log cannot be read" if isinstance(error, errors.StoreError) else "internal error"
