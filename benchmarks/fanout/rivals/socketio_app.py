"""python-socketio: one ``emit`` to all, which sends to each client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import socketio
import uvicorn
from fastapi import FastAPI
from publishing import entry, obey

server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[])


async def publish(dues: list[int]) -> None:
    """Emit each entry."""
    for due in dues:
        await server.emit("entry", entry(due))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Obey the benchmark as long as the server runs."""
    obeying = asyncio.create_task(obey(publish))
    yield
    obeying.cancel()


app = FastAPI(lifespan=lifespan)
app.mount("/", socketio.ASGIApp(server))
uvicorn.run(app, host="127.0.0.1", port=0, backlog=4096)
