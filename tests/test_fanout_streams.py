"""The fast path: its invariants, its one private attribute, and the way past it."""

import asyncio
import ctypes
import json
import socket
import struct
import threading
from itertools import count

import pytest
from plain_reader import CLOSE, TEXT, PlainReader
from tornado.iostream import IOStream, StreamClosedError
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from headway.dashboard.routes import fanout, streams, ws
from headway.dashboard.routes.frames import framed

DATA = b"x" * 1_000


def pair():
    """Return a stream and the socket at its other end."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    return IOStream(ours), theirs


def heard(other):
    """Return what has come at a socket."""
    try:
        return other.recv(10_000_000)
    except BlockingIOError:
        return b""


def test_a_stream_that_takes_all_is_not_told_of():
    async def scene():
        stream, other = pair()
        short = streams.send({"r": stream.socket}, DATA)
        stream.close()
        return short, heard(other), other.close()

    assert asyncio.run(scene())[:2] == ([], DATA)


def test_what_the_kernel_does_not_take_is_said_to_the_byte():
    async def scene():
        stream, other = pair()
        data = bytes(range(256)) * 10_000
        ((short, taken),) = streams.send({"r": stream.socket}, data)
        rest = stream.write(memoryview(data)[taken:])
        got = b""
        while len(got) < len(data):
            got += heard(other)
            await asyncio.sleep(0)
        await rest
        stream.close()
        other.close()
        return short == "r", 0 < taken < len(data), got == data

    assert asyncio.run(scene()) == (True, True, True)


def test_a_stranger_who_got_a_closed_streams_descriptor_hears_nothing():
    """Between IOStream.close() and the call of its close callback the number may be another connection's."""

    async def scene():
        stream, other = pair()
        number, readers = stream.socket.fileno(), {"r": stream.socket}
        assert streams.send(readers, DATA) == []
        stream.close()
        strangers, spare = [], []
        for _ in count():
            stranger, strange = socket.socketpair()
            strangers.append((stranger, strange))
            if stranger.fileno() == number or strange.fileno() == number:
                break
        short = streams.send(readers, DATA)
        for stranger, strange in strangers:
            for end in (stranger, strange):
                end.setblocking(False)
                spare.append(heard(end))
        for end in (other, *(end for both in strangers for end in both)):
            end.close()
        with pytest.raises(StreamClosedError):
            stream.write(DATA)
        return short == [("r", -1)], set(spare)

    assert asyncio.run(scene()) == (True, {b""})


def test_a_reader_that_hung_up_costs_the_others_nothing():
    async def scene():
        (gone, its), (stream, other) = pair(), pair()
        its.close()
        short = streams.send({"gone": gone.socket, "r": stream.socket}, DATA)
        got = heard(other)
        for end in (gone, stream, other):
            end.close()
        return short == [("gone", -1)], got

    assert asyncio.run(scene()) == (True, DATA)


def test_the_interpreters_lock_is_kept_where_the_c_library_can_be_called():
    assert streams._send.__class__.__mro__[1] is ctypes._CFuncPtr
    assert streams._send._flags_ & ctypes._FUNCFLAG_PYTHONAPI


def test_where_it_cannot_the_same_is_sent(monkeypatch):
    monkeypatch.setattr(streams, "_send", streams._by_os)
    test_a_stream_that_takes_all_is_not_told_of()
    test_what_the_kernel_does_not_take_is_said_to_the_byte()
    test_a_reader_that_hung_up_costs_the_others_nothing()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_frames_are_those_of_the_protocol(size):
    assert framed([b"x" * size]) == Frame(Opcode.TEXT, b"x" * size).serialize(mask=False)


def test_the_stream_of_a_socket_is_where_tornado_keeps_it(server, until):
    """Pins `ws_connection.stream`: without it every reader goes the slow way, and nobody would notice."""
    with PlainReader(server.url, "/ws/progress/s1") as reader:
        followers = fanout.fanout(server.runtime.logger)._followers
        until(lambda: followers and server.call(lambda: [len(f._list) for f in followers.values()]) == [1])
        server.log("s1", "One")
        assert json.loads(reader.text())["offset"] == 1


@pytest.mark.parametrize("query", ["", "batch=1", "live=1"])
def test_the_way_past_the_fast_path_tells_the_same(server, monkeypatch, query):
    def write():
        for number in range(300):
            server.log("s1", f"Step {number}")

    async def view():
        seen = []
        async with asyncio.timeout(20), connect(f"{server.ws}/ws/progress/s1?{query}") as viewer:
            writer = asyncio.create_task(asyncio.to_thread(write))
            while len(seen) < 300:
                told = json.loads(await viewer.recv())
                seen += told if isinstance(told, list) else [told]
            await writer
        return seen

    monkeypatch.setattr(ws, "stream_of", lambda handler: None)
    seen = asyncio.run(view())
    assert [entry["offset"] for entry in seen] == list(range(1, 301))
    assert fanout.fanout(server.runtime.logger)._followers == {}


def test_a_reader_of_a_few_bytes_at_a_time_is_not_stalled(server, until, monkeypatch):
    """What counts are bytes that its side takes, not chunks that ours gets rid of."""
    monkeypatch.setattr(streams, "STALLED", 1.0)
    for _ in range(100):
        server.runtime.logger.log("s1", "Count", "word " * 1_600, 1, 1)
    with PlainReader(server.url, "/ws/progress/s1", kernel=4_096) as reader:
        pause = threading.Event()
        for _ in range(60):  # 3 s at 20 kB a second: our kernel takes nothing off our hands in that time
            reader.take(1_000)
            pause.wait(0.05)
        seen = [reader.frame() for _ in range(100)]
    assert [opcode for opcode, _ in seen] == [TEXT] * 100


def test_a_reader_that_is_gone_without_a_word_is_found_out(server, until, monkeypatch):
    """A filter that lets nothing through stands for a cable that is pulled."""
    monkeypatch.setattr(streams, "STALLED", 0.4)
    monkeypatch.setattr(ws, "BEAT", 0.1)
    hub = server.runtime.logger.hub
    with PlainReader(server.url, "/ws/progress/s1") as reader, PlainReader(server.url, "/ws/progress/s2"):
        until(lambda: hub.watched("s1") and hub.watched("s2"))
        nothing = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0))  # BPF: return 0 bytes
        program = struct.pack("@HP", 1, ctypes.addressof(nothing))
        reader.socket.setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER
        until(lambda: not hub.watched("s1"))
        assert hub.watched("s2")


def test_a_reader_that_takes_nothing_is_let_go_also_where_the_goodbye_does_not_get_through(
    server, until, monkeypatch
):
    monkeypatch.setattr(streams, "STALLED", 0.2)
    with PlainReader(server.url, "/ws/progress/s1", kernel=4_096) as reader:
        hub = server.runtime.logger.hub
        until(lambda: hub.watched("s1"))
        for _ in range(60):
            server.runtime.logger.log("s1", "Count", "word " * 1_600, 1, 1)
        until(lambda: not hub.watched("s1"))
        frames = [reader.frame()]
        while frames[-1][0] == TEXT:
            frames.append(reader.frame())
    assert frames[-1] == (CLOSE, (4408).to_bytes(2, "big") + b"no byte taken for 30 s")
