"""`headway.dashboard.client.tail`: a session of another server, whatever the network does."""

import asyncio
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest
from tornado.web import HTTPError

from headway.dashboard import client
from headway.dashboard.client import Remote, ServerRefused, ServerUnreachable, tail
from headway.errors import InvalidSessionId, LogReplaced


async def take(count, entries):
    """Return the first entries of an iterator, which is closed then."""
    taken = []
    try:
        async with asyncio.timeout(30):
            async for entry in entries:
                taken.append(entry)
                if len(taken) == count:
                    return taken
    finally:
        await entries.aclose()
    return taken


def offsets(entries):
    return [entry.offset for entry in entries]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(client, "SHORTEST_PAUSE", 0.01)
    monkeypatch.setattr(client, "LONGEST_PAUSE", 0.05)


class Relay:
    """A port that is forwarded to a server, and can be cut; a context manager.

    ``is_open`` says whether new connections are let in.
    """

    def __init__(self, url):
        self.port = urlsplit(url).port
        self.doors = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.doors.getsockname()[1]}"
        self.is_open = True
        self.ends = []

    def __enter__(self):
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.doors.shutdown(socket.SHUT_RDWR)
        self.doors.close()
        self.thread.join()
        self.cut()
        for end in self.ends:
            end.close()

    def accept(self):
        with suppress(OSError):
            while True:
                outer, _ = self.doors.accept()
                if not self.is_open:
                    outer.close()
                    continue
                inner = socket.create_connection(("127.0.0.1", self.port))
                self.ends += [outer, inner]
                for ends in ((outer, inner), (inner, outer)):
                    threading.Thread(target=self.pump, args=ends, daemon=True).start()

    def pump(self, source, sink):
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_it_yields_the_entries_of_the_log_then_live_ones(server):
    server.log("s1", "One", "Two")

    async def follow():
        entries = tail(server.url, "s1")
        taken = [await anext(entries), await anext(entries)]
        await asyncio.to_thread(server.log, "s1", "Three")
        return taken + await take(1, entries)

    assert asyncio.run(follow()) == server.runtime.logger.get_progress_logs("s1")


def test_since_leaves_out_what_is_known(server):
    server.log("s1", *"abcde")
    epoch = server.runtime.logger.session("s1").epoch
    for options in ({}, {"epoch": epoch}):
        assert offsets(asyncio.run(take(2, tail(server.url, "s1", 3, **options)))) == [4, 5]


def test_a_session_that_is_not_there_yet_is_waited_for(server, until):
    async def follow():
        coming = asyncio.ensure_future(take(1, tail(server.url, "later")))
        await asyncio.to_thread(until, lambda: server.runtime.logger.hub.watched("later"))
        await asyncio.to_thread(server.log, "later", "One")
        return await coming

    assert offsets(asyncio.run(follow())) == [1]


def test_it_comes_back_after_cuts_and_misses_and_repeats_nothing(server):
    rounds, each = 20, 20
    go_on = threading.Semaphore()

    async def follow(relay):
        seen, entries = [], tail(relay.url, "s1")
        async with asyncio.timeout(60):
            while len(seen) < rounds * each:
                seen.append(await anext(entries))
                if len(seen) % each == each // 2:
                    relay.cut()
                    go_on.release()
        await entries.aclose()
        return seen

    def write():
        for number in range(1, rounds * each + 1):
            if number % each == 1:
                go_on.acquire(timeout=30)
            server.runtime.logger.log("s1", "Count", str(number), 1, 1)

    with Relay(server.url) as relay:
        writer = threading.Thread(target=write)
        writer.start()
        seen = asyncio.run(follow(relay))
        writer.join()
    assert offsets(seen) == list(range(1, rounds * each + 1))
    assert [entry.message for entry in seen] == [str(offset) for offset in offsets(seen)]


def test_it_polls_where_sockets_do_not_get_through(server, until, monkeypatch):
    from headway.dashboard.routes.ws import ProgressSocket

    async def blocked(self):
        raise HTTPError(403)  # what a proxy between says

    monkeypatch.setattr(ProgressSocket, "prepare", blocked)
    server.log("s1", "One")

    async def follow():
        entries = tail(server.url, "s1")
        first = await anext(entries)
        second = asyncio.ensure_future(take(1, entries))
        await asyncio.to_thread(until, lambda: server.runtime.logger.hub.watched("s1"))
        await asyncio.to_thread(server.log, "s1", "Two")
        return [first, *await second]

    assert offsets(asyncio.run(follow())) == [1, 2]


@pytest.mark.parametrize("sockets", [True, False])
def test_another_log_is_an_error_that_tells_its_epoch(server, monkeypatch, sockets):
    if not sockets:
        monkeypatch.setattr(client, "_by_socket", client._by_poll)
    server.log("s1", "One")
    epoch = server.runtime.logger.session("s1").epoch
    for options in ({"since": 2}, {"epoch": "another"}):
        with pytest.raises(LogReplaced) as caught:
            asyncio.run(take(1, tail(server.url, "s1", **options)))
        assert caught.value.epoch == epoch


def test_a_log_that_is_replaced_while_it_is_followed_is_an_error(server):
    server.log("s1", "One", "Two")

    async def follow():
        entries = tail(server.url, "s1")
        await anext(entries)
        await anext(entries)
        await asyncio.to_thread(httpx.delete, f"{server.url}/api/sessions/s1")
        with pytest.raises(LogReplaced):
            await take(1, entries)

    asyncio.run(follow())


def test_a_log_that_is_replaced_while_the_client_is_away_is_an_error(server):
    """The new log is longer than the old one: only its epoch tells that it is another."""
    server.log("s1", "One")

    async def follow(relay):
        entries = tail(relay.url, "s1")
        await anext(entries)
        await asyncio.to_thread(server.log, "s1", "Two")
        await anext(entries)
        relay.is_open = False
        relay.cut()
        await asyncio.to_thread(server.runtime.logger.delete_session, "s1")
        await asyncio.to_thread(server.log, "s1", *"abc")
        relay.is_open = True
        with pytest.raises(LogReplaced) as caught:
            await take(1, entries)
        return caught.value.epoch

    with Relay(server.url) as relay:
        assert asyncio.run(follow(relay)) == server.runtime.logger.session("s1").epoch


def test_a_token_opens_the_server(serving):
    with serving(token="secret") as running:
        running.log("s1", "One")
        assert offsets(asyncio.run(take(1, tail(running.url, "s1", token="secret")))) == [1]
        for token in (None, "wrong"):
            with pytest.raises(ServerRefused, match="token"):
                asyncio.run(take(1, tail(running.url, "s1", token=token)))


def test_a_server_that_is_not_there_is_an_error_after_the_first_timeout(monkeypatch):
    monkeypatch.setattr(client, "FIRST_CONNECT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ServerUnreachable, match=f"http://127.0.0.1:{port}"):
        asyncio.run(take(1, tail(f"http://127.0.0.1:{port}", "s1")))


def test_a_server_that_hangs_up_without_an_answer_is_not_there_either(monkeypatch):
    monkeypatch.setattr(client, "FIRST_CONNECT", 0.2)

    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def ask():
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await take(1, tail(f"http://127.0.0.1:{port}", "s1"))

    with pytest.raises(ServerUnreachable):
        asyncio.run(ask())


def test_what_is_no_session_id_is_refused_here_already():
    with pytest.raises(InvalidSessionId):
        asyncio.run(take(1, tail("http://localhost:1", "../x")))


def test_a_session_is_asked_for(server):
    server.log("s1", "One")

    async def ask(session_id):
        return await Remote(server.url).session(session_id)

    assert asyncio.run(ask("s1")) == httpx.get(f"{server.url}/api/sessions/s1").json()
    assert asyncio.run(ask("nobody")) is None
