"""The specification's own design: FastAPI, uvicorn, one ``send_json`` for each connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from publishing import entry, obey

connections: list[WebSocket] = []


async def publish(dues: list[int]) -> None:
    """Send each entry to every connection, one after the other."""
    for due in dues:
        told = entry(due)
        for connection in connections:
            await connection.send_json(told)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Obey the benchmark as long as the server runs."""
    obeying = asyncio.create_task(obey(publish))
    yield
    obeying.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws/progress/{session_id}")
async def progress(websocket: WebSocket, session_id: str) -> None:
    """Take a reader, and keep it as long as it stays."""
    await websocket.accept()
    connections.append(websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        connections.remove(websocket)


uvicorn.run(app, host="127.0.0.1", port=0, backlog=4096)
