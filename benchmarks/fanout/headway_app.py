"""Headway under test: ``headway serve`` runs this file, whose thread logs through `log_progress`."""

from __future__ import annotations

import asyncio
import os
import threading

from publishing import STEP, message, obey

from headway.dashboard import runtime


async def publish(dues: list[int]) -> None:
    """Log entries, all at once, and wait until the store has them."""
    log = runtime.runtime().logger.log_progress
    await asyncio.gather(*(log("bench", message=message(due), **STEP) for due in dues))


def compute() -> None:
    """Keep the interpreter busy, as a badly behaved callback does."""
    n = 0
    while True:
        n += 1


threading.Thread(target=lambda: asyncio.run(obey(publish)), daemon=True).start()
if os.environ.get("BENCH_BUSY"):
    threading.Thread(target=compute, daemon=True).start()
