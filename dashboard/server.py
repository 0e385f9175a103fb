"""`headway serve`: one Tornado server with the page, Panel and our routes; safe defaults; start and drain."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import importlib.util
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import panel as pn
from panel.config import config
from panel.io.server import Server

from headway.dashboard.app import page
from headway.dashboard.guard import Guard, is_loopback
from headway.dashboard.headers import SecurityHeaders
from headway.dashboard.listening import widen
from headway.dashboard.options import Options
from headway.dashboard.routes import ROUTES, door
from headway.dashboard.routes.base import READERS
from headway.dashboard.runtime import Runtime, use
from headway.errors import HeadwayError

log = logging.getLogger("headway.server")

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
    max_connections
        Connections at once; further ones are told to come back later. What the system allows when left out.
    allowed_hosts
        Further names under which the server may be called, as ``name`` or ``name:port``.
    """

    app: str | None = None
    address: str = "127.0.0.1"
    port: int = 8001
    token: str | None = None
    max_connections: int | None = None
    allowed_hosts: tuple[str, ...] = ()


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then drain.

    Raises
    ------
    CannotServe
        With what to do about it.
    """
    if not is_loopback(settings.address) and not settings.token and not _panel_auth():
        raise CannotServe(
            f"{settings.address} can be reached by others; a server there needs a token "
            "(--token or HEADWAY_TOKEN) or one of Panel's auth providers "
            "(PANEL_OAUTH_PROVIDER, PANEL_BASIC_AUTH)",
            status=2,
        )
    if not is_loopback(settings.address) and settings.token and len(settings.token) < SHORTEST_TOKEN:
        raise CannotServe(
            f"the token has {len(settings.token)} characters; where others can reach the server it has "
            f"{SHORTEST_TOKEN} or more",
            status=2,
        )
    _run_app(settings.app)
    runtime = _open(settings)
    try:
        asyncio.run(_serve(settings, runtime))
    finally:
        runtime.close()


async def _serve(settings: Settings, runtime: Runtime) -> None:
    server = listen(settings, page)
    stop = asyncio.Event()
    _on_signals(stop)  # after pn.serve, which installs a handler of its own
    address = settings.address
    name = "localhost" if address in ("127.0.0.1", "::1") else f"[{address}]" if ":" in address else address
    print(f"Headway is at http://{name}:{server.port}", flush=True)  # noqa: T201
    await stop.wait()
    await drain(server, runtime)


def listen(settings: Settings, page: Callable[[], Any]) -> Server:
    """Return a server that listens, with everything that makes it safe; *page* makes what is at ``/``."""
    key = _secret_key()
    # Both families: a browser may try either for "localhost", and nobody else shall answer there.
    address = "localhost" if settings.address in ("127.0.0.1", "localhost") else settings.address
    guard = Guard(
        hosts=frozenset(host.lower() for host in settings.allowed_hosts),
        addresses=not is_loopback(settings.address),
        token=settings.token,
        secret=key,
    )
    config.session_history = 0  # else Panel publishes its sessions at /rest
    try:
        server = pn.serve(
            {"/": page},
            address=address,
            port=settings.port,
            title="Headway",
            show=False,
            start=False,
            verbose=False,
            extra_patterns=[*ROUTES, *(door.ROUTES if settings.token else [])],
            websocket_origin=list(settings.allowed_hosts) or None,
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
    except OSError as error:
        raise CannotServe(_why_not_listening(error, settings)) from error
    application = server._tornado
    application.add_transform(SecurityHeaders)
    door.put_door(application, guard, server.prefix)
    widen(server, settings.max_connections)
    server.start()
    return server


def _panel_auth() -> dict[str, str]:
    """Return the auth provider that Panel's own settings ask for, if any."""
    if config.oauth_provider:
        return {"oauth_provider": config.oauth_provider}
    return {"basic_auth": config.basic_auth} if config.basic_auth else {}


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


def _secret_key() -> bytes:
    """Return the key that signs page tokens and cookies; made at the first start, for its owner only."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(state) / "headway" / "secret_key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
        key = path.read_bytes()
    except OSError as error:
        log.warning(
            "no key can be kept in %s (%s): open pages must be loaded anew after a restart", path, error
        )
        key = b""
    return hashlib.sha256(key).digest() if len(key) >= 32 else secrets.token_bytes(32)


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
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(leaving, DRAIN)
    server.unlisten()  # hangs up what is left, the pages' own sockets
    await asyncio.sleep(0)  # one turn of the loop, in which the closed sockets are let go of
