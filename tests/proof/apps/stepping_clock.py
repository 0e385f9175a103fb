"""A server whose wall clock can be set: it is wrong by as many seconds as the file ``clock`` beside it says.

Its monotonic clock goes on, as the system's does. Requests of the type `hold` go on as in ``holds.py``. Where
there is a file ``often``, it looks often for runs whose server has died.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import holds  # noqa: F401

from headway import ProgressLogger, orphans

CLOCK = Path("clock").absolute()
right = time.time


def wrong() -> float:
    return right() + float(CLOCK.read_text() if CLOCK.exists() else 0)


def now() -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=wrong())


time.time = wrong
time.time_ns = lambda: int(wrong() * 1e9)
ProgressLogger.__init__.__kwdefaults__["now"] = now
if Path("often").exists():
    orphans.RENEWED, orphans.SETTLED = 0.1, 0.5
