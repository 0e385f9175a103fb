"""How long logs are kept: by age, by number, by size; and when they are compressed.

Nothing is deleted unless somebody asks for it, and never a session with a run that goes on.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from .entry import timestamp, utc_now
from .errors import HeadwayError, InvalidOption, UnknownSession
from .logger import ProgressLogger
from .session import Session

EVERY = 600.0  # seconds between two sweeps
PAGE = 500  # sessions looked at at once

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

_log = logging.getLogger("headway.retention")


@dataclass(frozen=True)
class Retention:
    """What is kept. Without a limit, everything is.

    Attributes
    ----------
    age
        Sessions without activity for longer are deleted.
    count
        As many sessions are kept, those with the newest activity.
    size
        As many bytes of entries are kept, together; the newest sessions first.
    archive
        Logs without activity for longer are kept compressed, without superseded updates.
    """

    age: timedelta | None = None
    count: int | None = None
    size: int | None = None
    archive: timedelta | None = None

    @classmethod
    def of(cls, retain: str = "", archive_after: str = "") -> Retention:
        """Return what two options say, such as ``30d,1000,5GB`` and ``7d``.

        Raises
        ------
        InvalidOption
            They say something else.
        """
        limits: dict[str, timedelta | int] = {}
        for part in filter(None, (part.strip() for part in retain.split(","))):
            name, value = _limit(part)
            if name in limits:
                raise InvalidOption("retain", retain, "each of age, number and size once")
            limits[name] = value
        archive = _age(archive_after.strip()) if archive_after.strip() else None
        if archive_after.strip() and archive is None:
            raise InvalidOption("archive-after", archive_after, "an age such as 12h, 7d or 4w")
        return cls(**limits, archive=archive)  # type: ignore[arg-type]


class Retainer:
    """Applies a retention to a logger's store, now and then, in a thread of its own."""

    def __init__(
        self,
        logger: ProgressLogger,
        retention: Retention,
        delete: Callable[[str], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Begin; *delete* deletes a session with everything that belongs to it."""
        self._logger = logger
        self._retention = retention
        self._delete = delete
        self._now = now
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="headway-retention", daemon=True)
        if retention != Retention():
            self._thread.start()

    def stop(self) -> None:
        """Sweep no more; one that is under way ends with the session it is at."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def sweep(self) -> None:
        """Delete and archive what is due now."""
        now, kept = self._now(), self._retention
        due_at = {name: _before(now, age) for name, age in (("age", kept.age), ("archive", kept.archive))}
        count = size = 0
        for session in self._sessions():
            if self._over.is_set():
                return
            count, size = count + 1, size + session.size
            too_many = kept.count is not None and count > kept.count
            too_large = kept.size is not None and size > kept.size
            if session.active_runs:
                continue
            if too_many or too_large or session.last_activity < due_at["age"]:
                self._each(self._delete, session)
            elif not session.archived and session.last_offset and session.last_activity < due_at["archive"]:
                self._each(self._logger.archive_session, session)

    def _sessions(self) -> Iterator[Session]:
        """Yield all sessions, newest activity first."""
        before = None
        while page := self._logger.sessions(PAGE, before):
            yield from page
            before = page[-1].cursor

    def _each(self, work: Callable[[str], object], session: Session) -> None:
        """Do something to a session, unless it has become active since it was looked at."""
        try:
            if self._logger.session(session.session_id).last_activity == session.last_activity:
                work(session.session_id)
        except UnknownSession:
            pass  # deleted by somebody else

    def _work(self) -> None:
        while True:
            try:
                self.sweep()
            except HeadwayError as error:  # the store may be there again the next time
                _log.warning("old sessions could not be cleared away: %s", error)
            if self._over.wait(EVERY):
                return


def _limit(text: str) -> tuple[str, timedelta | int]:
    if (age := _age(text)) is not None:
        return "age", age
    if text.isascii() and text.isdigit() and int(text) > 0:
        return "count", int(text)
    if found := re.fullmatch(r"([0-9]{1,9}) ?([KMGT]B)", text):
        return "size", int(found[1]) * _SIZES[found[2]]
    raise InvalidOption(
        "retain", text, "an age such as 30d, a number of sessions such as 1000, a size such as 5GB"
    )


def _age(text: str) -> timedelta | None:
    found = re.fullmatch(r"([0-9]{1,5})([smhdw])", text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def _before(now: datetime, age: timedelta | None) -> str:
    """Return the activity before which something is due; nothing is before the empty text."""
    return "" if age is None else timestamp(now - age)
