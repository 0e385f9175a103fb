"""The slow work of every app beside this file: the same batches, and a trace of what was really done."""

import os
import time

BATCHES = 100


def load(number: int) -> None:
    """Work for ``RELOAD_SECONDS``, then note the batch in the file that ``RELOAD_DONE`` names."""
    time.sleep(float(os.environ["RELOAD_SECONDS"]))
    with open(os.environ["RELOAD_DONE"], "a", encoding="utf-8") as done:
        done.write(f"{number}\n")
