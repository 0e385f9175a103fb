"""What the Redis store keeps of its promises when the server, or the way to it, breaks."""

from __future__ import annotations

import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import redis
from valkey_server import ValkeyServer

from headway import ProgressLogger
from headway.errors import StoreError, StoreForgets, StoreUnreachable
from headway.stores import Batch, Store, open_store
from headway.testing.making import append, entries, entry, record, renamed

from .wire import Wire

SECONDS = 30  # that anything may take before a test fails
CERTIFICATE = Path(__file__).parent / "data" / "loopback.pem"  # of 127.0.0.1, with its key

WRITER = """
import sys
from headway.stores import open_store
from headway.testing.making import append, entry
store = open_store(sys.argv[1])
for n in range(60):
    sessions = ["s1", "s2", "s3"][:1 + n % 3]
    append(store, [entry(f"{sys.argv[2]} {n}", name) for name in sessions], writer=sys.argv[2], number=n + 1)
store.close()
"""


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """Give a server that the test may break."""
    with ValkeyServer() as server:
        yield server


@pytest.fixture
def wire(valkey: ValkeyServer) -> Iterator[Wire]:
    """Give a wire to a server."""
    with Wire(valkey.port) as wire:
        yield wire


@pytest.fixture
def store(wire: Wire, tmp_path: Path) -> Iterator[Store]:
    """Give a store at the other end of the wire."""
    store = open_store(f"redis://127.0.0.1:{wire.port}/0?prefix={tmp_path}:")
    append(store, [entry("first")])
    yield store
    store.close()


def messages(store: Store, session_id: str = "s1") -> list[str]:
    """Return the messages of a log."""
    return [e.message for e in entries(store, session_id)]


def test_four_processes_write_to_the_same_sessions_without_gaps(valkey, tmp_path):
    url = valkey.url(f"?prefix={tmp_path}:")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, name]) for name in "abcd"]
    assert [writer.wait(SECONDS) for writer in writers] == [0, 0, 0, 0]
    store = open_store(url)
    for turn, session_id in enumerate(("s1", "s2", "s3")):
        log = entries(store, session_id)
        assert [e.offset for e in log] == list(range(1, len(log) + 1))
        for name in "abcd":
            theirs = [e.message for e in log if e.message.startswith(name)]
            assert theirs == [f"{name} {n}" for n in range(60) if n % 3 >= turn]
    store.close()


@pytest.mark.parametrize("lost", ["request", "answer"])
@pytest.mark.parametrize("flush", [True, False])
def test_a_batch_that_was_cut_off_is_written_once_when_it_is_sent_again(lost, flush, store, wire):
    batch = Batch([entry("a"), entry("b", "s2"), entry("c", key="k")], flush=flush, writer="w", number=1)
    wire.cut = lost
    with pytest.raises(StoreUnreachable, match=f"redis://127.0.0.1:{wire.port}/0 does not answer"):
        store.append(batch)
    stored = store.append(batch)
    assert [(e.message, e.offset) for e in stored.entries] == [("a", 2), ("b", 1), ("c", 3)]
    assert messages(store) == ["first", "a", "c"]
    assert stored.sessions == {"s1": record(store, "s1"), "s2": record(store, "s2")}
    assert [e.offset for e in store.append(Batch([entry("d")], writer="w", number=2)).entries] == [4]


def test_a_batch_is_recognised_though_its_session_was_deleted_meanwhile(store, wire, valkey, tmp_path):
    batch = Batch([entry("a", "gone")], writer="w", number=1)
    wire.cut = "answer"
    with pytest.raises(StoreUnreachable):
        store.append(batch)
    beside = open_store(valkey.url(f"?prefix={tmp_path}:"))
    while beside.session("gone") is None:  # the server may still be at it
        pass
    beside.delete_session("gone")
    beside.close()
    assert [e.offset for e in store.append(batch).entries] == [1]
    assert store.session("gone") is None


def test_an_old_batch_is_refused_when_a_later_one_has_taken_its_place(store):
    batches = [Batch([entry(str(n))], writer="w", number=n) for n in (1, 2)]
    for batch in batches:
        store.append(batch)
    with pytest.raises(StoreError, match="has written batch 1, and forgotten where"):
        store.append(batches[0])
    assert messages(store) == ["first", "1", "2"]


def test_reads_and_changes_go_on_over_a_new_connection(store, valkey):
    with redis.Redis(port=valkey.port) as client:
        client.client_kill_filter(_type="normal", skipme=True)
        while len(client.client_list()) > 1:
            pass  # the server says that it kills them, and does it a moment later
    assert store.update_session("s1", renamed("New")).title == "New"
    assert messages(store) == ["first"]
    with redis.Redis(port=valkey.port) as client:
        client.script_flush()
    assert append(store, [entry("second")])[0].offset == 2
    assert messages(store) == ["first", "second"]


@pytest.mark.parametrize(("policy", "kills"), [("always", 3), ("everysec", 2)])
def test_a_killed_server_has_what_was_acknowledged_once(policy, kills):
    with ValkeyServer(appendfsync=policy) as server:
        logger = ProgressLogger(server.url())
        acknowledged: list[tuple[str, str, int]] = []
        more = threading.Condition()
        over = threading.Event()

        def write(name: str) -> None:
            number = 0
            while not over.is_set():
                number += 1
                session_id = f"s{number % 3}"
                stored = logger.log(session_id, "Step", f"{name} {number}", 1, 1)
                with more:
                    acknowledged.append((session_id, stored.message, stored.offset))
                    more.notify_all()

        with ThreadPoolExecutor() as pool:
            writing = [pool.submit(write, name) for name in "abcdefgh"]
            try:
                for _ in range(kills):
                    with more:
                        enough = len(acknowledged) + 20
                        assert more.wait_for(lambda enough=enough: len(acknowledged) >= enough, SECONDS)
                    server.kill()
                    server.start()
            finally:
                over.set()
            for done in writing:
                done.result(SECONDS)
        logger.close()
        _see_once(server, acknowledged)


def _see_once(server: ValkeyServer, acknowledged: list[tuple[str, str, int]]) -> None:
    store = open_store(server.url())
    logs = {session_id: entries(store, session_id) for session_id in ("s0", "s1", "s2")}
    store.close()
    for log in logs.values():
        assert [e.offset for e in log] == list(range(1, len(log) + 1))
    there = Counter((name, e.message, e.offset) for name, log in logs.items() for e in log)
    assert there == Counter(acknowledged)


def test_a_server_that_is_away_is_told_of_and_comes_back(server):
    store = open_store(server.url())
    append(store, [entry("1")])
    server.kill()
    for attempt in (
        lambda: append(store, [entry("2")]),
        lambda: entries(store, "s1"),
        lambda: store.sessions(9),
        lambda: store.update_session("s1", renamed("x")),
        lambda: store.lease("me", 1),
    ):
        with pytest.raises(StoreUnreachable, match="does not answer"):
            attempt()
    server.start()
    append(store, [entry("3")])
    assert messages(store) == ["1", "3"]
    store.close()


def test_a_server_that_comes_back_and_would_forget_is_not_written_to(server):
    store = open_store(server.url())
    append(store, [entry("1")])
    server.stop()
    server.settings["appendonly"] = "no"
    server.start()
    for _ in range(2):
        with pytest.raises(StoreForgets, match="no append-only file"):
            append(store, [entry("2")])
    store.close()


@pytest.mark.parametrize(
    ("broken", "healed", "error"),
    [
        ({"maxmemory": "1"}, {"maxmemory": "0"}, StoreError),
        ({"replicaof": "127.0.0.1 1"}, {"replicaof": "no one"}, StoreUnreachable),
    ],
)
def test_a_server_that_refuses_to_write_is_read_and_heals(broken, healed, error, server):
    store = open_store(server.url())
    append(store, [entry("1")])
    before = record(store, "s1")
    _set(server, broken)
    with pytest.raises(error):
        append(store, [entry("2"), entry("2", "s2")])
    assert (record(store, "s1"), store.session("s2"), messages(store)) == (before, None, ["1"])
    _set(server, healed)
    assert append(store, [entry("3")])[0].offset == 2
    store.close()


def test_an_append_only_file_that_is_taken_away_leaves_open_what_was_done():
    with ValkeyServer(appendfsync="everysec") as server, closing(open_store(server.url())) as store:
        append(store, [entry("1")])
        batch = Batch([entry("2")], writer="w", number=1)
        _set(server, {"appendonly": "no"})
        with pytest.raises(StoreUnreachable, match="does not say whether its disk has an entry"):
            store.append(batch)
        _set(server, {"appendonly": "yes"})
        assert [e.offset for e in store.append(batch).entries] == [2]
        assert messages(store) == ["1", "2"]


def test_another_server_that_took_over_is_found_under_the_same_name(valkey, server, tmp_path):
    with Wire(server.port) as wire:
        store = open_store(f"redis://127.0.0.1:{wire.port}/0?prefix={tmp_path}:")
        append(store, [entry("1")])
        _set(server, {"replicaof": f"127.0.0.1 {valkey.port}"})
        wire.to = valkey.port
        with pytest.raises(StoreUnreachable, match="is a replica"):
            append(store, [entry("2")])
        assert append(store, [entry("2")])[0].message == "2"
        store.close()


def _set(server: ValkeyServer, settings: dict[str, str]) -> None:
    with redis.Redis(port=server.port) as client:
        for name, value in settings.items():
            if name == "replicaof":
                client.execute_command("REPLICAOF", *value.split())
            else:
                client.config_set(name, value)


def test_a_server_is_reached_over_tls(valkey, tmp_path):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    with Wire(valkey.port, tls) as wire:
        place = f"127.0.0.1:{wire.port}/0?prefix={tmp_path}:"
        store = open_store(f"rediss://{place}&ssl_ca_certs={CERTIFICATE}")
        append(store, [entry("over TLS")])
        assert messages(store) == ["over TLS"]
        assert str(store) == f"rediss://127.0.0.1:{wire.port}/0"
        store.close()
    with Wire(valkey.port, tls) as wire, pytest.raises(StoreUnreachable, match="certificate"):
        open_store(f"rediss://127.0.0.1:{wire.port}/0")
