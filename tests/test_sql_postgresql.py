"""What the store does when its PostgreSQL goes, comes back, refuses or says nothing."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
from postgres_server import PostgresServer
from psycopg import OperationalError

from headway import Entry, ProgressLogger
from headway.errors import StoreError, StoreUnreachable
from headway.stores import Batch, Store, open_store
from headway.testing.making import append, entries, entry, ids, record, renamed, session

from .cutting_proxy import CuttingProxy

SECONDS = 30


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[CuttingProxy]:
    """Give a proxy before the empty database ``cut``."""
    postgres.create("cut")
    with CuttingProxy(postgres.folder) as proxy:
        yield proxy


@pytest.fixture
def store(proxy: CuttingProxy) -> Iterator[Store]:
    """Give a store behind the proxy."""
    store = open_store(proxy.url("cut"))
    yield store
    store.close()


def test_a_batch_whose_answer_was_lost_is_recognised_when_it_comes_again(proxy, store):
    append(store, [entry("0")])
    batch = Batch([entry("1", key="k"), entry("x", "new"), entry("2")], writer="w", number=1)
    proxy.swallow.set()
    with pytest.raises(StoreUnreachable, match=r"the connection to postgresql://127\.0\.0\.1:\d+/cut broke"):
        store.append(batch)
    assert proxy.swallowed == 1
    assert [e.offset for e in store.append(batch).entries] == [2, 1, 3]
    assert [e.message for e in entries(store, "s1")] == ["0", "1", "2"]
    assert [e.offset for e in append(store, [entry("3")], writer="w", number=2)] == [4]


def test_an_error_that_the_server_did_not_tell_leaves_open_what_was_done(store):
    """`psycopg` has such: "cannot exit pipeline mode while busy", on a connection that looks open."""
    append(store, [entry("0")])
    with pytest.raises(StoreUnreachable), store._errors(store._writer):
        raise OperationalError("connection socket closed")
    with pytest.raises(StoreError) as refused, store._errors(store._writer):
        store._writer.execute("SELECT 1 / 0")
    assert not isinstance(refused.value, StoreUnreachable)


def test_a_batch_whose_session_was_deleted_meanwhile_is_not_written_again(proxy, store, postgres):
    batch = Batch([entry("1"), entry("1", "s2")], writer="w", number=1)
    proxy.swallow.set()
    with pytest.raises(StoreUnreachable):
        store.append(batch)
    store.delete_session("s1")
    with pytest.raises(StoreUnreachable, match="written, but one of its sessions was deleted"):
        store.append(batch)
    assert ids(store.sessions(9)) == ["s2"] and len(entries(store, "s2")) == 1


def test_a_batch_that_comes_too_late_is_refused(store):
    append(store, [entry("2")], writer="w", number=2)
    with pytest.raises(StoreError, match="batch 1 of the writer 'w' comes after batch 2"):
        append(store, [entry("1")], writer="w", number=1)


def test_callers_do_not_notice_that_the_answer_to_their_commit_was_lost(proxy):
    async def log_many(logger: ProgressLogger) -> list[Entry]:
        return await asyncio.gather(*(logger.log_progress("s1", "Step", str(n), 1, 1) for n in range(20)))

    logger = ProgressLogger(proxy.url("cut"))
    logger.log("s1", "Step", "before", 1, 1)
    proxy.swallow.set()
    logged = asyncio.run(log_many(logger))
    assert proxy.swallowed == 1
    assert sorted(e.offset for e in logged) == list(range(2, 22))
    assert logger.get_progress_logs("s1")[1:] == sorted(logged, key=lambda e: e.offset)
    logger.close()


def test_connections_that_broke_while_idle_are_made_anew_without_a_word(proxy, store):
    log = append(store, [entry("1")])
    proxy.cut()
    assert entries(store, "s1") == log
    proxy.cut()
    log += append(store, [entry("2")])
    proxy.cut()
    store.update_session("s1", renamed("New"))
    proxy.cut()
    assert (record(store, "s1").title, entries(store, "s1")) == ("New", log)


def test_a_server_that_is_not_there_is_said_to_be_unreachable_until_it_is_back(proxy, store):
    append(store, [entry("1")])
    proxy.closed.set()
    proxy.cut()
    for attempt in (
        lambda: append(store, [entry("2")]),
        lambda: entries(store, "s1"),
        lambda: store.update_session("s1", renamed("x")),
        lambda: open_store(proxy.url("cut")),
    ):
        with pytest.raises(StoreUnreachable, match="cannot reach postgresql://127"):
            attempt()
    proxy.closed.clear()
    assert [e.offset for e in append(store, [entry("2")])] == [2]


def test_a_listener_whose_connection_is_cut_listens_again_and_looks_at_everything(postgres):
    url = postgres.create("listen")
    store, other = open_store(url), open_store(url)
    heard: Queue[str | None] = Queue()
    store.relay(heard.put)
    append(other, [entry("1")])
    while heard.get(timeout=SECONDS) != "s1":
        pass
    listening = "FROM pg_stat_activity WHERE datname = 'listen' AND query ~ '^(LISTEN|SELECT pg_notify)'"
    assert postgres.sql(f"SELECT count(pg_terminate_backend(pid)) {listening}") >= "1"
    append(other, [entry("2")])
    while heard.get(timeout=SECONDS) is not None:
        pass
    append(other, [entry("3", "s3")])
    while heard.get(timeout=SECONDS) != "s3":
        pass
    store.close()
    other.close()


def test_a_bell_does_not_wait_that_comes_with_the_answer_to_something_else(postgres, monkeypatch):
    monkeypatch.setattr("headway.stores.sql.listener.POLL", 3600)
    url = postgres.create("bells")
    store, other = open_store(url), open_store(url)
    heard: Queue[str | None] = Queue()
    written = threading.Event()

    def ring(session_id: str | None) -> None:
        heard.put(session_id)
        assert written.wait(SECONDS)

    store.relay(ring)
    append(other, [entry("1")])
    written.set()
    assert [heard.get(timeout=SECONDS) for _ in range(2)] == [None, "s1"]
    store.close()
    other.close()


def test_where_notifications_are_swallowed_everything_is_looked_at_now_and_then(proxy, store, monkeypatch):
    monkeypatch.setattr("headway.stores.sql.listener.POLL", 0.05)
    heard: Queue[str | None] = Queue()
    store.relay(heard.put)
    assert heard.get(timeout=SECONDS) is None
    proxy.mute.set()
    assert [heard.get(timeout=SECONDS) for _ in range(3)] == [None] * 3


def test_a_batch_of_very_many_sessions_rings_for_all_of_them(postgres):
    url = postgres.create("many")
    store, other = open_store(url), open_store(url)
    heard: Queue[str | None] = Queue()
    store.relay(heard.put)
    some = {f"{n:03}" + "x" * 125 for n in range(200)}
    append(other, [entry("1", session_id) for session_id in sorted(some)])
    missing = set(some)
    while missing:
        missing.discard(heard.get(timeout=SECONDS))
    store.close()
    other.close()


def test_no_text_is_too_strange(postgres):
    store = open_store(postgres.create("strange"))
    strange = {
        "step": "\0 \ue000",
        "key": "\0",
        "data": {"\0": ["\0\ue0000", "%s ?", "\\u0000"], "prompt": "a\0b"},
    }
    (stored,) = append(store, [entry("\ue0000\0'%s$1", **strange)])
    assert entries(store, "s1") == [stored] == append(store, [entry("again", key="\0")])
    assert record(store, "s1").title == "a\0b"
    store.close()


def test_a_database_that_cannot_hold_every_text_is_refused(postgres):
    url = postgres.create("latin", "ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(StoreError, match="encoding SQL_ASCII, which cannot hold every text; make a database"):
        open_store(url)


def test_a_database_that_takes_no_writes_says_so_and_is_read_all_the_same(postgres):
    url = postgres.create("readonly")
    store = open_store(url)
    log = append(store, [entry("1")])
    store.close()
    postgres.sql("ALTER DATABASE readonly SET default_transaction_read_only = on")
    with pytest.raises(StoreError, match="read-only transaction") as refused:
        open_store(url)
    assert isinstance(refused.value.__cause__, OSError) and refused.value.__cause__.errno == errno.EROFS
    postgres.sql("ALTER DATABASE readonly RESET default_transaction_read_only")
    again = open_store(url)
    assert entries(again, "s1") == log
    again.close()


def test_a_server_that_would_acknowledge_before_it_flushes_is_told_not_to(postgres):
    url = postgres.create("lazy")
    postgres.sql("ALTER DATABASE lazy SET synchronous_commit = off")
    store = open_store(url)
    seen: list[tuple[str]] = []
    store._write(lambda run: seen.append(run("SHOW synchronous_commit").fetchone()))
    store._write(lambda run: seen.append(run("SHOW synchronous_commit").fetchone()), flush=False)
    store._write(lambda run: seen.append(run("SHOW synchronous_commit").fetchone()))
    assert seen == [("on",), ("off",), ("on",)]
    store.close()


@pytest.mark.parametrize("url", ["postgresql:nothing", "postgresql://me:secret@host/%zz", "postgresql://[x"])
def test_a_url_that_is_none_says_how_one_looks_and_tells_no_password(url):
    with pytest.raises(
        StoreError, match="is no URL of a database: postgresql://USER:PASSWORD@HOST"
    ) as refused:
        open_store(url)
    assert "secret" not in f"{refused.value} {refused.value.__cause__} {refused.value.__context__}"


def test_without_a_driver_it_says_what_to_install(tmp_path: Path):
    (tmp_path / "psycopg.py").write_text("raise ImportError('no driver')")
    code = "from headway.stores import open_store; open_store('postgresql://h/d')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": "."}
    )
    assert "StoreError: postgresql: needs a driver; install it with pip install 'headway[sql]'" in done.stderr


def test_the_record_of_a_new_session_is_taken_as_given(postgres):
    store = open_store(postgres.create("added"))
    added = session("s1", title="By hand")
    store.add_session(added)
    assert store.session("s1") == added
    store.close()
