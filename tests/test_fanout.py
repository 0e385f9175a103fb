"""The fan-out by real sockets: who keeps up shares, who does not goes on alone, nobody misses or repeats."""

import asyncio
import json
import random
import threading
from contextlib import ExitStack

import pytest
from plain_reader import CLOSE, PING, PONG, TEXT, PlainReader
from websockets.asyncio.client import connect

from headway.dashboard.routes.fanout import fanout
from headway.dashboard.routes.frames import CHUNK, Form

BIG = "word " * 1_600  # 8 kB


PLAIN = Form()


def in_the_list(server, session_id):
    """Return how many readers keep up; how many there are."""

    def count():
        found = fanout(server.runtime.logger)._followers.get((session_id, PLAIN))
        return (len(found._list), len(found._here)) if found else (0, 0)

    return server.call(count)


def write(server, session_id, first, last, message="…", **more):
    for _ in range(first, last + 1):
        server.runtime.logger.log(session_id, "Count", message, 1, 1, durability="process", **more)


def offsets(reader, count):
    return [json.loads(reader.text())["offset"] for _ in range(count)]


def test_readers_that_keep_up_stand_in_one_list(server, until):
    write(server, "s1", 1, 5)
    with ExitStack() as stack:
        readers = [stack.enter_context(PlainReader(server.url, "/ws/progress/s1")) for _ in range(5)]
        until(lambda: in_the_list(server, "s1") == (5, 5))
        write(server, "s1", 6, 10)
        assert [offsets(reader, 10) for reader in readers] == [list(range(1, 11))] * 5
    until(lambda: in_the_list(server, "s1") == (0, 0))
    assert fanout(server.runtime.logger)._followers == {}


def test_a_reader_that_does_not_read_leaves_the_list_and_comes_back_without_gap_or_repeat(server, until):
    with (
        PlainReader(server.url, "/ws/progress/s1", kernel=16_384) as slow,
        PlainReader(server.url, "/ws/progress/s1") as quick,
    ):
        until(lambda: in_the_list(server, "s1") == (2, 2))
        writer = threading.Thread(target=write, args=(server, "s1", 1, 300, BIG))
        writer.start()
        assert offsets(quick, 300) == list(range(1, 301))
        writer.join()
        assert in_the_list(server, "s1") == (1, 2)
        assert offsets(slow, 300) == list(range(1, 301))
        until(lambda: in_the_list(server, "s1") == (2, 2))
        write(server, "s1", 301, 302)
        assert offsets(slow, 2) == offsets(quick, 2) == [301, 302]


def test_20_of_100_readers_that_never_read_keep_less_than_a_chunk_each(server, until):
    def kept():
        """Return how many bytes Tornado holds for each of the readers that are behind."""
        found = fanout(server.runtime.logger)._followers["s1", PLAIN]
        return [len(reader.stream._write_buffer) for reader in found._here.keys() - found._list.keys()]

    with ExitStack() as stack:
        path = "/ws/progress/s1"
        deaf = [stack.enter_context(PlainReader(server.url, path, kernel=16_384)) for _ in range(20)]
        readers = [stack.enter_context(PlainReader(server.url, path)) for _ in range(80)]
        until(lambda: in_the_list(server, "s1") == (100, 100))
        writer = threading.Thread(target=write, args=(server, "s1", 1, 100, BIG))
        writer.start()
        assert [offsets(reader, 100) for reader in readers] == [list(range(1, 101))] * 80
        writer.join()
        until(lambda: in_the_list(server, "s1") == (80, 100))
        behind = server.call(kept)
        assert len(behind) == len(deaf) and max(behind) < 2 * CHUNK


@pytest.mark.parametrize("form", [PLAIN, Form(batch=True), Form(live=True), Form(True, True)], ids=str)
def test_whoever_comes_while_much_is_logged_gets_each_entry_once(server, form):
    """40 readers come at any time, with any place and any patience, while 2,000 entries are logged."""
    count, chance = 2_000, random.Random(5)

    async def view(wait, since, pauses):
        await asyncio.sleep(wait)
        query = f"since={since}&batch={form.batch:d}&live={form.live:d}"
        seen = []
        async with connect(f"{server.ws}/ws/progress/s1?{query}", max_queue=2) as viewer:
            while not seen or seen[-1] < count:
                told = json.loads(await viewer.recv())
                seen += [entry["offset"] for entry in (told if form.batch else [told])]
                if pauses and chance.random() < 0.02:
                    await asyncio.sleep(0.02)
        return since, seen

    async def scene():
        writer = asyncio.create_task(asyncio.to_thread(write, server, "s1", 1, count, run_id="r1"))
        places = [(chance.random() / 2, 0, n % 2) for n in range(40)]
        async with asyncio.timeout(60):
            return await asyncio.gather(*(view(*place) for place in places), writer)

    for since, seen in asyncio.run(scene())[:-1]:
        assert seen == sorted(set(seen))
        assert form.live or seen == list(range(since + 1, count + 1))


def whole(reader, last):
    """Return the offsets of all entries up to one, and how many pings and pongs came between them."""
    seen, others = [], 0
    while not seen or seen[-1] < last:
        opcode, payload = reader.frame()
        others += opcode in (PING, PONG)
        seen += [json.loads(payload)["offset"]] if opcode == TEXT else []
    return seen, others


def test_entries_wait_behind_a_pong_that_is_half_out(server, until):
    """A client that pings and does not read: the kernel takes the half of some pong."""
    with PlainReader(server.url, "/ws/progress/s1", kernel=4_096) as reader:
        until(lambda: in_the_list(server, "s1") == (1, 1))
        while in_the_list(server, "s1") == (1, 1):
            reader.say(PING, b"p" * 100)
        write(server, "s1", 1, 100)
        reader.take(50_000)
        write(server, "s1", 101, 200)
        seen, pongs = whole(reader, 200)
        assert seen == list(range(1, 201)) and pongs > 100
        until(lambda: in_the_list(server, "s1") == (1, 1))


def test_entries_wait_behind_a_ping_of_ours_that_is_half_out(server, until):
    def beat():
        """Ping until the kernel takes no more, as it would take hours."""
        for beats in range(1_000_000):
            if not found._list:
                return beats
            for reader in list(found._list):
                reader._beat()

    with PlainReader(server.url, "/ws/progress/s1", kernel=4_096) as reader:
        until(lambda: in_the_list(server, "s1") == (1, 1))
        found = fanout(server.runtime.logger)._followers["s1", PLAIN]
        beats = server.call(beat)
        write(server, "s1", 1, 100)
        seen, pings = whole(reader, 100)
        assert seen == list(range(1, 101)) and pings == beats


def test_who_has_caught_up_waits_for_the_pings_behind_what_it_caught_up_with(server, until):
    def ping():
        (reader,) = found._here
        for _ in range(10_000):
            reader.ping(b"p" * 100)

    with PlainReader(server.url, "/ws/progress/s1", kernel=4_096) as reader:
        until(lambda: in_the_list(server, "s1") == (1, 1))
        found = fanout(server.runtime.logger)._followers["s1", PLAIN]
        count = 0
        while in_the_list(server, "s1") == (1, 1):  # the kernel takes the half of the last one
            count += 1
            write(server, "s1", count, count, BIG)
        server.call(ping)
        taken = 0
        while taken < count * 8_200 + 100_000:  # all the entries, and some of the pings
            taken += reader.take(20_000)
            assert server.call(lambda: [r for r in found._list if r.stream.writing()]) == []
        write(server, "s1", count + 1, count + 50)
        seen, pings = whole(reader, count + 50)
        assert seen == list(range(1, count + 51)) and pings == 10_000


def test_a_close_frame_comes_behind_the_frame_that_is_half_out(server, until):
    with PlainReader(server.url, "/ws/progress/s1", kernel=4_096) as reader:
        until(lambda: in_the_list(server, "s1") == (1, 1))
        write(server, "s1", 1, 60, BIG)
        until(lambda: in_the_list(server, "s1") == (0, 1))
        server.runtime.logger.delete_session("s1")
        frames = [reader.frame()]
        while frames[-1][0] == TEXT:
            frames.append(reader.frame())
        assert frames[-1] == (CLOSE, (4409).to_bytes(2, "big") + b"log replaced; epoch=")
        told = [json.loads(payload)["offset"] for _, payload in frames[:-1]]
        assert told == list(range(1, len(told) + 1))


def test_a_replaced_log_ends_all_its_readers_and_no_others(server, until):
    write(server, "s1", 1, 3)
    write(server, "s2", 1, 3)
    with ExitStack() as stack:
        readers = [stack.enter_context(PlainReader(server.url, "/ws/progress/s1")) for _ in range(5)]
        other = stack.enter_context(PlainReader(server.url, "/ws/progress/s2"))
        assert [offsets(reader, 3) for reader in (*readers, other)] == [[1, 2, 3]] * 6
        server.runtime.logger.delete_session("s1")
        write(server, "s1", 1, 1)
        assert {reader.frame()[0] for reader in readers} == {CLOSE}
        write(server, "s2", 4, 4)
        assert offsets(other, 1) == [4]
        again = stack.enter_context(PlainReader(server.url, "/ws/progress/s1"))
        assert offsets(again, 1) == [1]


def test_a_store_that_fails_ends_all_readers_with_1011_and_is_told_once(server, until, monkeypatch, caplog):
    from headway.errors import StoreError

    def fail(*_):
        raise StoreError("the disk is gone")

    write(server, "s1", 1, 1)
    with ExitStack() as stack:
        readers = [stack.enter_context(PlainReader(server.url, "/ws/progress/s1")) for _ in range(5)]
        until(lambda: in_the_list(server, "s1") == (5, 5))
        monkeypatch.setattr(server.runtime.logger.store, "read", fail)
        server.runtime.logger.mark_notification_read("s1")  # rings; what is in memory is outdated
        closing = (CLOSE, (1011).to_bytes(2, "big") + b"the log cannot be read")
        assert [(reader.text(), reader.frame())[1] for reader in readers] == [closing] * 5
    assert caplog.text.count("session s1 cannot be told") == 1
