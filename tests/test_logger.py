"""`ProgressLogger`: what is acknowledged is stored, and every reader sees all of it once, in order."""

from __future__ import annotations

import asyncio
import threading

import pytest

from headway import Entry
from headway.errors import (
    InvalidEntry,
    InvalidSessionId,
    SessionExists,
    StoreClosed,
    UnknownSession,
)
from headway.testing.making import entries

from .loggers import log, messages, take

SECONDS = 20


@pytest.fixture
def logger(each_logger):
    return each_logger


# --- logging


def test_log_progress_returns_the_entry_as_stored(logger):
    entry = asyncio.run(
        logger.log_progress(session_id="s1", step="Read", message="m", step_number=1, total_steps=5)
    )
    assert entry == Entry(
        timestamp="2026-01-01T00:00:00.000000+00:00",
        step="Read",
        message="m",
        step_number=1,
        total_steps=5,
        session_id="s1",
        offset=1,
    )
    assert logger.get_progress_logs("s1") == [entry]


def test_the_synchronous_twin_works_in_any_thread_and_numbers_without_gaps(logger):
    threads = [threading.Thread(target=log, args=(logger, *map(str, range(20)))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    found = logger.get_progress_logs("s1")
    assert [e.offset for e in found] == list(range(1, 101))


def test_what_is_wrong_is_refused_before_anything_is_stored(logger):
    good = {"step": "s", "message": "", "step_number": 1, "total_steps": 1}

    async def batch(*entries):
        await logger.log_batch("s1", entries)

    for wrong, error, said in [
        (lambda: logger.log("../x", "s", "", 1, 1), InvalidSessionId, "is not a session id"),
        (lambda: logger.log("s1", "s", "", 2, 1), InvalidEntry, "step_number is 2; allowed: .* from 1 to 1"),
        (
            lambda: logger.log("s1", "s", "", 1, 1, colour=1),
            InvalidEntry,
            "colour is 1; allowed: the fields data",
        ),
        (lambda: logger.log("s1", "s", "", 1, 1, offset=7), InvalidEntry, "offset is 7"),
        (lambda: asyncio.run(batch(good, {"step": "s"})), InvalidEntry, "message is None; .* missing"),
        (lambda: asyncio.run(batch(good, [])), InvalidEntry, "a JSON object"),
        (lambda: asyncio.run(batch(*[good] * 1001)), InvalidEntry, "at most 1000 in one call"),
        (lambda: logger.get_progress_logs("s1", -1), InvalidEntry, "since is -1; .* not below 0"),
        (lambda: logger.get_progress_logs("s1", 0, -1), InvalidEntry, "limit is -1"),
    ]:
        with pytest.raises(error, match=said):
            wrong()
    assert logger.sessions() == []


def test_a_batch_is_one_and_its_key_makes_repeats_harmless(logger):
    batch = [{"step": "s", "message": str(n), "step_number": 1, "total_steps": 1} for n in range(3)]
    first = asyncio.run(logger.log_batch("s1", batch, "k"))
    log(logger, "between")
    assert asyncio.run(logger.log_batch("s1", batch, "k")) == first
    assert messages(logger.get_progress_logs("s1")) == ["0", "1", "2", "between"]
    assert asyncio.run(logger.log_batch("s1", [])) == []


def test_secrets_are_redacted_in_messages_data_titles_and_notifications(logger):
    secret = "password=hunter22"
    entry = logger.log("s1", "Read", secret, 1, 1, data={"prompt": secret, "deep": [{"token": "abcd"}]})
    assert entry.message == "password=[redacted]"
    assert entry.data == {"prompt": "password=[redacted]", "deep": [{"token": "[redacted]"}]}
    logger.add_notification("s1", secret)
    made = logger.create_session(secret, "s2")
    renamed = logger.rename_session(made.session_id, f"my {secret}")
    assert (logger.session("s1").title, logger.session("s1").notification) == ("password=[redacted]",) * 2
    assert (made.title, renamed.title) == ("password=[redacted]", "my password=[redacted]")


def test_a_message_stays_within_its_bound_though_what_stands_for_a_secret_is_longer(logger):
    assert len(logger.log("s1", "Read", "pwd=abcd " * 910, 1, 1).message) == 8192


def test_reads_are_the_same_from_memory_and_from_the_store(logger):
    log(logger, *map(str, range(5)))
    for since, limit in [(0, None), (2, None), (1, 2), (5, None), (9, 1), (0, 0)]:
        recent = logger.get_progress_logs("s1", since, limit)
        assert recent == entries(logger.store, "s1", since, limit)


# --- sessions and notifications


def test_sessions_are_made_named_listed_and_deleted(logger):
    first = logger.create_session("One")
    second = logger.create_session("Two", "s2")
    assert len(first.session_id) == 36
    assert logger.sessions() == [second, first]
    assert logger.sessions(1, second.cursor) == [first]
    assert logger.rename_session("s2", " New \n name ").title == "New name"
    logger.delete_session("s2")
    assert logger.sessions() == [first]
    with pytest.raises(SessionExists):
        logger.create_session("", first.session_id.upper())
    for unknown in (
        lambda: logger.session("s2"),
        lambda: logger.delete_session("s2"),
        lambda: logger.rename_session("s2", "x"),
        lambda: logger.mark_notification_read("s2"),
    ):
        with pytest.raises(UnknownSession):
            unknown()


def test_the_title_comes_from_the_first_prompt_unless_it_has_one(logger):
    log(logger, "1", data={"prompt": "Monthly revenue by region"})
    log(logger, "2", data={"prompt": "Something else"})
    assert logger.session("s1").title == "Monthly revenue by region"


def test_a_notification_is_made_kept_and_marked_as_read(logger):
    log(logger, "1")
    logger.add_notification("s1", "Custom notification message")
    logger.add_notification("s2", "of a session that was not there")
    session = logger.session("s1")
    assert (session.has_notification, session.notification, session.status) == (
        True,
        "Custom notification message",
        "completed",
    )
    assert logger.session("s2").has_notification
    assert not logger.mark_notification_read("s1").has_notification
    assert not logger.session("s1").has_notification
    assert logger.session("s2").has_notification


def test_whoever_watches_the_end_of_a_run_has_seen_it(logger):
    async def scenario():
        reading = asyncio.create_task(take(1, logger.tail("s1")))
        await asyncio.sleep(0)
        await logger.log_progress("s1", "Read", "done", 1, 1, status="completed")
        await reading
        await logger.log_progress("s2", "Read", "done", 1, 1, status="completed")
        with logger.hub.listen(None):  # the list of sessions is not the session
            await logger.log_progress("s3", "Read", "done", 1, 1, status="completed")

    asyncio.run(scenario())
    assert [logger.session(sid).has_notification for sid in ("s1", "s2", "s3")] == [False, True, True]


def test_every_change_of_a_session_rings_for_those_who_watch_the_list(logger):
    async def scenario():
        with logger.hub.listen(None) as bell:
            for change in (
                lambda: logger.create_session("", "s1"),
                lambda: log(logger, "1"),
                lambda: logger.rename_session("s1", "x"),
                lambda: logger.add_notification("s1", "x"),
                lambda: logger.mark_notification_read("s1"),
                lambda: logger.delete_session("s1"),
            ):
                bell.clear()
                await asyncio.to_thread(change)
                async with asyncio.timeout(SECONDS):
                    await bell.wait()

    asyncio.run(scenario())


def test_a_closed_logger_takes_nothing_more_and_closing_twice_is_harmless(logger):
    log(logger, "1")
    logger.close()
    logger.close()
    with pytest.raises(StoreClosed):
        log(logger, "2")
    with pytest.raises(StoreClosed):
        logger.sessions()
