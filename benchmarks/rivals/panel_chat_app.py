"""Panel: `ChatInterface` with a `ChatStep` for each batch, by `add_step` as its reference guide has it."""

import asyncio

import panel as pn
from work import BATCHES, load


async def answer(contents: str, user: str, instance: pn.chat.ChatInterface) -> str:
    """Load every batch."""
    for number in range(1, BATCHES + 1):
        with instance.add_step(title=f"Batch {number}"):
            await asyncio.to_thread(load, number)
    return "Done"


if pn.state.served:
    pn.extension(reconnect=True, notifications=True)
    pn.chat.ChatInterface(callback=answer).servable()
