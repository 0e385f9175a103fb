"""Gradio: `ChatInterface` that saves its history, a titled `ChatMessage` for each batch."""

import os
from collections.abc import Iterator

import gradio as gr
from work import BATCHES, load


def answer(message: str, history: list[dict]) -> Iterator[list[gr.ChatMessage]]:
    """Load every batch."""
    shown: list[gr.ChatMessage] = []
    for number in range(1, BATCHES + 1):
        shown.append(gr.ChatMessage(metadata={"title": f"Batch {number}", "status": "pending"}, content=""))
        yield shown
        load(number)
        shown[-1].metadata["status"] = "done"
    yield shown


chat = gr.ChatInterface(answer, save_history=True)
chat.saved_conversations.secret = "the same after a restart"  # else what the browser saved is unreadable then
chat.launch(server_port=int(os.environ["RELOAD_PORT"]))
