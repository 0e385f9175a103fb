"""`headway serve`: one Tornado server with the page, Panel and our routes; safe defaults; start and drain."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from socket import socket
from typing import Any

import panel as pn
from panel.config import config
from panel.io.server import Server

from headway.dashboard.app import page
from headway.dashboard.guard import Guard, is_loopback
from headway.dashboard.headers import SecurityHeaders
from headway.dashboard.listening import bind, listen_at, widen
from headway.dashboard.options import Options
from headway.dashboard.routes import ROUTES, door
from headway.dashboard.routes.base import READERS, log
from headway.dashboard.runtime import Runtime, use
from headway.dashboard.secret_key import secret_key
from headway.dashboard.workers import Once, Supervisor
from headway.errors import HeadwayError
from headway.stores import store_class

SHORTEST_TOKEN = 16  # characters, on an address that others can reach
DRAIN = 2.0  # seconds that the runs, and then the readers, are given when the server stops


class CannotServe(HeadwayError, RuntimeError):
    """The server cannot start, for a reason that its operator can remove."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = status


@dataclass(frozen=True)
class Settings(Options):
    """What `headway serve` can be told besides.

    Parameters
    ----------
    app
        A Python file that is run before the server starts, to register request types.
    address, port
        Where to listen; port 0 takes a free one.
    token
        What clients must show.
    secret_key
        What signs page tokens and cookies; kept in a file of this machine when left out.
    workers
        Processes that do the same work, for a store that can be shared.
    max_connections
        Connections at once, for each worker; further ones are told to come back later. What the system
        allows when left out.
    allowed_hosts
        Further names under which the server may be called, as ``name`` or ``name:port``.
    """

    app: str | None = None
    address: str = "127.0.0.1"
    port: int = 8001
    token: str | None = None
    secret_key: str | None = None
    workers: int = 1
    max_connections: int | None = None
    allowed_hosts: tuple[str, ...] = ()


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then drain.

    Raises
    ------
    CannotServe, InvalidOption
        With what to do about it.
    """
    _check_token(settings)
    _check_workers(settings)
    key = secret_key(settings.secret_key)
    with contextlib.ExitStack() as listening:
        sockets = [listening.enter_context(bound) for bound in _bind(settings)]
        if settings.workers == 1:
            _work(settings, sockets, key, lambda: True)
            return
        announces = Once()
        supervisor = Supervisor(lambda: _work(settings, sockets, key, announces.take), leave=listening.close)
        status, reason = supervisor.run(settings.workers)
    if status:
        raise CannotServe(reason or "a worker did not end well", status)


def _check_token(settings: Settings) -> None:
    """Refuse to be reached by others without a secret."""
    if is_loopback(settings.address):
        return
    if not settings.token and not _panel_auth():
        raise CannotServe(
            f"{settings.address} can be reached by others; a server there needs a token "
            "(--token or HEADWAY_TOKEN) or one of Panel's auth providers "
            "(PANEL_OAUTH_PROVIDER, PANEL_BASIC_AUTH)",
            status=2,
        )
    if settings.token and len(settings.token) < SHORTEST_TOKEN:
        raise CannotServe(
            f"the token has {len(settings.token)} characters; where others can reach the server it has "
            f"{SHORTEST_TOKEN} or more",
            status=2,
        )


def _check_workers(settings: Settings) -> None:
    """Refuse several workers where they cannot be, or would not see each other's entries."""
    if settings.workers == 1:
        return
    if not hasattr(os, "fork"):
        raise CannotServe("this system has no fork(2): serve with one worker, or start several servers", 2)
    if not store_class(settings.store).shared:
        raise CannotServe(
            f"{settings.workers} workers cannot share the store {settings.store!r}; they can share "
            "sqlite:///logs/headway.db, postgresql://... or redis://... (--store)",
            status=2,
        )


def _work(settings: Settings, sockets: Sequence[socket], key: bytes, announces: Callable[[], bool]) -> None:
    """Serve in this process; who *announces* says where."""
    _run_app(settings.app)
    runtime = _open(settings)
    try:
        asyncio.run(_serve(settings, runtime, sockets, key, announces))
    finally:
        runtime.close()


async def _serve(
    settings: Settings, runtime: Runtime, sockets: Sequence[socket], key: bytes, announces: Callable[[], bool]
) -> None:
    server = listen(settings, page, sockets, key)
    gc.collect()
    gc.freeze()  # what is there by now stays: a crowd that comes shall not have it looked through each time
    sys.setswitchinterval(0.001)  # seconds: an entry goes through three threads, and some user's may compute
    stop = asyncio.Event()
    _on_signals(stop)  # after pn.serve, which installs a handler of its own
    address = settings.address
    name = "localhost" if address in ("127.0.0.1", "::1") else f"[{address}]" if ":" in address else address
    if announces():
        print(f"Headway is at http://{name}:{server.port}", flush=True)  # noqa: T201
    await stop.wait()
    await drain(server, runtime)


def listen(
    settings: Settings,
    page: Callable[[], Any],
    sockets: Sequence[socket] | None = None,
    key: bytes | None = None,
) -> Server:
    """Return a server that listens, with everything that makes it safe.

    Parameters
    ----------
    settings
        What to be.
    page
        Makes what is at ``/``, for each browser tab.
    sockets, key
        Where to listen and what signs page tokens and cookies, where other workers have the same.
    """
    sockets, key = sockets or _bind(settings), key or secret_key(settings.secret_key)
    config.session_history = 0  # else Panel publishes its sessions at /rest
    server = pn.serve(
        {"/": page},
        address="localhost",  # until `listen_at`
        port=0,
        title="Headway",
        show=False,
        start=False,
        verbose=False,
        extra_patterns=[*ROUTES, *(door.ROUTES if settings.token else [])],
        websocket_origin=list(settings.allowed_hosts) or [f"localhost:{sockets[0].getsockname()[1]}"],
        websocket_max_message_size=1024 * 1024,
        websocket_compression_level=6,
        sign_sessions=True,
        secret_key=key,
        include_headers=[],  # Panel puts what is listed here into the page, readable by scripts
        include_cookies=[],
        unused_session_lifetime_milliseconds=5000,
        check_unused_sessions_milliseconds=3000,
        cookie_secret=config.cookie_secret or key.hex(),
        **_panel_auth(),
    )
    listen_at(server, sockets)
    server._tornado.add_transform(SecurityHeaders)
    door.put_door(server._tornado, _guard(settings, key), server.prefix)
    widen(server, settings.max_connections)
    server.start()
    return server


def _guard(settings: Settings, key: bytes) -> Guard:
    hosts = frozenset(host.lower() for host in settings.allowed_hosts)
    return Guard(hosts, not is_loopback(settings.address), settings.token, key)


def _panel_auth() -> dict[str, str]:
    """Return the auth provider that Panel's own settings ask for, if any."""
    if config.oauth_provider:
        return {"oauth_provider": config.oauth_provider}
    return {"basic_auth": config.basic_auth} if config.basic_auth else {}


def _bind(settings: Settings) -> list[socket]:
    # Both families: a browser may try either for "localhost", and nobody else shall answer there.
    address = "localhost" if settings.address in ("127.0.0.1", "localhost") else settings.address
    try:
        return bind(address, settings.port)
    except OSError as error:
        raise CannotServe(_why_not_listening(error, settings)) from error


def _why_not_listening(error: OSError, settings: Settings) -> str:
    place = f"port {settings.port} of {settings.address}"
    if error.errno == errno.EADDRINUSE:
        return f"{place} is in use, perhaps by another Headway; --port chooses another one, 0 a free one"
    if error.errno == errno.EACCES:
        return f"{place} is not for ordinary users; --port chooses another one, 1024 or higher"
    return f"cannot listen at {place}: {error.strerror or error}"


def _open(settings: Settings) -> Runtime:
    """Open store and database, so that what is wrong with them is said before anybody connects."""
    try:
        runtime = use(**{field.name: getattr(settings, field.name) for field in fields(Options)})
    except HeadwayError as error:
        raise CannotServe(f"the store cannot be opened: {error}") from error
    if settings.database is not None:
        try:
            runtime.database()
        except HeadwayError as error:
            runtime.close()
            raise CannotServe(f"the database cannot be opened: {error}") from error
    return runtime


def _run_app(file: str | None) -> None:
    """Import a user's Python file under its own name."""
    if file is None:
        return
    path = Path(file)
    if not path.is_file() or path.suffix != ".py":
        raise CannotServe(f"there is no Python file {file!r}", status=2)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # it ends with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.parent.resolve()))
    spec.loader.exec_module(module)


def _on_signals(stop: asyncio.Event) -> None:
    """Stop on the first SIGINT or SIGTERM, at once on the second."""
    loop = asyncio.get_running_loop()

    def stop_or_leave() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop_or_leave)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop_or_leave))


async def drain(server: Server, runtime: Runtime) -> None:
    """Let nobody in, end the runs as interrupted, send the readers away."""
    server.stop()
    for leaving in (runtime.runs.close(), READERS.send_away()):
        try:
            await asyncio.wait_for(leaving, DRAIN)
        except TimeoutError:
            pass
        except HeadwayError as error:  # the readers are sent away in any case
            log.error("a run could not be ended: %s", error)
    server.unlisten()  # hangs up what is left, the pages' own sockets
    await asyncio.sleep(0)  # one turn of the loop, in which the closed sockets are let go of
