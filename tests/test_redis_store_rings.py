"""The rings of other servers are heard, or it is known that some may have been missed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

import pytest
from valkey_server import ValkeyServer

from headway import Entry, ProgressLogger
from headway.stores import open_store
from headway.testing.making import append, entry

SECONDS = 30  # that anything may take before a test fails


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """Give a server that the test may break."""
    with ValkeyServer() as server:
        yield server


def test_rings_are_heard_again_after_the_server_was_killed(server, monkeypatch):
    monkeypatch.setattr("headway.stores.redis_streams.rings.SLOW_POLL", 3_600)
    ours, theirs = open_store(server.url()), open_store(server.url())
    heard: Queue[str | None] = Queue()
    ours.relay(heard.put)
    assert heard.get(timeout=SECONDS) is None  # from here on nothing is missed
    append(theirs, [entry("1", "a")])
    assert heard.get(timeout=SECONDS) == "a"
    server.kill()
    server.start()
    assert heard.get(timeout=SECONDS) is None  # something may have been missed
    append(theirs, [entry("2", "b"), entry("2", "c")])
    assert [heard.get(timeout=SECONDS) for _ in range(2)] == ["b", "c"]
    ours.close()
    theirs.close()
    assert "headway-rings" not in {thread.name for thread in threading.enumerate()}


def test_all_bells_are_rung_now_and_then_and_a_bell_that_breaks_does_not_end_it(valkey, monkeypatch):
    monkeypatch.setattr("headway.stores.redis_streams.rings.SLOW_POLL", 0.01)
    monkeypatch.setattr("headway.stores.redis_streams.rings.AWAKE", 0.01)
    store = open_store(valkey.url())
    heard: Queue[str | None] = Queue()

    def ring(session_id: str | None) -> None:
        heard.put(session_id)
        if heard.qsize() == 2:
            raise ZeroDivisionError("a bell is broken")

    store.relay(ring)
    assert [heard.get(timeout=SECONDS) for _ in range(5)] == [None] * 5
    store.close()


def test_entries_of_one_server_reach_the_readers_of_another(valkey, tmp_path):
    url = valkey.url(f"?prefix={tmp_path}:")
    ours, theirs = ProgressLogger(open_store(url)), ProgressLogger(open_store(url))

    async def first() -> Entry | None:
        async for found in ours.tail("s1"):
            return found
        return None

    with ThreadPoolExecutor() as pool:
        reading = pool.submit(asyncio.run, first())
        while not ours.hub.watched("s1"):
            pass
        stored = theirs.log("s1", "Step", "from the other", 1, 1)
        assert reading.result(SECONDS) == stored
    ours.close()
    theirs.close()
