"""Follow a session of another server: the iterator of `ProgressLogger.tail`, over the network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

from headway.entry import Entry, check_session_id
from headway.errors import HeadwayError, LogReplaced

FIRST_CONNECT = 30.0  # seconds in which the server has to be reached once
SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 4.0  # seconds between two attempts
HELD = 25  # seconds that a poll is held by the server

_entries = msgspec.json.Decoder(list[Entry])
FAILURES = (OSError, HTTPStreamClosedError, HTTPTimeoutError, WebSocketError)
"""What it looks like when a server cannot be reached now."""


class ServerUnreachable(HeadwayError, ConnectionError):
    """No server answers at the address."""

    def __init__(self, url: str, why: object) -> None:
        super().__init__(f"no Headway server answers at {url}: {why}")


class ServerRefused(HeadwayError, PermissionError):
    """The server does not do what was asked; asking again would not help."""

    def __init__(self, status: int, why: str, epoch: str | None = None) -> None:
        self.status = status
        self.epoch = epoch
        super().__init__(f"the server refused ({status}): {why}")


async def tail(
    url: str, session_id: str, since: int = 0, *, epoch: str | None = None, token: str | None = None
) -> AsyncGenerator[Entry]:
    """Yield a session's entries after offset *since*: first those that are there, then new ones, without end.

    It comes back by itself when the connection is cut, and goes on where it was: nothing is missed or
    repeated. Where WebSockets do not get through it polls. A session that is not there yet is waited for.

    Parameters
    ----------
    url
        The server's address, such as ``http://localhost:8001``.
    session_id, since, epoch
        As in `ProgressLogger.tail`.
    token
        The server's token, if it wants one.

    Raises
    ------
    ServerUnreachable
        The server could not be reached within 30 s of the first attempt, or the URL is none of a server.
    ServerRefused
        It wants a token, or another one.
    LogReplaced
        The log is another one than before; start again at 0.
    """
    server, place = Remote(url, token), _Place(check_session_id(session_id), since, epoch)
    gives_up_at = asyncio.get_running_loop().time() + FIRST_CONNECT
    reached, pause = False, SHORTEST_PAUSE
    while True:
        for way in (_by_socket, _by_poll):
            try:
                async with aclosing(way(server, place)) as found:
                    async for entries in found:
                        reached, pause = True, SHORTEST_PAUSE
                        for entry in entries:
                            yield entry
                break  # it was a way to the server
            except ServerRefused:
                raise
            except FAILURES as error:
                if not reached and asyncio.get_running_loop().time() > gives_up_at:
                    raise ServerUnreachable(url, error) from error
        # Jitter: readers that were cut together shall not come back together.
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(2 * pause, LONGEST_PAUSE)


class Remote:
    """A server, asked over HTTP."""

    def __init__(self, url: str, token: str | None = None) -> None:
        if not _is_address(url):
            raise ServerUnreachable(url, "an address looks like http://localhost:8001")
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def request(
        self, path: str, query: dict[str, Any], seconds: float, *, socket: bool = False
    ) -> HTTPRequest:
        """Return the request for a path, with the token."""
        place = f"{self.url}{path}?{urlencode({k: v for k, v in query.items() if v is not None})}"
        if socket:
            place = place.replace("http", "ws", 1)
        return HTTPRequest(place, headers=self._headers, connect_timeout=10, request_timeout=seconds)

    async def get(self, path: str, *, seconds: float = 20.0, **query: Any) -> bytes | None:
        """Return the body of a JSON answer; None for a 404.

        Raises
        ------
        ServerRefused
            The server said 4xx and will say it again.
        OSError, HTTPStreamClosedError, HTTPTimeoutError
            It was not reached, or cannot answer now.
        """
        response = await AsyncHTTPClient().fetch(self.request(path, query, seconds), raise_error=False)
        if response.code == 404:
            return None
        if response.code in (429, 599) or response.code >= 500:
            raise ConnectionError(response.reason)
        if response.code >= 400:
            raise _refusal(response)
        return response.body

    async def session(self, session_id: str) -> dict[str, Any] | None:
        """Return a session's record; None when there is no such session."""
        body = await self.get(f"/api/sessions/{quote(session_id)}")
        return None if body is None else msgspec.json.decode(body, type=dict[str, Any])


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number, or too large a one
        return False


class _Place:
    """Where a reader is in a log; it moves."""

    def __init__(self, session_id: str, since: int, epoch: str | None) -> None:
        self.session_id = session_id
        self.since = since
        self.epoch = epoch

    def query(self) -> dict[str, Any]:
        return {"since": self.since, "epoch": self.epoch}

    def take(self, entries: list[Entry]) -> list[Entry]:
        """Return those that follow the place, and move it behind them.

        Offsets grow; a log that was compacted has gaps.
        """
        news = []
        for entry in entries:
            if entry.offset > self.since:
                self.since = entry.offset
                news.append(entry)
        return news


async def _by_socket(server: Remote, place: _Place) -> AsyncGenerator[list[Entry]]:
    """Yield entries from the live socket until it is closed."""
    path = f"/ws/progress/{quote(place.session_id)}"
    request = server.request(path, place.query() | {"batch": 1}, 10.0, socket=True)
    connecting = asyncio.ensure_future(websocket_connect(request, ping_interval=20))
    try:
        connection = await asyncio.shield(connecting)
    except asyncio.CancelledError:
        connecting.add_done_callback(_forget)
        raise
    except HTTPClientError as error:  # something between lets no sockets through, or it is no such server
        raise ConnectionError(str(error)) from error
    yield []  # it is a way to the server
    try:
        while (message := await connection.read_message()) is not None:
            yield place.take(_entries.decode(message))
            if place.epoch is None:
                session = await server.session(place.session_id)
                place.epoch = session["epoch"] if session else None
    finally:
        _hang_up(connection)
    code, reason = connection.close_code, connection.close_reason or ""
    if code == 4409:
        raise LogReplaced(place.session_id, reason.partition("epoch=")[2] or None)
    if code in (4400, 4401, 4403):
        raise ServerRefused(code, reason)


def _hang_up(connection: WebSocketClientConnection) -> None:
    stream = connection.protocol.stream if connection.protocol is not None else None
    connection.close()
    if stream is not None:
        stream.close()  # the goodbye is out; an event loop that ends now leaves no socket open


def _forget(connecting: asyncio.Future[WebSocketClientConnection]) -> None:
    """Close a connection that nobody waits for any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        _hang_up(connecting.result())


async def _by_poll(server: Remote, place: _Place) -> AsyncGenerator[list[Entry]]:
    """Yield what one held request brings."""
    path = f"/api/progress/{quote(place.session_id)}"
    try:
        body = await server.get(path, seconds=HELD + 10.0, wait=HELD, **place.query())
    except ServerRefused as error:
        if error.status == 409:
            raise LogReplaced(place.session_id, error.epoch) from error
        raise
    if body is None:  # no such session yet
        yield []
        return
    page = msgspec.json.decode(body, type=_Page)
    place.epoch = page.epoch
    yield place.take(page.logs)


class _Page(msgspec.Struct):
    logs: list[Entry]
    epoch: str


class _Problem(msgspec.Struct):
    detail: str = ""
    epoch: str | None = None


def _refusal(response: HTTPResponse) -> ServerRefused:
    try:
        problem = msgspec.json.decode(response.body, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem(response.reason or "")
    return ServerRefused(response.code, problem.detail, problem.epoch)
