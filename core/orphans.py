"""Runs whose owner does not live any more are ended by whoever finds them.

An owner is a process that works on runs; it renews its lease in the store while it lives.
"""

from __future__ import annotations

from .errors import RunEnded
from .logger import ProgressLogger
from .session import ActiveRun, Session

LEASE = 15.0  # seconds after its last sign of life in which an owner is taken to live


def interrupt_orphans(logger: ProgressLogger, owner: str) -> int:
    """Renew the lease of *owner*, end the runs of owners whose lease is over, and say how many there were.

    A run that another program logs over the network has no owner here, and goes on.
    """
    living = logger.store.lease(owner, LEASE)
    count = 0
    for session in logger.store.active():
        for run in session.active_runs:
            if run.owner is not None and run.owner not in living:
                count += _interrupt(logger, session, run)
    return count


def _interrupt(logger: ProgressLogger, session: Session, run: ActiveRun) -> bool:
    found = logger.get_progress_logs(session.session_id)
    last = next(entry for entry in reversed(found) if entry.run_id == run.run_id)
    try:
        logger.log(
            session.session_id,
            last.step,
            "Interrupted: the server stopped while this was under way. Ask again to repeat it.",
            last.step_number,
            last.total_steps,
            run_id=run.run_id,
            status="interrupted",
            run_fraction=run.run_fraction,
            data={"error": {"code": "interrupted", "message": "the server stopped while this was under way"}},
        )
    except RunEnded:  # another server was quicker
        return False
    return True
