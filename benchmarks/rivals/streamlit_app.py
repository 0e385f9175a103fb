"""Streamlit: `st.status` with a line for each batch; `st.session_state` keeps what was said."""

import streamlit as st
from work import BATCHES, load

for role, lines in st.session_state.setdefault("history", []):
    with st.chat_message(role):
        for line in lines:
            st.write(line)

if prompt := st.chat_input("Ask"):
    st.session_state.history.append(("user", [prompt]))
    st.chat_message("user").write(prompt)
    shown: list[str] = []
    st.session_state.history.append(("assistant", shown))
    with st.chat_message("assistant"), st.status("Loading", expanded=True) as status:
        for number in range(1, BATCHES + 1):
            shown.append(f"Batch {number}")
            st.write(shown[-1])
            load(number)
        status.update(label="Done", state="complete")
