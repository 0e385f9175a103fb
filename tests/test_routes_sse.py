"""`/sse`, by a stock HTTP client over a real socket."""

import json
import threading
from contextlib import contextmanager

import httpx
import pytest
from plain_reader import PlainReader

from headway.dashboard.routes import base
from headway.dashboard.routes.frames import CHUNK


@contextmanager
def stream(url, **options):
    with httpx.Client(timeout=20) as client, client.stream("GET", url, **options) as answer:
        yield answer, events(answer)


def events(answer):
    """Yield the events of a stream, each as a dict of its fields; comments under ''."""
    fields = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            yield fields
            fields = {}


def test_entries_come_as_events_first_those_that_are_there(server):
    server.log("s1", "One", "Two")
    with stream(f"{server.url}/sse/progress/s1") as (answer, coming):
        assert answer.headers["content-type"] == "text/event-stream"
        assert next(coming) == {"retry": "1000"}
        seen = [next(coming), next(coming)]
        server.log("s1", "Three")
        seen.append(next(coming))
    assert [int(event["id"]) for event in seen] == [1, 2, 3]
    logs = httpx.get(f"{server.url}/api/progress/s1").json()["logs"]
    assert [json.loads(event["data"]) for event in seen] == logs


@pytest.mark.parametrize(
    ("query", "headers"),
    [("?since=3", {}), ("", {"Last-Event-ID": "3"}), ("?since=1", {"Last-Event-ID": "3"})],
)
def test_a_reader_goes_on_where_it_was(server, query, headers):
    server.log("s1", *"abcde")
    with stream(f"{server.url}/sse/progress/s1{query}", headers=headers) as (_, coming):
        next(coming)
        assert [next(coming)["id"], next(coming)["id"]] == ["4", "5"]


def test_a_session_that_is_not_there_yet_is_waited_for(server):
    with stream(f"{server.url}/sse/progress/later") as (_, coming):
        next(coming)
        server.log("later", "One")
        assert json.loads(next(coming)["data"])["step"] == "One"


def test_silence_is_filled_with_comments(server, monkeypatch):
    from headway.dashboard.routes import sse

    monkeypatch.setattr(sse, "HEARTBEAT", 0.05)
    with stream(f"{server.url}/sse/progress/s1") as (_, coming):
        next(coming)
        assert next(coming) == {"": "still here"}
        server.log("s1", "One")
        assert next(event["id"] for event in coming if "id" in event) == "1"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("s1?since=x", {}, 400),
        ("s1", {"Last-Event-ID": "x"}, 400),
        ("s1", {"Last-Event-ID": "9" * 5000}, 400),
        ("a.b", {}, 400),
        ("s1?since=2", {}, 409),
        ("s1?epoch=another", {}, 409),
        ("nobody?since=1", {}, 409),
        ("nobody?epoch=another", {}, 409),
    ],
)
def test_what_cannot_be_followed_is_a_problem(server, path, headers, status):
    server.log("s1", "One")
    answer = httpx.get(f"{server.url}/sse/progress/{path}", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_log_that_is_replaced_is_told_and_the_stream_ends(server):
    server.log("s1", "One")
    with stream(f"{server.url}/sse/progress/s1") as (_, coming):
        next(coming), next(coming)
        httpx.delete(f"{server.url}/api/sessions/s1")
        assert list(coming) == [{"id": "0", "event": "reset", "data": '{"epoch":""}'}]


def test_nobody_is_kept_when_a_reader_has_gone(server, until):
    with stream(f"{server.url}/sse/progress/s1") as (_, coming):
        next(coming)
        until(lambda: server.runtime.logger.hub.watched("s1"))
    until(lambda: not server.runtime.logger.hub.watched("s1"))


def test_readers_leave_in_peace_when_the_server_goes(serving, until):
    ended = threading.Event()

    def read():
        with stream(f"{running.url}/sse/progress/s1") as (_, coming):
            assert list(coming) == [{"retry": "1000"}]
        ended.set()

    with serving() as running:
        reader = threading.Thread(target=read)
        reader.start()
        until(lambda: running.runtime.logger.hub.watched("s1"))
    reader.join(10)
    assert ended.is_set()


def test_an_entry_is_the_same_bytes_over_all_four_ways(server):
    data = {"prompt": "Wie viel? \U0001f600", "plan": ["Ä"], "share": 0.1, "big": 2**53, "none": None}
    server.log("s1", "Öl", "Two", "</script>", data=data, run_id="r1", fraction=1 / 3)
    with PlainReader(server.url, "/ws/progress/s1") as plain, stream(f"{server.url}/sse/progress/s1") as sse:
        messages = [plain.text() for _ in range(3)]
        next(sse[1])
        server.log("s1", "Live", data=data)  # from memory, as one frame for all
        messages.append(plain.text())
        events = [next(sse[1])["data"].encode() for _ in range(4)]
    with PlainReader(server.url, "/ws/progress/s1?batch=1") as batched:
        array = batched.text()
    page = httpx.get(f"{server.url}/api/progress/s1").content
    assert events == messages
    assert array == b"[%b]" % b",".join(messages)
    assert b'"logs":%b,' % array in page


def test_a_reader_that_does_not_read_costs_a_chunk(server, until):
    """Then it gets everything; 8 MB are more than the kernel keeps for it."""
    count = 1_000
    for number in range(1, count + 1):
        server.runtime.logger.log("s1", "Count", "word " * 1_600, number, count, durability="process")

    def kept():
        (reader,) = base.READERS._here
        return len(reader._stream._write_buffer)

    with stream(f"{server.url}/sse/progress/s1") as (_, coming):
        next(coming)
        until(lambda: server.call(kept) > 0)
        assert server.call(kept) < 2 * CHUNK
        assert [int(next(coming)["id"]) for _ in range(count)] == list(range(1, count + 1))
