"""The Redis store keeps the contract, on real servers, and refuses those that would forget."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import redis
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from valkey_server import ValkeyServer, find_programs

from headway.errors import StoreError, StoreForgets, StoreUnreachable
from headway.stores import Store, open_store
from headway.testing import SharedStoreContract
from headway.testing.making import append, entries, entry, ids, record
from headway.testing.model import StoreMachine

HURRY = """
import os, sys, threading
from headway.stores import open_store
from headway.testing.making import append, entry
threading.Thread(target=lambda: os._exit(len(sys.stdin.read())), daemon=True).start()
store = open_store(sys.argv[1])
while True:
    append(store, [entry("quick")], flush=False)
"""

RANDOM_LIVES = settings(max_examples=25, stateful_step_count=30, deadline=None)
PROGRAMS = {str(program): program for program in find_programs()}  # no server: no test run


@pytest.fixture(params=PROGRAMS, scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[ValkeyServer]:
    """Give each server that there is."""
    with ValkeyServer(PROGRAMS[request.param]) as server:
        yield server


@pytest.fixture
def store(valkey: ValkeyServer, tmp_path: Path) -> Iterator[Store]:
    """Give an empty store."""
    store = open_store(valkey.url(f"?prefix={tmp_path}:"))
    yield store
    store.close()


def keys(server: ValkeyServer, prefix: str) -> list[str]:
    """Return the keys that a store has, without its prefix."""
    with redis.Redis(port=server.port) as client:
        return sorted(key.decode().removeprefix(prefix) for key in client.scan_iter(f"{prefix}*"))


class TestRedisStore(SharedStoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, server: ValkeyServer) -> None:
        self.server = server

    def open(self, place: Path) -> Store:
        return open_store(self.server.url(f"?prefix={place}:"))


def test_the_redis_store_is_a_dict_of_lists(server):
    class Machine(StoreMachine):
        def open(self, place: Path) -> Store:
            return open_store(server.url(f"?prefix={place}:"))

    run_state_machine_as_test(Machine, settings=RANDOM_LIVES)


def test_a_log_longer_than_a_page_is_read_whole(store):
    log = append(store, [entry(str(n)) for n in range(2_500)])
    assert entries(store, "s1") == log
    assert entries(store, "s1", 10, 2_000) == log[10:2_010]
    assert entries(store, "s1", 1_500, 1_000) == log[1_500:]
    assert entries(store, "s1", 10**30) == []
    store.archive("s1", lambda entries: entries)
    assert entries(store, "s1", 0) == log
    assert entries(store, "s1", 10, 2_000) == log[10:2_010]


def test_more_sessions_than_a_page_are_listed(store):
    append(store, [entry("", f"s{n}") for n in range(1_100)])
    listed = store.sessions(2_000)
    assert ids(listed) == [f"s{n}" for n in reversed(range(1_100))]
    assert ids(store.sessions(1_050, listed[19].cursor)) == ids(listed[20:1_070])
    assert ids(store.active()) and len(store.active()) == 1_100


def test_sessions_of_the_same_moment_are_in_order_of_their_ids(store):
    at = "2026-01-01T00:00:00.000001+00:00"
    append(store, [entry("", name, timestamp=at) for name in ("b", "B2", "a", "a-1", "C")])
    assert ids(store.sessions(9)) == ["b", "a-1", "a", "C", "B2"]
    assert ids(store.sessions(2, store.sessions(2)[-1].cursor)) == ["a", "C"]


def test_a_deleted_session_leaves_no_key(store, valkey, tmp_path):
    append(store, [entry("", key="k", run_id="r"), entry("", run_id="r", status="completed")])
    assert keys(valkey, f"{tmp_path}:") == [
        "ended:s1", "folded", "keys:s1", "log:s1", "order", "sessions",
    ]  # fmt: skip
    store.archive("s1", lambda entries: entries)
    assert keys(valkey, f"{tmp_path}:") == ["ended:s1", "folded", "keys:s1", "order", "packed", "sessions"]
    store.delete_session("s1")
    assert keys(valkey, f"{tmp_path}:") == []


def test_prefixes_keep_stores_on_one_server_apart(store, valkey, tmp_path):
    append(store, [entry("ours")])
    with redis.Redis(port=valkey.port) as client:
        client.set(f"{tmp_path}-other:sessions", "of somebody else, and no hash")
    beside = open_store(valkey.url(f"?prefix={tmp_path}-beside:"))
    assert beside.sessions(9) == []
    beside.close()


def test_a_big_batch_is_written_though_small_ones_are_quicker(store, valkey, tmp_path):
    append(store, [entry("first")])
    url = valkey.url(f"?prefix={tmp_path}:")
    hurry = [sys.executable, "-c", HURRY, url]
    hurrying = [subprocess.Popen(hurry, stdin=subprocess.PIPE) for _ in range(3)]  # until it is closed
    while record(store, "s1").last_offset < 100:  # they are at it
        pass
    big = append(store, [entry("big") for _ in range(10_000)])  # would be overtaken for ever
    for process in hurrying:
        process.communicate()
    log = entries(store, "s1")
    first = big[0].offset
    assert (first > 100, log[first - 1 : first + 9_999]) == (True, big)
    assert [e.offset for e in log] == list(range(1, len(log) + 1))


def test_what_is_read_in_pages_is_of_one_log(store, valkey, tmp_path, monkeypatch):
    monkeypatch.setattr("headway.stores.redis_streams.logs.PAGE", 1)
    over = threading.Event()

    def replace() -> None:
        beside = open_store(valkey.url(f"?prefix={tmp_path}:"))
        for generation in count():
            append(beside, [entry(str(generation)) for _ in range(4)], flush=False)
            if over.is_set():
                break
            beside.delete_session("s1")
        beside.close()

    thread = threading.Thread(target=replace)
    thread.start()
    logs = [entries(store, "s1") for _ in range(200)]
    over.set()
    thread.join()
    assert {tuple(e.offset for e in log) for log in logs} <= {(), (1, 2, 3, 4)}
    assert {len({e.message for e in log}) for log in logs} <= {0, 1}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"appendonly": "no"}, "no append-only file"),
        ({"appendfsync": "no"}, "appendfsync no"),
        ({"maxmemory": "1gb", "maxmemory_policy": "allkeys-lru"}, "maxmemory-policy allkeys-lru"),
    ],
)
def test_a_server_that_would_forget_is_refused_unless_it_may(settings, reason):
    with ValkeyServer(**settings) as server:
        with pytest.raises(StoreForgets, match=f"{server.port}/0 would forget .*{reason}.*allow-volatile=1"):
            open_store(server.url())
        with pytest.raises(StoreForgets):
            open_store(server.url("?allow-volatile=0"))
        allowed = open_store(server.url("?allow-volatile=1"))
        assert append(allowed, [entry()])[0].offset == 1
        allowed.close()


@pytest.mark.parametrize(
    ("version", "reason"), [("6.2.7", "version 6.2.7; Redis 7.0"), ("7.0.15", "appendfsync everysec")]
)
def test_a_server_that_is_too_old_is_refused(version, reason):
    # No such server is to be had here: this one says of itself what an old one would.
    said = f"redis_version:{version}\r\naof_enabled:1\r\nmaxmemory:0\r\n"
    answers = {
        b"INFO": f"${len(said)}\r\n{said}\r\n",
        b"CONFIG": "*2\r\n$11\r\nappendfsync\r\n$8\r\neverysec\r\n",
    }

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            while asked := connection.recv(4096):
                for _ in range(asked.count(b"*")):
                    known = next((text for name, text in answers.items() if name in asked), "+OK\r\n")
                    connection.sendall(known.encode())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=[listening])
        thread.start()
        with pytest.raises(StoreError, match=reason):
            open_store(f"redis://127.0.0.1:{listening.getsockname()[1]}/0")
        thread.join()


def test_where_the_policy_is_a_secret_the_disk_is_waited_for(valkey, tmp_path):
    with redis.Redis(port=valkey.port) as client:
        client.execute_command("ACL", "SETUSER", "managed", "on", ">pass", "~*", "&*", "+@all", "-config")
        store = open_store(f"redis://managed:pass@127.0.0.1:{valkey.port}/0?prefix={tmp_path}:")
        client.config_resetstat()
        append(store, [entry()], flush=False)
        assert "cmdstat_waitaof" not in client.info("commandstats")
        append(store, [entry()])
        assert client.info("commandstats")["cmdstat_waitaof"]["calls"] == 1
        store.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://127.0.0.1:none/0", "cannot open the store redis://127.0.0.1:none/0"),
        ("redis://127.0.0.1:{port}/0?colour=blue", "colour"),
        ("redis://me:secret@127.0.0.1:{port}/0", "does not let us in"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_in_words(url, reason, valkey):
    with pytest.raises(StoreError, match=reason) as refused:
        open_store(url.format(port=valkey.port))
    assert "secret" not in str(refused.value)


def test_where_no_server_is_the_store_cannot_be_opened():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StoreUnreachable, match=f"redis://127.0.0.1:{port}/0 does not answer"):
        open_store(f"redis://127.0.0.1:{port}/0")
