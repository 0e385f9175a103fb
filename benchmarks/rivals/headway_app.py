"""Headway: a request type with one step for each batch, served by ``headway serve``."""

from work import BATCHES, load

import headway


@headway.request_type("load", [f"Batch {number}" for number in range(1, BATCHES + 1)])
def batches(prompt: str, run: headway.Run) -> None:
    """Load every batch."""
    for number in range(1, BATCHES + 1):
        run.step(f"Batch {number}")
        load(number)
