"""How long logs are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headway import ProgressLogger
from headway.errors import InvalidOption
from headway.retention import Retainer, Retention

NOW = datetime(2026, 6, 30, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def logger(clock):
    logger = ProgressLogger("memory:", now=clock)
    yield logger
    logger.close()


def log(
    logger: ProgressLogger, clock: Clock, session_id: str, days_ago: int, status: str = "completed"
) -> None:
    clock.now = NOW - timedelta(days=days_ago)
    logger.log(session_id, "Read", "x" * 100, 1, 1, run_id=f"{session_id}.1", status=status)
    clock.now = NOW


def sweep(logger: ProgressLogger, retain: str = "", archive_after: str = "") -> list[str]:
    """Sweep once and return the sessions that are left."""
    retainer = Retainer(logger, Retention.of(retain, archive_after), logger.delete_session, now=lambda: NOW)
    retainer.sweep()
    retainer.stop()
    return sorted(session.session_id for session in logger.sessions())


def test_sessions_without_activity_for_longer_are_deleted(logger, clock):
    for days in (1, 29, 31, 400):
        log(logger, clock, f"s{days}", days)
    assert sweep(logger, "30d") == ["s1", "s29"]


def test_as_many_sessions_are_kept_as_asked_the_newest(logger, clock):
    for days in (1, 2, 3, 4):
        log(logger, clock, f"s{days}", days)
    assert sweep(logger, "2") == ["s1", "s2"]


def test_as_many_bytes_are_kept_as_asked_the_newest(logger, clock):
    for days in (1, 2, 3, 4, 5):
        log(logger, clock, f"s{days}", days)
    assert 250 < logger.session("s1").size < 333
    assert sweep(logger, "1KB") == ["s1", "s2", "s3"]


def test_a_session_with_a_run_that_goes_on_is_kept(logger, clock):
    log(logger, clock, "old", 400, status="running")
    log(logger, clock, "older", 500)
    assert sweep(logger, "1d,1") == ["old"]


def test_old_logs_are_archived_and_read_as_before(logger, clock):
    log(logger, clock, "new", 1)
    log(logger, clock, "old", 8)
    log(logger, clock, "alive", 9, status="running")
    before = logger.get_progress_logs("old")
    assert sweep(logger, archive_after="7d") == ["alive", "new", "old"]
    assert {s.session_id for s in logger.sessions() if s.archived} == {"old"}
    assert logger.get_progress_logs("old") == before


def test_without_a_limit_nothing_is_deleted(logger, clock):
    log(logger, clock, "old", 4000)
    assert sweep(logger) == ["old"]


@pytest.mark.parametrize(
    ("text", "retention"),
    [
        ("", Retention()),
        ("30d", Retention(age=timedelta(days=30))),
        (" 12h , 1000,5GB ", Retention(age=timedelta(hours=12), count=1000, size=5 * 10**9)),
        ("10 MB", Retention(size=10**7)),
    ],
)
def test_an_option_says_age_number_and_size(text, retention):
    assert Retention.of(text) == retention


@pytest.mark.parametrize("text", ["30d,20d", "x", "-1d", "0", "5gb", "1d2h", "٣d"])
def test_an_option_that_says_something_else_is_refused_with_what_is_allowed(text):
    with pytest.raises(InvalidOption, match=r"retain is .*; allowed: "):
        Retention.of(text)


def test_an_age_for_archives_that_is_none_is_refused():
    with pytest.raises(InvalidOption, match="archive-after is 'soon'; allowed: an age such as 12h"):
        Retention.of("", "soon")
