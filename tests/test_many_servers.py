"""Two servers on one store behave as one: what happens on A is seen, steered and remembered on B."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

from websockets.asyncio.client import connect

from headway import ProgressLogger
from headway.session import Session

from .many import ENTRY, ended, entries_of, house, offsets, pair

__all__ = ["house", "pair"]  # fixtures


def test_a_run_of_one_server_is_watched_stopped_and_deleted_on_another(pair):
    a, b = pair
    run_id = a.run("s1")

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


def test_a_session_is_deleted_on_one_server_while_a_run_of_another_works_on_it(pair):
    a, b = pair
    run_id = a.run("s2")
    assert b.ask("DELETE", "sessions/s2").status_code == 204
    assert [server.ask("GET", "sessions/s2").status_code for server in pair] == [404, 404]
    assert a.ask("GET", f"runs/{run_id}").status_code == 404
    assert a.ask("POST", "progress/s2", ENTRY).json() == {"offset": 1}  # A goes on, and that run does not


def test_what_is_renamed_and_read_on_one_server_is_seen_live_on_another(pair, until):
    a, b = pair
    a.run("s3", 3)
    until(lambda: b.session("s3").get("has_notification"))

    async def scene():
        async with connect(f"{a.ws}/ws/sessions") as listed, asyncio.timeout(30):
            before = [s for s in json.loads(await listed.recv()) if s["session_id"] == "s3"]
            await asyncio.to_thread(b.ask, "PATCH", "sessions/s3", {"title": "Told on B"})
            await asyncio.to_thread(b.ask, "POST", "sessions/s3/mark-read")
            seen = before
            while seen[-1]["has_notification"] or seen[-1]["title"] != "Told on B":
                seen.append(json.loads(await listed.recv()))
            return seen

    before, *_, after = asyncio.run(scene())
    assert (before["title"], before["notification"]) == ("3 0.002", "Counted")
    assert (after["title"], after["notification"]) == ("Told on B", None)


def test_one_idempotency_key_on_two_servers_at_once_is_one_entry(pair):
    def post(number):
        server = pair[number % 2]
        return server.ask("POST", "progress/s4", ENTRY, **{"Idempotency-Key": f"k{number // 4}"}).json()

    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(post, range(40)))
    assert sorted({answer["offset"] for answer in told}) == list(range(1, 11))
    assert all(told[n] == told[n - n % 4] for n in range(40))
    assert [server.session("s4")["last_offset"] for server in pair] == [10, 10]


def test_who_watches_elsewhere_when_a_run_ends_has_seen_it(pair, until):
    a, b = pair

    async def watch():
        async with b.watch("s5") as socket:
            await asyncio.to_thread(a.run, "s5", 50)
            return await entries_of(socket, ended)

    assert asyncio.run(watch())[-1]["status"] == "completed"
    until(lambda: not a.session("s5")["has_notification"])
    a.run("s6", 50)
    until(lambda: a.session("s6")["has_notification"])  # nobody watched that


def test_what_a_program_notifies_of_is_not_read_by_watching(house, pair, until):
    a, b = pair

    async def watch():
        async with b.watch("s7") as socket:
            logger = ProgressLogger(house.store)
            try:
                await logger.log_progress("s7", "One", "", 1, 1, run_id="s7.1")
                await logger.log_progress("s7", "One", "", 1, 1, run_id="s7.1", status="completed")
                await entries_of(socket, ended)
                await asyncio.to_thread(until, lambda: not a.session("s7")["has_notification"])
                await asyncio.to_thread(logger.add_notification, "s7", "Look at this")
                await logger.log_progress("s7", "One", "", 1, 1, run_id="s7.2")
                await entries_of(socket, lambda entry: entry["run_id"] == "s7.2")
            finally:
                logger.close()

    asyncio.run(watch())
    assert a.session("s7")["notification"] == b.session("s7")["notification"] == "Look at this"


def test_a_notification_that_came_meanwhile_is_not_the_one_that_was_seen():
    session = Session(session_id="s1", title="", created_at="", last_activity="").notified("Look", "")
    assert session.seen("Done").notification == "Look"
    assert session.seen("Look").notification is None
