"""The slow work of every app beside this file: the same batches, and a trace of what was really done."""

import os
import time

BATCHES = 100
SECONDS = 0.05  # one batch


def load(number: int) -> None:
    """Work for the time of one batch, then note it in the file that ``RELOAD_DONE`` names."""
    time.sleep(SECONDS)
    with open(os.environ["RELOAD_DONE"], "a", encoding="utf-8") as done:
        done.write(f"{number}\n")
