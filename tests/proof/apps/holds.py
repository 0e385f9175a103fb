"""A server whose requests of the type `hold` go on until there is a file `release` beside it."""

import asyncio
import time
from pathlib import Path

import headway

RELEASE = Path("release").absolute()


@headway.request_type("hold", ["Hold"])
async def hold(prompt, run):
    """Work until it is released, and pass over that somebody wants it to stop."""

    def work():
        while not RELEASE.exists():
            time.sleep(0.02)

    await asyncio.to_thread(work)
