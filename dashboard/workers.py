"""Several processes that do the same work: each of them accepts connections at the same sockets."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from types import FrameType

RESTARTS = 10  # of killed processes within `WITHIN` seconds; more than that is no accident
WITHIN = 60.0

log = logging.getLogger("headway.workers")


def run_workers(count: int, work: Callable[[], int]) -> int:
    """Run *work* in as many processes, and return the exit status for this one when all have ended.

    A process that is killed is replaced. One that ends by itself, because it was told to or cannot go on,
    ends the others; so does a signal, which is passed on to all. To be called where nothing has been opened
    yet and no thread runs: both would be shared or lost in a process that is forked (fork(2)).

    Parameters
    ----------
    count
        How many, at least 1.
    work
        What each does; it returns its exit status.
    """
    workers = {_fork(work) for _ in range(count)}
    killed: deque[float] = deque(maxlen=RESTARTS)
    ending = False

    def end(number: int, frame: FrameType | None = None) -> None:
        nonlocal ending
        ending = True
        for worker in workers:
            os.kill(worker, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    status = 0
    while workers:
        worker, how = os.wait()
        workers.discard(worker)
        code = os.waitstatus_to_exitcode(how)
        if ending:
            status = status or max(code, 0)
        elif code >= 0 or (len(killed) == RESTARTS and time.monotonic() - killed[0] < WITHIN):
            status = code if code >= 0 else 1
            end(signal.SIGTERM)
        else:
            log.error("worker %d was killed by signal %d; another one takes its place", worker, -code)
            killed.append(time.monotonic())
            workers.add(_fork(work))
    return status


def _fork(work: Callable[[], int]) -> int:
    """Return the id of a new process that works."""
    worker = os.fork()
    if worker:
        return worker
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        status = work()
    except KeyboardInterrupt:
        status = 130
    except Exception:
        log.exception("a worker failed")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # what the first process has registered for its end is not ours
    return status
