"""Panel, with the one chat of `panel_chat_app` kept in `pn.state.cache`: every visitor sees the same."""

import panel as pn
from panel_chat_app import answer

pn.extension(reconnect=True, notifications=True)
pn.state.as_cached("chat", pn.chat.ChatInterface, callback=answer).servable()
