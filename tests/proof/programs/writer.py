"""Log entries from several tasks and say of each, on the standard output, that it was acknowledged.

``python writer.py STORE ENTRIES TASKS DURABILITY``
"""

import asyncio
import os
import sys

from headway import ProgressLogger

store, entries, tasks, durability = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
logger = ProgressLogger(store, durability=durability)


async def write(task: int) -> None:
    for number in range(task, entries, tasks):
        session_id = f"s{number % 7}"
        await logger.log_progress(session_id, "Write", f"entry-{number:06}.", 1, 1)
        os.write(1, f"acknowledged entry-{number:06}.\n".encode())  # one system call, so the trace shows it


async def main() -> None:
    await asyncio.gather(*(write(task) for task in range(tasks)))


asyncio.run(main())
logger.close()
