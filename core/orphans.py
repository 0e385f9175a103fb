"""Runs that died with the process that worked on them are ended by the next one that opens their store."""

from __future__ import annotations

from .live_run import OWNER
from .logger import ProgressLogger


def interrupt_orphans(logger: ProgressLogger) -> int:
    """End the runs that died with the process that worked on them, and return how many there were.

    A run that another program logs over the network has no owner here, and goes on.
    """
    count = 0
    before = None
    while page := logger.sessions(500, before):
        before = page[-1].cursor
        for session in page:
            for run_id in filter(None, session.active_runs):
                count += _interrupt(logger, session.session_id, run_id)
    return count


def _interrupt(logger: ProgressLogger, session_id: str, run_id: str) -> bool:
    entries = [e for e in logger.get_progress_logs(session_id) if e.run_id == run_id]
    owner = (entries[0].data or {}).get("owner") if entries else None
    if owner in (None, OWNER):
        return False
    last = entries[-1]
    logger.log(
        session_id,
        last.step,
        "Interrupted: the server stopped while this was under way. Ask again to repeat it.",
        last.step_number,
        last.total_steps,
        run_id=run_id,
        status="interrupted",
        run_fraction=last.run_fraction,
        data={"error": {"code": "interrupted", "message": "the server stopped while this was under way"}},
    )
    return True
