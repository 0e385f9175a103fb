"""Stop a run that another server works on: an entry of its log asks for it, and its server reads the log."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from .entry import Entry
from .errors import LogReplaced, StoreError
from .live_run import Run
from .logger import ProgressLogger

ANSWERED = 5.0  # seconds in which a living server ends a run that it is asked to stop
RETRY = 1.0  # seconds until a store that cannot be read is read again


async def ask_to_stop(logger: ProgressLogger, last: Entry) -> None:
    """Ask for the end of a run, and wait for it a little; *last* is an entry of the run.

    Raises
    ------
    RunEnded
        It has ended meanwhile.
    """
    asked = await logger.log_progress(
        last.session_id,
        last.step,
        "Stopping",
        last.step_number,
        last.total_steps,
        run_id=last.run_id,
        fraction=last.fraction,
        run_fraction=last.run_fraction,
        data={"cancel": True},
        key=f"{last.run_id}-cancel",  # who asks twice asks once
    )
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWERED), aclosing(logger.tail(last.session_id, asked.offset)) as tail:
            async for entry in tail:
                if entry.run_id == last.run_id and entry.terminal:
                    return


async def asked_to_stop(logger: ProgressLogger, run: Run, since: int) -> bool:
    """Wait until somebody asks for the end of a run, or it has ended: whether somebody has asked.

    *since* is the offset from which its log is read. A log that is deleted asks for it, too.
    """
    while True:
        try:
            found = logger.tail_batches(run.session_id, since, watching=False)
            async with aclosing(found):
                async for part in found:
                    for entry in part.entries:
                        since = entry.offset
                        if entry.run_id == run.run_id and (entry.terminal or _asks(entry)):
                            return not entry.terminal
        except LogReplaced:
            return True
        except StoreError:
            await asyncio.sleep(RETRY)


def _asks(entry: Entry) -> bool:
    return bool(entry.data and entry.data.get("cancel"))
