"""Runs whose owner does not live any more are ended by whoever finds them."""

from __future__ import annotations

import logging
import threading
import time

from .errors import RunEnded, StoreError
from .leases import LEASE, RENEWED
from .logger import ProgressLogger
from .session import ActiveRun, Session

SETTLED = 2 * RENEWED  # seconds in which all who live have renewed their leases, while the store answers

_log = logging.getLogger("headway.orphans")


def interrupt_orphans(logger: ProgressLogger) -> int:
    """End the runs of owners whose lease is over, and say how many there were.

    A run that another program logs over the network has no owner here, and goes on.
    """
    active = logger.store.active()  # before the leases: whoever began a run has had one since
    living = logger.store.lease(logger.owner, LEASE)
    return sum(
        _interrupt(logger, session, run)
        for session in active
        for run in session.active_runs
        if run.owner is not None and run.owner not in living
    )


class OrphanWatch:
    """Interrupts orphans: at once where only this process writes, else as soon as it can be told who lives.

    While a store does not answer, nobody renews a lease; while this process is paused, it does not see who
    does. So others are judged only when for some time both has been well.
    """

    def __init__(self, logger: ProgressLogger) -> None:
        self._logger = logger
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="headway-orphans", daemon=True)
        if logger.store.shared:
            self._thread.start()
        else:
            interrupt_orphans(logger)

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        well_since = looked = time.monotonic()
        while not self._over.wait(RENEWED):
            now = time.monotonic()
            if now - looked > SETTLED:
                well_since = now
            try:
                if now - well_since >= SETTLED:
                    interrupt_orphans(self._logger)
                else:
                    self._logger.store.active()
                looked = time.monotonic()
            except StoreError as error:  # it may be there again the next time
                _log.warning("cannot look for runs whose server has died: %s", error)


def _interrupt(logger: ProgressLogger, session: Session, run: ActiveRun) -> bool:
    found = logger.get_progress_logs(session.session_id)
    last = next((entry for entry in reversed(found) if (entry.run_id or "") == run.run_id), None)
    if last is None:  # deleted meanwhile
        return False
    try:
        logger.log(
            session.session_id,
            last.step,
            "Interrupted: the server stopped while this was under way. Ask again to repeat it.",
            last.step_number,
            last.total_steps,
            run_id=last.run_id,
            status="interrupted",
            run_fraction=run.run_fraction,
            data={"error": {"code": "interrupted", "message": "the server stopped while this was under way"}},
        )
    except RunEnded:  # another server was quicker
        return False
    return True
