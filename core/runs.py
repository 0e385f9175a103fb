"""The runs of this server: start, cancel, retry, describe.

A run lives in the server, never in a page: pages come and go, the run and its log stay.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from .artifacts import Artifacts, artifact_ids
from .entry import Entry, check_session_id
from .errors import (
    HeadwayError,
    InvalidEntry,
    RunAlive,
    RunCancelled,
    RunEnded,
    StoreError,
    UnknownRequestType,
    UnknownRun,
)
from .live_run import Run
from .logger import ProgressLogger
from .orphans import OrphanWatch
from .redact import redact
from .requests import REQUESTS, Request, recognise
from .stopping import ask_to_stop, asked_to_stop

MAX_PROMPT = 4_000  # characters
WORKERS = 4  # runs worked on at once; further ones wait their turn
STOP_SECONDS = 1.0  # that the work of a cancelled run is given to end by itself
RETRY_SECONDS = 1.0  # between attempts to log the end of a run while the store fails
MAX_ERROR = 2_000  # characters of an error's message
CLOSED = "Interrupted: the server was stopped while this was under way. Ask again to repeat it."

_log = logging.getLogger("headway.runs")


class Runs:
    """The runs that this process works on, each in a worker thread, so that none blocks the event loop."""

    def __init__(
        self,
        logger: ProgressLogger,
        artifacts: Artifacts,
        database: Callable[[], Any] | None = None,
        workers: int = WORKERS,
    ) -> None:
        """End what an earlier process left behind as ``interrupted``, and be ready.

        Parameters
        ----------
        logger, artifacts
            Where entries and results go.
        database
            Gives what requests read from; called in a worker thread.
        workers
            Runs worked on at once.
        """
        self._logger = logger
        self._artifacts = artifacts
        self._database = database
        self._places = workers
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="headway-run")
        self._alive: dict[str, tuple[Run, Future[None]]] = {}
        self._launching = threading.Lock()
        self._closed = threading.Event()
        self._obeying: set[asyncio.Task[None]] = set()
        self._orphans = OrphanWatch(logger)

    async def start(self, session_id: str, prompt: str, type: str | None = None) -> Run:
        """Start a run and return it; its first entry is stored then.

        Parameters
        ----------
        session_id
            The session; made when it is not there, with the prompt as its title.
        prompt
            What is asked, 1..4000 characters.
        type
            The request type; recognised from the prompt when left out.

        Raises
        ------
        InvalidEntry, InvalidSessionId, UnknownRequestType
            Nothing was started.
        """
        check_session_id(session_id)
        if not isinstance(prompt, str) or not 1 <= len(prompt.strip()) <= MAX_PROMPT:
            raise InvalidEntry("prompt", prompt, f"a text of 1 to {MAX_PROMPT} characters")
        prompt = redact(prompt.strip())  # before the work sees it: what it quotes is logged, too
        name = recognise(prompt) if type is None else type
        if name not in REQUESTS:
            raise UnknownRequestType(name, REQUESTS)
        request = REQUESTS[name]
        run = Run(self._logger, session_id, request.plan, prompt=prompt, artifacts=self._artifacts)
        begun = await asyncio.to_thread(self._launch, run, request)
        if self._logger.store.shared:
            obeying = asyncio.create_task(self._obey(run, begun.offset))
            self._obeying.add(obeying)
            obeying.add_done_callback(self._obeying.discard)
        return run

    async def cancel(self, run_id: str) -> None:
        """Stop a run; it has its terminal entry, ``cancelled`` unless it was quicker, when this returns.

        A run that another server works on is asked for it by an entry; it may take that server longer.

        Raises
        ------
        UnknownRun, RunEnded
            There is no such run, or nothing left to stop.
        """
        run, _ = self._alive.get(run_id, (None, None))
        if run is not None and run.status == "running":
            await self._stop(run_id, "cancelled", "Stopped")
            return
        last = (await asyncio.to_thread(self._entries, run_id))[-1]
        if last.terminal:
            raise RunEnded(run_id, last.status)
        session = await asyncio.to_thread(self._logger.session, last.session_id)
        active = session.active(run_id)
        if active is None or active.owner in (None, self._logger.owner):
            raise UnknownRun(run_id)  # another program's: only that one can stop it
        await ask_to_stop(self._logger, last)

    async def retry(self, run_id: str) -> Run:
        """Start a new run of the same prompt and type, in the same session.

        Raises
        ------
        UnknownRun, RunAlive
            There is no such run, or it has not ended yet.
        """
        entries = await asyncio.to_thread(self._entries, run_id)
        asked = entries[0].data or {}
        if not entries[-1].terminal:
            raise RunAlive(run_id)
        if "prompt" not in asked:
            raise UnknownRun(run_id)  # it was logged by another program: there is nothing to ask again
        return await self.start(entries[0].session_id, asked["prompt"], asked.get("type"))

    async def describe(self, run_id: str) -> dict[str, Any]:
        """Return what is known of a run: prompt, type, plan, status, how far it is, and its result.

        Raises
        ------
        UnknownRun
            There is no such run.
        """
        entries = await asyncio.to_thread(self._entries, run_id)
        first, last = entries[0].data or {}, entries[-1]
        result = last.data if last.terminal else None
        return {
            "run_id": run_id,
            "session_id": last.session_id,
            "prompt": first.get("prompt"),
            "type": first.get("type"),
            "plan": first.get("plan"),
            "status": last.status,
            "step": last.step,
            "run_fraction": last.run_fraction,
            "eta_seconds": last.eta_seconds,
            "started_at": entries[0].timestamp,
            "ended_at": last.timestamp if last.terminal else None,
            "result": result,
            "artifacts": (result or {}).get("artifacts", []),
        }

    async def delete_session(self, session_id: str) -> None:
        """Stop the session's runs and delete it with its log and its artifacts.

        Raises
        ------
        UnknownSession
            There is no such session.
        """
        session = await asyncio.to_thread(self._logger.session, session_id)
        owned = [run.run_id for run in session.active_runs if run.owner is not None]
        for cancelled in await asyncio.gather(*map(self.cancel, owned), return_exceptions=True):
            if isinstance(cancelled, BaseException) and not isinstance(cancelled, RunEnded | UnknownRun):
                raise cancelled
        await asyncio.to_thread(self.clear_away, session_id)

    async def close(self) -> None:
        """End the living runs as ``interrupted``; none can be started then."""
        with self._launching:
            self._closed.set()
        try:
            newest_first = list(reversed(self._alive))  # those that wait do not get a place that becomes free
            await asyncio.gather(*(self._stop(run_id, "interrupted", CLOSED) for run_id in newest_first))
        finally:
            self._workers.shutdown(wait=False, cancel_futures=True)
            await asyncio.to_thread(self._orphans.stop)

    async def _obey(self, run: Run, since: int) -> None:
        """Stop a run when another server asks for it."""
        if await asked_to_stop(self._logger, run, since):
            await self._stop(run.run_id, "cancelled", "Stopped")

    def _launch(self, run: Run, request: Request) -> Entry:
        """Log a run's first entry and queue its work, in one thread: nobody can give up in between."""
        ahead = len(self._alive) - self._places + 1
        begun = run.begin(
            f"Waiting for {ahead} other run{'s' * (ahead > 1)} to end" if ahead > 0 else "Starting",
            type=request.name,
        )
        with self._launching:
            if not self._closed.is_set():
                future = self._workers.submit(self._work, run, request)
                self._alive[run.run_id] = (run, future)
                future.add_done_callback(lambda _: self._alive.pop(run.run_id, None))
                return begun
        run.end("interrupted", CLOSED)
        return begun

    async def _stop(self, run_id: str, status: str, message: str) -> None:
        run, future = self._alive.get(run_id, (None, None))
        if run is None or future is None:
            return  # it ended meanwhile
        run.stopped_as = (status, message)
        waits = future.cancel()  # for a worker; that comes first, or one may just become free
        await asyncio.to_thread(run.cancel)
        if not waits:  # its work ends it, or else we do
            await asyncio.wait({asyncio.wrap_future(future)}, timeout=STOP_SECONDS)
        with suppress(RunEnded):  # by another server, which took this one for dead
            await asyncio.to_thread(run.end, status, message)

    def _work(self, run: Run, request: Request) -> None:
        """Do the work of a run, in a worker thread, and end it one way or the other."""
        try:
            run.database = self._database() if self._database else None
            result = request.work(run.prompt, run)
            if inspect.iscoroutine(result):
                asyncio.run(result)
            run.check()
            self._surely(run, run.complete)
        except BaseException as error:  # sys.exit() in the work ends the work, not the server
            caught = error
            self._surely(run, lambda: self._end_failed(run, caught))

    def _surely(self, run: Run, end: Callable[[], None]) -> None:
        """Log the end of a run, again and again while the store fails, until the server stops."""
        while True:
            try:
                return end()
            except RunEnded:
                return  # by another program
            except StoreError:
                _log.exception("run %s: its end could not be logged", run.run_id)
                if self._closed.wait(RETRY_SECONDS):
                    return

    def _end_failed(self, run: Run, error: BaseException) -> None:
        if isinstance(error, RunCancelled | RunEnded) or run.cancelled:
            run.end(*run.stopped_as)
            return
        if isinstance(error, HeadwayError):
            facts = {"code": type(error).__name__, "message": str(error)[:MAX_ERROR]}
            facts |= {
                name: getattr(error, name) for name in ("hint", "examples") if getattr(error, name, None)
            }
        else:  # its text is not ours to show: it may tell of files and secrets
            error_id = secrets.token_hex(4)
            _log.error("run %s failed, error %s", run.run_id, error_id, exc_info=error)
            message = f"{type(error).__name__}: an unexpected error; the server's log has it as {error_id}"
            facts = {"code": "unexpected", "message": message}
        run.end("error", facts["message"], error=facts)

    def _entries(self, run_id: str) -> list[Entry]:
        """Return the entries of a run, at least one."""
        session_id = run_id.rpartition(".")[0]
        try:
            entries = self._logger.get_progress_logs(session_id)
        except ValueError:
            raise UnknownRun(run_id) from None
        found = [entry for entry in entries if entry.run_id == run_id]
        if not found:
            raise UnknownRun(run_id)
        return found

    def clear_away(self, session_id: str) -> None:
        """Delete a session whose runs have ended, with log and artifacts; `UnknownSession` without one."""
        entries = self._logger.get_progress_logs(session_id)
        self._logger.delete_session(session_id)
        for artifact_id in artifact_ids(entries):
            self._artifacts.delete(artifact_id)
