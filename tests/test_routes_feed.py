"""`/ws/sessions`: the session list, live."""

import asyncio
import json
import time

import httpx
import msgspec
from websockets.asyncio.client import connect

from headway.dashboard.routes.feed import PAUSE


async def receive(socket, count):
    async with asyncio.timeout(20):
        return [json.loads(await socket.recv()) for _ in range(count)]


def test_the_session_list_comes_as_a_whole_then_change_by_change(server):
    server.log("s1", "One")
    server.log("s2", "One")
    api = httpx.Client(base_url=server.url)

    async def view():
        async with connect(f"{server.ws}/ws/sessions") as socket:
            (listed,) = await receive(socket, 1)
            changes = []
            for change in (
                lambda: server.log("s1", "Two"),
                lambda: server.runtime.logger.add_notification("s1", "Done"),
                lambda: api.post("/api/sessions/s1/mark-read"),
                lambda: api.patch("/api/sessions/s2", json={"title": "Sales"}),
                lambda: api.post("/api/sessions", json={}),
                lambda: api.delete("/api/sessions/s2"),
            ):
                await asyncio.to_thread(change)
                changes += await receive(socket, 1)
            return listed, changes

    with api:
        listed, changes = asyncio.run(view())
        assert [session["session_id"] for session in listed] == ["s2", "s1"]
        assert changes[3]["title"] == "Sales" and changes[4] == api.get("/api/sessions").json()[0]
    assert [(c["session_id"], c.get("last_offset"), c.get("has_notification")) for c in changes[:3]] == [
        ("s1", 2, False),
        ("s1", 2, True),
        ("s1", 2, False),
    ]
    assert changes[5] == {"session_id": "s2", "deleted": True}


def test_a_burst_of_changes_ends_with_how_it_is_and_costs_few_messages(server):
    async def view():
        async with connect(f"{server.ws}/ws/sessions") as socket:
            assert await receive(socket, 1) == [[]]
            writer = asyncio.create_task(asyncio.to_thread(server.log, "s1", *map(str, range(1, 501))))
            messages, began = [], time.monotonic()
            while not messages or messages[-1]["last_offset"] < 500:
                messages += await receive(socket, 1)
            seconds = time.monotonic() - began
            await writer
            return [message["last_offset"] for message in messages], seconds

    reached, seconds = asyncio.run(view())
    assert reached == sorted(set(reached))
    assert len(reached) <= seconds / PAUSE + 2


def test_many_followers_of_the_session_list_see_the_same_end(server):
    async def view():
        known = {}
        async with connect(f"{server.ws}/ws/sessions") as socket:
            for session in (await receive(socket, 1))[0]:
                known[session["session_id"]] = session
            while len(known) < 20 or any(session["last_offset"] < 3 for session in known.values()):
                (session,) = await receive(socket, 1)
                known[session["session_id"]] = session
        return known

    async def all_of_them():
        writer = asyncio.create_task(asyncio.to_thread(write))
        views = await asyncio.gather(*(view() for _ in range(5)))
        await writer
        return views

    def write():
        for _ in range(3):
            for number in range(20):
                server.log(f"s{number}", "One")

    views = asyncio.run(all_of_them())
    assert all(known == views[0] for known in views)


def test_only_what_rang_is_looked_at_and_in_memory_where_somebody_logs(server, monkeypatch):
    store, asked = server.runtime.logger.store, []
    for name in ("sessions", "session", "read"):
        monkeypatch.setattr(store, name, spied(asked, name, getattr(store, name)))
    for number in range(300):
        server.log(f"s{number}", "One")

    async def view():
        async with connect(f"{server.ws}/ws/sessions") as socket:
            await receive(socket, 1)
            asked.clear()
            writer = asyncio.create_task(asyncio.to_thread(server.log, "s7", *map(str, range(300))))
            reached = 0
            while reached < 301:
                ((session_id, reached),) = [
                    (change["session_id"], change["last_offset"]) for change in await receive(socket, 1)
                ]
                assert session_id == "s7"
            await writer

    asyncio.run(view())
    assert asked == []


def spied(asked, name, method):
    """Return a method that notes that it was asked."""

    def ask(*arguments):
        asked.append(name)
        return method(*arguments)

    return ask


def test_after_a_ring_of_nobody_knows_whom_the_whole_list_is_looked_at(server):
    """As after a break of the connection to other servers; here the store is changed past the logger."""
    server.log("s1", "One")
    server.log("s2", "One")
    store = server.runtime.logger.store

    async def view():
        async with connect(f"{server.ws}/ws/sessions") as socket:
            await receive(socket, 1)
            store.delete_session("s1")
            store.update_session("s2", lambda session: msgspec.structs.replace(session, title="Changed"))
            server.runtime.logger.hub.ring_all()
            return await receive(socket, 2)

    changes = asyncio.run(view())
    assert sorted((c["session_id"], c.get("title"), c.get("deleted")) for c in changes) == [
        ("s1", None, True),
        ("s2", "Changed", None),
    ]
