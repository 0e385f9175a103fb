"""How each product is served: the best of its ordinary settings, as its documentation has them.

* Headway: a request type with a plan of 100 steps, ``headway serve``, its default store. Clicked: the
  finished run, which is folded.
* Panel: `ChatInterface.add_step` and ``reconnect=True``; Panel has no store for chats, and discards a
  session some 15 s after its reader has left (its default); a run still in it ends then. *Shared* is the
  same with one `ChatInterface` in `pn.state.cache`: it outlives its readers, and all visitors have it in
  common.
* Chainlit: `cl.Step`, the SQLAlchemy data layer of its documentation (on SQLite), a user (by header; chats
  are kept for users only) and `on_chat_resume`, so that a chat can be opened again at its address.
* Gradio: ``ChatInterface(save_history=True)`` and a titled `ChatMessage` for each step. The browser keeps
  the history under a key that is another one after each start; the app sets a fixed one, which is more
  than the documentation of `ChatInterface` offers. Clicked: the newest chat in its list. A deep link is a
  copy of what the page shows at that moment, no address of a conversation.
* Streamlit: `st.status` with a line for each step, the conversation in `st.session_state`.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Product:
    """How a product's app is served, and how a reader gets along with its page."""

    name: str
    package: str
    app: str
    command: str  # after the interpreter
    has_address: bool = False  # a conversation
    click: str = ""  # selector of what brings steps back that are folded or put away
    path: str = ""
    settings: dict[str, str] = field(default_factory=dict)


PRODUCTS = (
    Product(
        "Headway",
        "headway",
        "headway_app.py",
        "-m headway serve {app} --port {port}",
        has_address=True,
        click=".run-fold[aria-expanded=false]",
    ),
    Product(
        "Panel", "panel", "panel_chat_app.py", "-m panel serve {app} --port {port}", path="panel_chat_app"
    ),
    Product(
        "Panel, shared",
        "panel",
        "panel_shared_app.py",
        "-m panel serve {app} --port {port}",
        has_address=True,
        path="panel_shared_app",
    ),
    Product(
        "Chainlit",
        "chainlit",
        "chainlit_app.py",
        "-m chainlit run {app} --headless --port {port}",
        has_address=True,
        settings={"CHAINLIT_AUTH_SECRET": "of no use anywhere else, and long enough"},
    ),
    Product(
        "Gradio",
        "gradio",
        "gradio_app.py",
        "{app}",
        click="[data-testid=dataset-cell-0-0]",
        settings={"GRADIO_ANALYTICS_ENABLED": "False"},
    ),
    Product(
        "Streamlit",
        "streamlit",
        "streamlit_app.py",
        "-m streamlit run {app} --server.headless=true --server.address=localhost --server.port={port}",
        settings={"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"},
    ),
)
