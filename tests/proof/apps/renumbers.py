"""A broken Headway: a store that is opened again has the first entry of each log at its end."""

import msgspec

from headway import recorder
from headway.stores import Batch, open_store


def open_and_renumber(url):
    store = open_store(url)
    for session in store.sessions(1_000):
        first, *others = store.read(session.session_id).entries
        store.delete_session(session.session_id)
        store.append(Batch([msgspec.structs.replace(e, offset=0) for e in (*others, first)]))
    return store


recorder.open_store = open_and_renumber
