"""Several processes that do the same work: each of them accepts connections at the same sockets."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NamedTuple, NoReturn

from headway.errors import HeadwayError

RESTARTS = 10  # of killed processes within `WITHIN` seconds; more than that is no accident
WITHIN = 60.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)
MOST_SAID = 4_000  # bytes of the reason for which a worker cannot go on

log = logging.getLogger("headway.workers")


class Ended(NamedTuple):
    """How the workers ended: the exit status of the first that failed, and why it did."""

    status: int
    reason: str


class Once:
    """Something that only one of several processes does; to be made before they are."""

    def __init__(self) -> None:
        self._read, write = os.pipe()
        os.write(write, b"1")
        os.close(write)

    def take(self) -> bool:
        """Whether this process is the one: true for the first that asks."""
        return bool(os.read(self._read, 1))


class Supervisor:
    """The first process: it starts the workers, replaces those that are killed, and passes signals on.

    To be used where nothing has been opened yet and no thread runs: both would be shared or lost in a
    process that is forked (fork(2)).
    """

    def __init__(self, work: Callable[[], None], leave: Callable[[], None]) -> None:
        """Prepare.

        Parameters
        ----------
        work
            What each worker does; it ends by itself when it gets SIGINT or SIGTERM.
        leave
            Called in this process when the workers are told to end.
        """
        self._work = work
        self._leave = leave
        self._workers: set[int] = set()
        self._killed: deque[float] = deque(maxlen=RESTARTS)
        self._ending = False
        self._reasons, self._reason = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (self._reasons, self._reason):
            end.setblocking(False)
        self._leash, self._held = os.pipe()  # its end tells the workers that this process is gone

    def run(self, count: int) -> Ended:
        """Run so many workers until all have ended.

        One that is killed is replaced. One that ends by itself, because it was told to or cannot go on,
        ends the others; so does a signal, which is passed on to all.
        """
        for number in SIGNALS:
            signal.signal(number, self._end)
        for _ in range(count):
            self._fork()
        status = 0
        while self._workers:
            worker, how = os.wait()
            self._workers.discard(worker)
            code = os.waitstatus_to_exitcode(how)
            if self._ending or code >= 0:
                status = status or max(code, 0)
                self._end()
            elif self._killed_too_often():
                self._say(
                    f"{RESTARTS + 1} workers were killed within {WITHIN:g} s; the last by signal {-code}"
                )
                status = 1
                self._end()
            else:
                log.error("worker %d was killed by signal %d; another one takes its place", worker, -code)
                self._fork()
        return Ended(status, self._first_reason())

    def _killed_too_often(self) -> bool:
        now = time.monotonic()
        often = len(self._killed) == RESTARTS and now - self._killed[0] < WITHIN
        self._killed.append(now)
        return often

    def _end(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        """Pass a signal on; when a worker has ended by itself, to those that have not been told."""
        told, self._ending = self._ending and frame is None, True
        if told:
            return
        self._leave()
        for worker in tuple(self._workers):
            with suppress(ProcessLookupError):
                os.kill(worker, number)

    def _say(self, reason: str) -> None:
        with suppress(BlockingIOError):  # enough others have said why
            self._reason.send(reason.encode()[:MOST_SAID])

    def _first_reason(self) -> str:
        with self._reasons, self._reason, suppress(BlockingIOError):
            return self._reasons.recv(MOST_SAID).decode(errors="replace")
        return ""

    def _fork(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # one that comes now is for the new worker, too
        try:
            if self._ending:
                return
            worker = os.fork()
            if not worker:
                self._become_worker()
            self._workers.add(worker)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _become_worker(self) -> NoReturn:
        status = 1
        try:
            os.setpgid(0, 0)  # Ctrl-C in a terminal is for the first process, which passes it on once
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            os.close(self._held)
            threading.Thread(target=self._end_when_left_alone, name="headway-leash", daemon=True).start()
            self._work()
            status = 0
        except HeadwayError as error:
            status = getattr(error, "exit_status", 1)
            self._say(str(error))
        except Exception:
            log.exception("a worker failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)  # what the first process has registered for its end is not ours

    def _end_when_left_alone(self) -> None:
        os.read(self._leash, 1)
        os.kill(os.getpid(), signal.SIGTERM)
