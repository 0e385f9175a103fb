"""Two servers on one store behave as one: what happens on A is seen, steered and remembered on B."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.asyncio.client import connect

from headway import ProgressLogger

from .many import ENTRY, ended, entries_of, offsets, serve_one, shared

__all__ = ["serve_one", "shared"]  # fixtures


@pytest.fixture
def pair(serve_one):
    """Give two servers."""
    with ThreadPoolExecutor(2) as threads:
        return tuple(threads.map(lambda _: serve_one(), range(2)))


def test_a_run_of_one_server_is_watched_stopped_and_deleted_on_another(pair):
    a, b = pair
    run_id = a.run("s1", 100_000)

    async def watch():
        async with b.watch("s1") as socket:
            found = await entries_of(socket, lambda entry: entry["offset"] == 300)
            answer = await asyncio.to_thread(b.ask, "POST", f"runs/{run_id}/cancel")
            return found + await entries_of(socket, ended), answer

    found, answer = asyncio.run(watch())
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    assert offsets(found) == list(range(1, len(found) + 1))
    assert found == a.log("s1") == b.log("s1")
    assert (found[-1]["status"], found[-1]["run_id"]) == ("cancelled", run_id)
    assert [entry["message"] for entry in found if entry.get("data") == {"cancel": True}] == ["Stopping"]
    assert b.ask("DELETE", "sessions/s1").status_code == 204
    assert a.ask("GET", "sessions/s1").status_code == 404
    assert a.ask("GET", "progress/s1").status_code == 404


def test_a_session_is_deleted_on_one_server_while_a_run_of_another_works_on_it(pair, until):
    a, b = pair
    run_id = a.run("s1", 100_000)
    assert b.ask("DELETE", "sessions/s1").status_code == 204
    assert b.ask("GET", "sessions").json() == []
    assert a.ask("GET", f"runs/{run_id}").status_code == 404
    a.ask("POST", "progress/s2", ENTRY).raise_for_status()  # it goes on
    assert [session["session_id"] for session in b.ask("GET", "sessions").json()] == ["s2"]


def test_what_is_renamed_and_read_on_one_server_is_seen_live_on_another(pair, until):
    a, b = pair
    a.run("s1", 3)
    until(lambda: b.session("s1").get("has_notification"))

    async def scene():
        async with connect(f"{a.ws}/ws/sessions") as listed, asyncio.timeout(30):
            before = json.loads(await listed.recv())
            await asyncio.to_thread(b.ask, "PATCH", "sessions/s1", {"title": "Told on B"})
            await asyncio.to_thread(b.ask, "POST", "sessions/s1/mark-read")
            seen = before
            while seen[-1]["has_notification"] or seen[-1]["title"] != "Told on B":
                seen.append(json.loads(await listed.recv()))
            return seen

    before, *_, after = asyncio.run(scene())
    assert (before["title"], before["notification"]) == ("3", "Counted")
    assert (after["title"], after["notification"]) == ("Told on B", None)


def test_one_idempotency_key_on_two_servers_at_once_is_one_entry(pair):
    def post(number):
        server = pair[number % 2]
        return server.ask("POST", "progress/s1", ENTRY, **{"Idempotency-Key": f"k{number // 4}"}).json()

    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(post, range(40)))
    assert sorted({answer["offset"] for answer in told}) == list(range(1, 11))
    assert all(told[n] == told[n - n % 4] for n in range(40))
    assert [server.session("s1")["last_offset"] for server in pair] == [10, 10]


def test_who_watches_elsewhere_when_a_run_ends_has_seen_it(pair, until):
    a, b = pair

    async def watch():
        async with b.watch("s1") as socket:
            await asyncio.to_thread(a.run, "s1", 50)
            return await entries_of(socket, ended)

    assert asyncio.run(watch())[-1]["status"] == "completed"
    until(lambda: not a.session("s1")["has_notification"])
    a.run("s2", 50)
    until(lambda: a.session("s2")["has_notification"])  # nobody watched that


def test_what_a_program_notifies_of_is_not_read_by_watching(pair, shared, until):
    a, b = pair

    async def watch():
        async with b.watch("s1") as socket:
            logger = ProgressLogger(shared)
            try:
                await logger.log_progress("s1", "One", "", 1, 1, run_id="s1.1")
                await logger.log_progress("s1", "One", "", 1, 1, run_id="s1.1", status="completed")
                await entries_of(socket, ended)
                await asyncio.to_thread(until, lambda: not a.session("s1")["has_notification"])
                await asyncio.to_thread(logger.add_notification, "s1", "Look at this")
                await logger.log_progress("s1", "One", "", 1, 1, run_id="s1.2")
                await entries_of(socket, lambda entry: entry["run_id"] == "s1.2")
            finally:
                logger.close()

    asyncio.run(watch())
    assert a.session("s1")["notification"] == b.session("s1")["notification"] == "Look at this"
