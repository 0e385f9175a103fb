"""What all our handlers share: access, parameters, errors, and how they leave when the server does."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from types import TracebackType
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec
from tornado.http1connection import HTTP1Connection
from tornado.httputil import responses
from tornado.web import HTTPError, RequestHandler, stream_request_body
from tornado.websocket import WebSocketHandler

from headway import errors
from headway.dashboard.guard import Refusal, guard_of
from headway.dashboard.runtime import Runtime, runtime

log = logging.getLogger("headway.server")

MAX_BODY = 64 * 1024  # bytes
# A body that is too large is read and dropped up to here: who hangs up on a client that is still sending
# takes its chance to read the answer. Tornado hangs up beyond.
MAX_DROPPED = 64 * 1024 * 1024
MAX_OFFSET = 2**53 - 1  # what every JSON reader can hold (RFC 8259, 6)

STATUS: dict[type[Exception], int] = {
    errors.InvalidSessionId: 400,
    errors.InvalidEntry: 400,
    errors.UnknownRequestType: 400,
    errors.UnknownSession: 404,
    errors.UnknownRun: 404,
    errors.UnknownArtifact: 404,
    errors.KeyReused: 409,
    errors.SessionExists: 409,
    errors.RunEnded: 409,
    errors.RunAlive: 409,
    errors.LogReplaced: 409,
    errors.LogFull: 413,
    errors.StoreError: 503,
}
"""Which status says what, by class of error; a store that is full says 507 (RFC 4918, 11.5)."""

T = TypeVar("T")


class Problem(HTTPError):
    """An error with the members of its ``application/problem+json`` answer."""

    def __init__(
        self, status: int, detail: str, headers: tuple[tuple[str, str], ...] = (), **members: Any
    ) -> None:
        super().__init__(status)
        self.detail = detail
        self.headers = headers
        self.members = members


class Reader(Protocol):
    """Somebody who stays: a socket, a stream, a held poll."""

    def leave(self) -> None:
        """End, because the server is going away."""


class Readers:
    """Those who stay, in this process; used in the event loop's thread only."""

    def __init__(self) -> None:
        self._here: set[Reader] = set()
        self._left: asyncio.Event | None = None

    def add(self, reader: Reader) -> None:
        """Note that somebody stays."""
        self._here.add(reader)

    def discard(self, reader: Reader) -> None:
        """Note that somebody has left."""
        self._here.discard(reader)
        if self._left is not None:
            self._left.set()

    async def send_away(self) -> None:
        """Tell all to leave, and wait until they have."""
        self._left = left = asyncio.Event()
        for reader in list(self._here):
            reader.leave()
        while self._here:
            left.clear()
            await left.wait()


READERS = Readers()


class Guarded(RequestHandler):
    """A handler that knows who may use it, in whatever server it is mounted."""

    public: ClassVar[bool] = False  # no token needed

    @property
    def runtime(self) -> Runtime:
        """The state of this server process."""
        return runtime()

    async def refusal(self) -> Refusal | None:
        """Return why this request is refused; None when it is not."""
        if refusal := guard_of(self.application).refusal(self.request, public=self.public):
            return refusal
        if self.public or await self._is_signed_in():
            return None
        return Refusal(401, 4401, "sign in first: this server has an auth provider")

    async def _is_signed_in(self) -> bool:
        """Whether Panel's auth provider, if there is one, knows the user."""
        provider = getattr(self.application, "auth_provider", None)
        if provider is None or (provider.get_user is None and provider.get_user_async is None):
            return True
        asked: RequestHandler = self
        if isinstance(self, WebSocketHandler):
            # Panel counts the users of sockets and only Bokeh's own sockets take theirs off again.
            asked = RequestHandler(self.application, self.request)
        if provider.get_user is not None:
            return provider.get_user(asked) is not None
        if provider.get_user_async is not None:
            return await provider.get_user_async(asked) is not None
        return True

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        return value.decode(errors="replace")  # what is no UTF-8 is no id and no number either

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Return a query parameter that is a whole number in bounds."""
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]{1,16}", text) or not least <= int(text) <= most:
            detail = f"{name} is {text[:80]!r}; allowed: a whole number from {least} to {most}"
            raise Problem(400, detail, parameter=name)
        return int(text)

    def since(self) -> int:
        """Return how many entries the reader has."""
        return self.whole("since", 0, 0, MAX_OFFSET)

    def epoch(self) -> str | None:
        """Return the epoch of the log that the reader knows."""
        return self.get_query_argument("epoch", None) or None


@stream_request_body
class ApiHandler(Guarded):
    """A handler that reads and writes JSON, and answers errors as RFC 9457 says."""

    async def prepare(self) -> None:
        self._body = bytearray()
        self._too_large = False
        connection = self.request.connection
        if isinstance(connection, HTTP1Connection):
            connection.set_max_body_size(MAX_DROPPED)
        if refusal := await self.refusal():
            self.refuse(Problem(refusal.status, refusal.detail, refusal.headers))

    def refuse(self, problem: Problem) -> None:
        """Answer with *problem* when the body is in: hung up on while it sends, a client may not see why."""

        def method(*_: str) -> None:
            raise problem

        setattr(self, str(self.request.method).lower(), method)

    def data_received(self, chunk: bytes) -> None:
        self._too_large = self._too_large or len(self._body) + len(chunk) > MAX_BODY
        if self._too_large:
            self._body.clear()
        else:
            self._body += chunk

    def body(self, form: type[T]) -> T:
        """Return the request's body, which has to be JSON of that form."""
        if self._too_large:
            raise Problem(413, f"the body is too large; allowed: {MAX_BODY} bytes")
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" and (media_type or self._body):
            raise Problem(415, f"the body is {media_type or 'untyped'!r}; allowed: application/json")
        try:
            return msgspec.json.decode(bytes(self._body) or b"{}", type=form)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(400, f"the body cannot be read: {error}") from None

    def answer(self, value: object, status: int = 200, media_type: str = "application/json") -> None:
        """Finish with a JSON answer."""
        self.set_status(status)
        self.set_header("Content-Type", media_type)
        self.finish(msgspec.json.encode(value))

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-cache")  # may be kept, is asked for again (RFC 9111, 5.2.2.4)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")

    async def head(self, *args: str) -> None:
        # Tornado leaves out the body.
        if "GET" not in self._allowed():
            raise HTTPError(405)
        answered = self.get(*args)
        if answered is not None:
            await answered

    def options(self, *args: str) -> None:
        self.set_header("Allow", ", ".join(self._allowed()))
        self.set_status(204)
        self.finish()

    def _allowed(self) -> list[str]:
        """Return the methods of this route (RFC 9110, 10.2.1)."""
        methods = [m for m in ("GET", "POST", "PATCH", "DELETE") if not self._is_missing(m)]
        return [*methods, "HEAD", "OPTIONS"] if "GET" in methods else [*methods, "OPTIONS"]

    def _is_missing(self, method: str) -> bool:
        return getattr(type(self), method.lower()) is getattr(RequestHandler, method.lower())

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        if isinstance(value, BaseException) and _status(value) < 500:
            return  # the client's doing, and the client is told
        self._error_id = secrets.token_hex(8)
        what = f"{self.request.method} {self.request.path}"
        if isinstance(value, errors.StoreError):  # it says itself what it is: a full disk, perhaps
            log.error("%s failed (error %s): %s", what, self._error_id, value)
        else:
            log.error("%s failed (error %s)", what, self._error_id, exc_info=value)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else HTTPError(status_code)
        status = _status(error)
        problem: dict[str, Any] = {"title": responses.get(status, "Error"), "status": status}
        if status < 500:
            problem["detail"] = _detail(error)
        elif error_id := getattr(self, "_error_id", None):
            problem["error_id"] = error_id  # the server's log has the reason under this id
        if isinstance(error, Problem):
            problem |= error.members
            for name, value in error.headers:
                self.set_header(name, value)
        if isinstance(error, errors.LogReplaced):
            problem["epoch"] = error.epoch
        if status == 405:
            self.set_header("Allow", ", ".join(self._allowed()))
            problem["detail"] = (
                f"{self.request.method} is not possible here; allowed: {', '.join(self._allowed())}"
            )
        if self.request.method not in self.SUPPORTED_METHODS:
            self.set_header("Connection", "close")  # Tornado answers these before it has read the body
        self.answer(problem, status, "application/problem+json")


def _status(error: BaseException) -> int:
    if isinstance(error, HTTPError):
        return error.status_code
    cause = error.__cause__
    if isinstance(error, errors.StoreError) and isinstance(cause, OSError):
        if cause.errno in errors.FULL:
            return 507
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def _detail(error: BaseException) -> str:
    if isinstance(error, Problem):
        return error.detail
    if isinstance(error, HTTPError):
        return error.log_message % error.args if error.log_message else responses.get(error.status_code, "")
    return str(error)
