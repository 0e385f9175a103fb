"""Chainlit: a `cl.Step` for each batch, its data layer on SQLite, chats that can be resumed, a user."""

import asyncio
import sqlite3
from pathlib import Path

import chainlit as cl
from chainlit.data.sql_alchemy import SQLAlchemyDataLayer
from work import BATCHES, load

DATABASE = Path("chainlit.db").absolute()
# The columns of Chainlit's documentation, and of 2.12's steps; SQLite wants no types.
TABLES = {
    "users": "identifier metadata createdAt",
    "threads": "createdAt name userId userIdentifier tags metadata",
    "steps": "name type threadId parentId streaming waitForAnswer isError metadata tags input output"
    " createdAt command modes start end generation showInput language indent defaultOpen autoCollapse",
    "elements": "threadId type url chainlitKey name display objectKey size page language forId mime props",
    "feedbacks": "forId threadId value comment",
}


@cl.data_layer
def data_layer() -> SQLAlchemyDataLayer:
    """Open the database, with its tables."""
    with sqlite3.connect(DATABASE) as database:
        for table, columns in TABLES.items():
            quoted = ", ".join(f'"{column}"' for column in columns.split())
            database.execute(f'CREATE TABLE IF NOT EXISTS {table} ("id" PRIMARY KEY, {quoted})')
    return SQLAlchemyDataLayer(conninfo=f"sqlite+aiosqlite:///{DATABASE}")


@cl.header_auth_callback
def user(headers: object) -> cl.User:
    """Let everybody in as one user: Chainlit keeps chats only for users."""
    return cl.User(identifier="reader")


@cl.on_chat_resume
async def resume(thread: dict) -> None:
    """Let a chat be opened again."""


@cl.on_message
async def answer(message: cl.Message) -> None:
    """Load every batch."""
    for number in range(1, BATCHES + 1):
        async with cl.Step(name=f"Batch {number}", type="tool"):
            await asyncio.to_thread(load, number)
    await cl.Message("Done").send()
