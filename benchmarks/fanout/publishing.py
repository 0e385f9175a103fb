"""What a server under test is told on its standard input: ``burst B`` or ``open RATE COUNT``."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

STEP = {"step": "Fetching relevant data", "step_number": 3, "total_steps": 5}
_offsets = count(1)


def message(due: int) -> str:
    """Return a message that says when it was due, in nanoseconds since 1970."""
    return f"due {due} 48,211 of 148,312 rows"


def entry(due: int) -> dict[str, Any]:
    """Return the next entry, as servers without a log make it."""
    return {
        "timestamp": "2026-01-01T00:00:00.000000+00:00",
        **STEP,
        "message": message(due),
        "session_id": "bench",
        "offset": next(_offsets),
    }


async def obey(publish: Callable[[list[int]], Awaitable[object]]) -> None:
    """Publish as the commands say; each item of the list is the time at which an entry is due."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command, *numbers = line.split()
        if command == "burst":
            await publish([time.time_ns()] * int(numbers[0]))
        elif command == "open":
            await _open_loop(publish, *map(int, numbers))


async def _open_loop(publish: Callable[[list[int]], Awaitable[object]], rate: int, most: int) -> None:
    """Publish *most* entries, each when it is due, however long the ones before took."""
    begun = time.time_ns()
    done = 0
    while done < most:
        due = min(most, (time.time_ns() - begun) * rate // 1_000_000_000 + 1)
        await publish([begun + n * 1_000_000_000 // rate for n in range(done, due)])
        done = max(done, due)
        await asyncio.sleep(max(0.0, (begun + done * 1_000_000_000 / rate - time.time_ns()) / 1e9))
