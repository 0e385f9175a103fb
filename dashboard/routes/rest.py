"""``/api``: logs, sessions, runs and request types as JSON; and the two routes for load balancers."""

from __future__ import annotations

import asyncio
import math
import re
from typing import Any
from urllib.parse import quote

import msgspec

from headway.entry import check_session_id
from headway.errors import UnknownSession
from headway.live_run import Run
from headway.requests import describe, recognise
from headway.stores import Excerpt

from .base import READERS, ApiHandler, Problem

MAX_LIMIT = 5_000
MAX_WAIT = 30  # seconds
_CURSOR = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.+-]{1,40}(?:,[A-Za-z0-9_-]{0,128})?")  # `Session.cursor`


class Logged(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /api/progress/{sid}``; the logger checks the bounds."""

    step: str
    message: str
    step_number: int
    total_steps: int
    run_id: str | None = None
    status: str = "running"
    fraction: float | None = None
    data: dict[str, Any] | None = None


class Titled(msgspec.Struct, forbid_unknown_fields=True):
    """The body that makes or renames a session."""

    title: str = ""


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body that starts a run."""

    prompt: str
    type: str | None = None


class Empty(msgspec.Struct):
    """The body of a POST that needs none."""


class Progress(ApiHandler):
    """``/api/progress/{sid}``: read the log, or add to it."""

    _hold: asyncio.Timeout | None = None

    async def get(self, session_id: str) -> None:
        check_session_id(session_id)
        since, limit = self.since(), self.whole("limit", 1_000, 1, MAX_LIMIT)
        wait = self.whole("wait", 0, 0, MAX_WAIT)
        found = await self._look(session_id, since, limit)
        if wait and not found.entries:
            found = await self._wait(session_id, since, limit, wait)
        reached = found.entries[-1].offset if found.entries else since
        last, epoch = found.session.last_offset, found.session.epoch
        self.answer({
            "session_id": session_id, "logs": msgspec.Raw(b"[%s]" % b",".join(found.encoded)),
            "last_offset": last, "more": reached < last, "epoch": epoch,
        })  # fmt: skip

    async def _look(self, session_id: str, since: int, limit: int) -> Excerpt:
        """Return what follows, when the log is the one that the reader knows."""
        found = await self.runtime.logger.read(session_id, since, limit, epoch=self.epoch())
        if found is None:
            raise UnknownSession(session_id)
        return found

    async def _wait(self, session_id: str, since: int, limit: int, seconds: float) -> Excerpt:
        """Return what follows as soon as there is something, or nothing after *seconds*."""
        READERS.add(self)
        try:
            with self.runtime.logger.hub.listen(session_id) as bell:
                async with asyncio.timeout(seconds) as self._hold:
                    while True:
                        bell.clear()  # before the look: an append during it rings again
                        found = await self._look(session_id, since, limit)
                        if found.entries:
                            self.runtime.logger.seen(found)
                            return found
                        await bell.wait()
        except TimeoutError:
            pass
        finally:
            self._hold = None
        return await self._look(session_id, since, limit)

    def leave(self) -> None:
        """Answer now, with what there is."""
        if self._hold is not None and not self._hold.expired():
            self._hold.reschedule(asyncio.get_running_loop().time())

    def on_connection_close(self) -> None:
        self.leave()

    def on_finish(self) -> None:
        READERS.discard(self)  # not before the answer is out: the store is closed when nobody is left

    async def post(self, session_id: str) -> None:
        check_session_id(session_id)
        key = self.request.headers.get("Idempotency-Key")
        body = self.body(Logged | list[Logged])  # type: ignore[arg-type]
        entries = body if isinstance(body, list) else [body]
        if not 1 <= len(entries) <= 1_000:
            raise Problem(400, f"the body has {len(entries)} entries; allowed: 1 to 1000")
        seconds = self.runtime.rates.take(self.request.remote_ip or "", len(entries))
        if seconds:
            wait = str(math.ceil(seconds))
            raise Problem(
                429, f"too many entries a second; allowed again in {wait} s", (("Retry-After", wait),)
            )
        fields = [msgspec.structs.asdict(entry) for entry in entries]
        stored = await self.runtime.logger.log_batch(session_id, fields, key=key)
        self.answer({"offset": stored[-1].offset}, 201)


class Sessions(ApiHandler):
    """``/api/sessions``: the list, newest activity first, and new ones."""

    async def get(self) -> None:
        limit = self.whole("limit", 50, 1, 500)
        before = self.get_query_argument("before", None) or None
        if before is not None and not _CURSOR.fullmatch(before):
            raise Problem(
                400, f"before is {before[:80]!r}; allowed: what Link rel=next gives", parameter="before"
            )
        found = await asyncio.to_thread(self.runtime.logger.sessions, limit + 1, before)
        page = found[:limit]
        if len(found) > limit:  # RFC 8288
            place = f"{self.request.path}?limit={limit}&before={quote(page[-1].cursor)}"
            self.set_header("Link", f'<{place}>; rel="next"')
        self.answer([session.to_wire() for session in page])

    async def post(self) -> None:
        title = self.body(Titled).title
        session = await asyncio.to_thread(self.runtime.logger.create_session, title)
        self.set_header("Location", f"{self.request.path}/{session.session_id}")
        self.answer(session.to_wire(), 201)


class OneSession(ApiHandler):
    """``/api/sessions/{sid}``."""

    async def get(self, session_id: str) -> None:
        session = await asyncio.to_thread(self.runtime.logger.session, session_id)
        self.answer(session.to_wire())

    async def patch(self, session_id: str) -> None:
        title = self.body(Titled).title
        session = await asyncio.to_thread(self.runtime.logger.rename_session, session_id, title)
        self.answer(session.to_wire())

    async def delete(self, session_id: str) -> None:
        await self.runtime.runs.delete_session(session_id)
        self.set_status(204)
        self.clear_header("Content-Type")


class MarkRead(ApiHandler):
    """``POST /api/sessions/{sid}/mark-read``: the notification has been seen."""

    async def post(self, session_id: str) -> None:
        self.body(Empty)
        await asyncio.to_thread(self.runtime.logger.mark_notification_read, session_id)
        self.answer({"session_id": session_id, "has_notification": False})


class Requests(ApiHandler):
    """``POST /api/sessions/{sid}/requests``: start a run."""

    async def post(self, session_id: str) -> None:
        asked = self.body(Asked)
        kind = recognise(asked.prompt) if asked.type is None else asked.type
        self.accept(await self.runtime.runs.start(session_id, asked.prompt, kind), kind)

    def accept(self, run: Run, kind: str | None) -> None:
        """Say that a run was started, and where to ask for it."""
        mounted_at = self.request.path.rpartition("/api/")[0]
        self.set_header("Location", f"{mounted_at}/api/runs/{run.run_id}")
        self.answer({"run_id": run.run_id, "session_id": run.session_id, "type": kind}, 202)


class OneRun(ApiHandler):
    """``GET /api/runs/{run_id}``."""

    async def get(self, run_id: str) -> None:
        self.answer(await self.runtime.runs.describe(run_id))


class Cancel(ApiHandler):
    """``POST /api/runs/{run_id}/cancel``: ask the run to stop; its log says when it has."""

    async def post(self, run_id: str) -> None:
        self.body(Empty)
        await self.runtime.runs.cancel(run_id)
        self.answer(await self.runtime.runs.describe(run_id), 202)


class Retry(Requests):
    """``POST /api/runs/{run_id}/retry``: start the same request once more, as a new run."""

    async def post(self, run_id: str) -> None:
        self.body(Empty)
        retried = await self.runtime.runs.describe(run_id)
        self.accept(await self.runtime.runs.retry(run_id), retried["type"])


class RequestTypes(ApiHandler):
    """``GET /api/request-types``: what can be asked for, with plans and examples."""

    async def get(self) -> None:
        examples = await asyncio.to_thread(self.runtime.database.examples)
        self.answer(describe(examples))


class Health(ApiHandler):
    """``GET /healthz``: the process lives."""

    public = True

    def get(self) -> None:
        self.answer({"status": "ok", "boot_id": self.runtime.boot_id})


class Ready(ApiHandler):
    """``GET /readyz``: the store can be read."""

    public = True

    async def get(self) -> None:
        await asyncio.to_thread(self.runtime.logger.sessions, 1)
        self.answer({"status": "ready", "boot_id": self.runtime.boot_id})


class Nowhere(ApiHandler):
    """Any other path below ``/api``."""

    async def prepare(self) -> None:
        await super().prepare()
        self.refuse(Problem(404, f"there is no route {self.request.path!r}"))


ROUTES = [
    (r"/api/progress/([^/]+)", Progress),
    (r"/api/sessions", Sessions),
    (r"/api/sessions/([^/]+)", OneSession),
    (r"/api/sessions/([^/]+)/mark-read", MarkRead),
    (r"/api/sessions/([^/]+)/requests", Requests),
    (r"/api/runs/([^/]+)", OneRun),
    (r"/api/runs/([^/]+)/cancel", Cancel),
    (r"/api/runs/([^/]+)/retry", Retry),
    (r"/api/request-types", RequestTypes),
    (r"/healthz", Health),
    (r"/readyz", Ready),
]
