"""A run: one piece of work that walks through its plan, and whose every step becomes an entry.

The work is handed the `Run` and calls it from whatever thread it is in. Whatever happens, a run ends in
exactly one terminal entry, its last.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .artifacts import Artifacts
from .entry import Entry, check_session_id, fit_message
from .errors import HeadwayError, InvalidEntry, RunCancelled, RunEnded
from .estimate import run_fraction
from .logger import ProgressLogger
from .plans import Plan

UPDATE_SECONDS = 0.05  # at most 20 updates a second reach the log; the last one of a step always does

_log = logging.getLogger("headway.live_run")


class Run:
    """One request being worked on in a session. All methods are callable from any thread.

    Attributes
    ----------
    run_id : str
        ``{session_id}.{8 hexadecimal digits}``: a run's id tells its session.
    plan : Plan
        The steps; one that the work enters without having declared it is appended.
    prompt : str
        What was asked.
    database : Any
        What the request reads from; None when there is none.
    """

    def __init__(
        self,
        logger: ProgressLogger,
        session_id: str,
        plan: Plan,
        *,
        prompt: str = "",
        artifacts: Artifacts | None = None,
        database: Any = None,
    ) -> None:
        self.logger = logger
        self.session_id = check_session_id(session_id)
        self.run_id = f"{session_id}.{secrets.token_hex(4)}"
        self.plan = plan
        self.prompt = prompt
        self.database = database
        self.status = "running"
        self.on_entry: Callable[[Entry], None] | None = None  # shows each entry where the work runs
        self.stopped_as = ("cancelled", "Stopped")  # status and message of the end when it is cancelled
        self._artifacts = artifacts
        self._results: list[dict[str, Any]] = []
        self._last: tuple[str, dict[str, Any]] = ("", {})
        self._number = 1
        self._message = ""
        self._done = 0.0  # run_fraction so far: it never falls
        self._held: dict[str, Any] | None = None  # the newest update, not logged yet
        self._logged_at = 0.0
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._on_cancel: list[Callable[[], object]] = []

    def begin(self, message: str = "", **data: Any) -> Entry:
        """Log and return the first entry of the run: its plan, and who works on it. To be called once."""
        facts = {"plan": list(self.plan.names), "owner": self.logger.owner} | data
        if self.prompt:
            facts["prompt"] = self.prompt
        with self._lock:
            return self._log(message, fraction=0.0, data=facts)

    def step(self, name: str, message: str = "", **data: Any) -> None:
        """Enter a step of the plan; the one before it is done.

        Parameters
        ----------
        name
            The step's name; one that the plan does not have is appended to it.
        message
            What is going on, in words and counts.
        **data
            Facts for the entry's ``data``.

        Raises
        ------
        RunCancelled, RunEnded
            Somebody asked the run to stop, or it has ended.
        """
        self.check()
        with self._lock:
            self._flush()
            number = self.plan.number(name)
            if number is None:
                self.plan = self.plan.extended(name)
                number = len(self.plan.steps)
            self._number = number
            self._log(message, data=data)

    def update(
        self,
        fraction: float | None = None,
        message: str | None = None,
        *,
        current: float | None = None,
        total: float | None = None,
        unit: str | None = None,
        **data: Any,
    ) -> None:
        """Tell how far the step is. At most 20 a second are logged, the last one of a step always.

        Parameters
        ----------
        fraction
            0..1 of the step, as measured (what lies beyond is cut); *current* / *total* when left out.
        message
            What is going on; the step's message when left out.
        current, total, unit
            What was counted, such as 3 of 5 tables.
        **data
            Further facts for the entry's ``data``.

        Raises
        ------
        RunCancelled, RunEnded
            Somebody asked the run to stop, or it has ended.
        """
        self.check()
        if fraction is None and current is not None and total:
            fraction = current / total
        if fraction is not None:
            fraction = min(1.0, max(0.0, float(fraction)))
        counts = {"current": current, "total": total, "unit": unit}
        facts = {name: value for name, value in counts.items() if value is not None} | data
        with self._lock:
            text = self._message if message is None else message
            self._held = {"message": text, "fraction": fraction, "data": facts}
            if time.monotonic() - self._logged_at >= UPDATE_SECONDS:
                self._flush()

    def check(self) -> None:
        """Raise `RunCancelled` when somebody has asked the run to stop, `RunEnded` when it has ended."""
        if self._stop.is_set():
            raise RunCancelled(self.run_id)
        if self.status != "running":
            raise RunEnded(self.run_id, self.status)

    @contextmanager
    def on_cancel(self, callback: Callable[[], object]) -> Iterator[None]:
        """Have *callback* called, from another thread, when somebody asks the run to stop meanwhile."""
        with self._lock:
            self._on_cancel.append(callback)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._on_cancel.remove(callback)

    @contextmanager
    def artifact(self, kind: str, name: str, **facts: Any) -> Iterator[Path]:
        """Give the temporary path of a result; on a clean exit it is one, on an error nothing is left.

        Parameters
        ----------
        kind
            ``chart``, ``file`` or ``text``.
        name
            The file name that a person sees.
        **facts
            What else the terminal entry tells of it, such as ``rows``.
        """
        if self._artifacts is None:
            raise HeadwayError(f"the run {self.run_id!r} has no place for artifacts")
        with self._artifacts.write(name) as (artifact_id, path):
            yield path
            self.check()
        made = self._artifacts.find(artifact_id)
        result: dict[str, Any] = {"artifact_id": artifact_id, "kind": kind, "name": made.name}
        result |= {"media_type": made.media_type, "bytes": made.bytes}
        with self._lock:
            self._results.append(result | facts)
            if self.status != "running":  # it was stopped meanwhile: nobody will ask for it
                self._discard()

    def finish(self, message: str, **data: Any) -> None:
        """Say what the terminal entry will tell when the work ends well."""
        self._last = (message, data)

    def cancel(self) -> None:
        """Ask the run to stop: its next call raises `RunCancelled`, and what it waits for is interrupted."""
        self._stop.set()
        with self._lock:
            callbacks = list(self._on_cancel)
        for callback in callbacks:
            try:
                callback()
            except Exception:  # what it was to interrupt may be over; the other callbacks are not
                _log.exception("run %s: a callback of its cancellation failed", self.run_id)

    @property
    def current(self) -> str:
        """The name of the step that the run is in."""
        return self.plan.steps[self._number - 1].name

    @property
    def cancelled(self) -> bool:
        """Whether somebody has asked the run to stop."""
        return self._stop.is_set()

    def complete(self) -> None:
        """End the run well, with what `finish` said and the artifacts."""
        with self._lock:
            message, data = self._last
            if not message and self._number == len(self.plan.steps):  # what the last step said stays in sight
                message = self._held["message"] if self._held else self._message
            if self._results:
                data = {"artifacts": self._results} | data
            self.end("completed", message or "Done", **data)

    def end(self, status: str, message: str, **data: Any) -> None:
        """Log the terminal entry. The first call decides; later ones change nothing.

        Artifacts of a run that is not completed are deleted. Data that cannot be logged is left out of an
        end that is not ``completed``: such a run ends in any case.

        Parameters
        ----------
        status
            ``completed``, ``error``, ``cancelled`` or ``interrupted``.
        message
            What came of it, for people.
        **data
            Facts such as ``error``.
        """
        with self._lock:
            if self.status != "running":
                return
            with suppress(InvalidEntry):  # an update that cannot be logged does not keep the run from ending
                self._flush()
            try:
                self._log(message, status=status, data=data)
            except InvalidEntry:
                if status == "completed":
                    raise
                self._log(message, status=status, data={})
            if status != "completed":
                self._discard()

    def _discard(self) -> None:
        if self._artifacts is not None:
            for result in self._results:
                self._artifacts.delete(result["artifact_id"])
        self._results.clear()

    def _flush(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._log(**held)

    def _log(
        self, message: str, *, fraction: float | None = None, status: str = "running", data: dict[str, Any]
    ) -> Entry:
        self._message = message
        number, done = self._number, run_fraction(self.plan, self._number, fraction)
        if status == "completed":
            number, fraction, done = len(self.plan.steps), 1.0, 1.0
        entry = self.logger.log(
            self.session_id,
            self.plan.steps[number - 1].name,
            fit_message(message),
            number,
            len(self.plan.steps),
            run_id=self.run_id,
            status=status,
            fraction=fraction,
            run_fraction=max(self._done, done),
            data=data or None,
        )
        self._number, self._done, self.status = number, max(self._done, done), status
        self._logged_at = time.monotonic()
        if self.on_entry is not None:
            self.on_entry(entry)
        return entry
