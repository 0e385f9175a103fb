"""`/ws`, by the `websockets` package over a real socket."""

import asyncio
import json
import random
import socket
import threading

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

ENTRY = {"step": "Scanning databases", "message": "3 tables", "step_number": 1, "total_steps": 2}


async def receive(socket, count):
    async with asyncio.timeout(20):
        return [json.loads(await socket.recv()) for _ in range(count)]


async def closed(url, **options):
    """Return the code and the reason with which a socket is closed that is told nothing before."""
    async with asyncio.timeout(20), connect(url, **options) as socket:
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
    return caught.value.rcvd.code, caught.value.rcvd.reason


def offsets(entries):
    return [entry["offset"] for entry in entries]


def test_a_viewer_gets_what_is_there_then_what_comes_as_plain_entries(server):
    server.log("s1", "One", "Two")

    async def view():
        async with connect(f"{server.ws}/ws/progress/s1") as socket:
            stored = await receive(socket, 2)
            await asyncio.to_thread(server.log, "s1", "Three")
            return stored + await receive(socket, 1)

    entries = asyncio.run(view())
    assert entries == httpx.get(f"{server.url}/api/progress/s1").json()["logs"]
    assert set(entries[0]) == {
        "timestamp",
        "step",
        "message",
        "step_number",
        "total_steps",
        "session_id",
        "offset",
    }


def test_since_leaves_out_what_the_viewer_has(server):
    server.log("s1", *"abcde")

    async def view(query):
        async with connect(f"{server.ws}/ws/progress/s1?{query}") as socket:
            return offsets(await receive(socket, 2))

    epoch = server.runtime.logger.session("s1").epoch
    assert asyncio.run(view("since=3")) == asyncio.run(view(f"since=3&epoch={epoch}")) == [4, 5]


def test_batch_joins_entries_in_arrays(server):
    server.log("s1", *"abcde")

    async def view():
        async with connect(f"{server.ws}/ws/progress/s1?batch=1") as socket:
            (stored,) = await receive(socket, 1)
            await asyncio.to_thread(server.log, "s1", "f")
            (live,) = await receive(socket, 1)
            return offsets(stored), offsets(live)

    assert asyncio.run(view()) == ([1, 2, 3, 4, 5], [6])


def test_an_array_is_no_larger_than_a_frame_should_be(server):
    for _ in range(40):
        server.runtime.logger.log("s1", "Step", "word " * 1_600, 1, 1)

    async def view():
        frames, seen = [], 0
        async with connect(f"{server.ws}/ws/progress/s1?batch=1") as socket:
            while seen < 40:
                frames.append(await socket.recv())
                seen += len(json.loads(frames[-1]))
        return [len(frame) for frame in frames]

    sizes = asyncio.run(view())
    assert len(sizes) == 5 and max(sizes) < 66_000


def test_a_session_that_is_not_there_yet_is_waited_for(server, until):
    async def view():
        async with connect(f"{server.ws}/ws/progress/later") as socket:
            await asyncio.to_thread(until, lambda: server.runtime.logger.hub.watched("later"))
            await asyncio.to_thread(server.log, "later", "One")
            return await receive(socket, 1)

    assert [entry["step"] for entry in asyncio.run(view())] == ["One"]


def test_what_the_client_says_is_passed_over(server):
    server.log("s1", "One")

    async def view():
        async with connect(f"{server.ws}/ws/progress/s1") as socket:
            for message in ("ping", '{"type": "subscribe"}', b"\x00\xff", ""):
                await socket.send(message)
            return offsets(await receive(socket, 1))

    assert asyncio.run(view()) == [1]


def test_a_message_that_is_too_large_ends_the_socket(server):
    async def view():
        async with connect(f"{server.ws}/ws/progress/s1") as socket:
            await socket.send("x" * 5_000)
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
        return caught.value.rcvd.code

    assert asyncio.run(view()) == 1009  # RFC 6455, 7.4.1


@pytest.mark.parametrize(
    "path",
    ["s1?since=x", "s1?since=-1", "s1?batch=2", "a.b", "..%2f..%2fetc", "CON", "a%0a", "%ff", "x" * 129],
)
def test_a_bad_request_is_closed_with_4400_and_told_why(server, path):
    server.log("s1", "One")
    code, reason = asyncio.run(closed(f"{server.ws}/ws/progress/{path}"))
    assert code == 4400 and reason.startswith(("since is ", "batch is ", "'"))


@pytest.mark.parametrize("query", ["since=2", "epoch=another", "since=1&epoch=another"])
def test_a_reader_of_another_log_is_closed_with_4409_and_told_the_epoch(server, query):
    server.log("s1", "One")
    epoch = server.runtime.logger.session("s1").epoch
    assert asyncio.run(closed(f"{server.ws}/ws/progress/s1?{query}")) == (
        4409,
        f"log replaced; epoch={epoch}",
    )


def test_a_log_that_is_deleted_while_it_is_followed_is_closed_with_4409(server):
    server.log("s1", "One")

    async def view():
        async with connect(f"{server.ws}/ws/progress/s1") as socket:
            await receive(socket, 1)
            await asyncio.to_thread(httpx.delete, f"{server.url}/api/sessions/s1")
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
        return caught.value.rcvd.code

    assert asyncio.run(view()) == 4409


def test_a_log_that_cannot_be_read_is_closed_with_1011(server, monkeypatch, caplog):
    from headway.errors import StoreError

    def fail(*_):
        raise StoreError("the disk is gone")

    monkeypatch.setattr(server.runtime.logger.store, "read", fail)
    assert asyncio.run(closed(f"{server.ws}/ws/progress/s1")) == (1011, "the log cannot be read")
    assert "the disk is gone" in caplog.text


def test_ten_viewers_see_the_same(server):
    async def view():
        async with connect(f"{server.ws}/ws/progress/s1") as socket:
            return await receive(socket, 300)

    async def all_of_them():
        writer = asyncio.create_task(asyncio.to_thread(write))
        logs = await asyncio.gather(*(view() for _ in range(10)))
        await writer
        return logs

    def write():
        for number in range(1, 301):
            server.runtime.logger.log("s1", "Count", str(number), number, 300)

    logs = asyncio.run(all_of_them())
    assert offsets(logs[0]) == list(range(1, 301))
    assert all(log == logs[0] for log in logs)


def test_a_viewer_that_is_cut_200_times_misses_and_repeats_nothing(server):
    cuts, seen, done = 200, [], threading.Event()

    def write():
        number = 0
        while not done.is_set():
            number += 1
            server.runtime.logger.log("s1", "Count", str(number), 1, 1)

    async def view():
        chance = random.Random(7)
        for _ in range(cuts):
            async with connect(f"{server.ws}/ws/progress/s1?since={len(seen)}") as socket:
                for _ in range(chance.randrange(20)):
                    seen.append(json.loads(await socket.recv()))
                socket.transport.abort()  # as a cable that is pulled, often in the middle of a frame

    writer = threading.Thread(target=write)
    writer.start()
    try:
        asyncio.run(asyncio.wait_for(view(), 60))
    finally:
        done.set()
        writer.join()
    assert offsets(seen) == list(range(1, len(seen) + 1))
    assert [entry["message"] for entry in seen] == [str(n) for n in range(1, len(seen) + 1)]
    assert len(seen) > cuts


def test_sockets_are_set_up_for_small_messages_and_without_compression(server):
    """Pins what `ws._tune` reaches for by a name that Tornado does not document."""
    from headway.dashboard.routes.base import READERS

    server.log("s1", "One")

    async def view():
        async with connect(f"{server.ws}/ws/progress/s1", compression="deflate") as viewer:
            await receive(viewer, 1)
            (reader,) = await asyncio.to_thread(server.call, lambda: list(READERS._here))
            kernel = reader.ws_connection.stream.socket
            return (
                viewer.response.headers.get("Sec-WebSocket-Extensions"),
                kernel.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                kernel.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 128 * 1024,  # Linux doubles
            )

    assert asyncio.run(view()) == (None, 1, True)


def test_nobody_is_kept_when_viewers_have_gone(server, until):
    from headway.dashboard.routes.base import READERS

    async def view():
        async with (
            connect(f"{server.ws}/ws/progress/s1") as one,
            connect(f"{server.ws}/ws/sessions") as two,
        ):
            await receive(two, 1)
            one.transport.abort()
            two.transport.abort()

    asyncio.run(view())
    until(lambda: not server.call(lambda: len(READERS._here)))
    hub = server.runtime.logger.hub
    until(lambda: not hub.watched("s1") and not hub.watched(None))
