"""The command line: ``headway serve``, ``headway tail`` and ``headway sessions``."""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import aclosing
from importlib.metadata import version
from typing import Any

from headway.entry import Entry, encode
from headway.errors import HeadwayError

URL = "http://localhost:8001"
QUIET = 1.0  # seconds without an entry after which the session is asked whether it is over


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 well, 1 not well, 2 wrongly used."""
    options = parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except HeadwayError as error:
        print(f"headway: {error}", file=sys.stderr)
        status = getattr(error, "exit_status", 1)
    except KeyboardInterrupt:
        status = 130
    return status


def parser() -> argparse.ArgumentParser:
    """Return the parser; each option can also be given as ``HEADWAY_<OPTION>`` in the environment."""
    top = argparse.ArgumentParser(prog="headway", description="Durable, live progress of slow work.")
    top.add_argument("--version", action="version", version=f"headway {version('headway')}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the server with the dashboard")
    serve.set_defaults(command=_serve)
    serve.add_argument(
        "app", nargs="?", metavar="APP", help="a Python file to run first, to add request types"
    )
    _option(serve, "--address", "127.0.0.1", "where to listen; any but this machine's own wants a token")
    _option(serve, "--port", 8001, "port; 0 takes a free one", type=_port)
    _option(serve, "--store", "json:logs", "where logs are kept: json:FOLDER or memory:")
    _option(serve, "--database", None, "path or URL of the database to ask; the sample shop by default")
    _option(serve, "--token", None, "what clients must show; better in the environment than here")
    _option(serve, "--allowed-host", [], "a further name of the server, as NAME or NAME:PORT (repeatable)",
            action="append")  # fmt: skip

    tail = commands.add_parser("tail", help="follow a session until it is no longer processing")
    tail.set_defaults(command=_tail)
    tail.add_argument("session", metavar="SESSION", help="the session's id")
    _option(tail, "--since", 0, "how many entries to leave out", type=_count)
    _remote(tail, "each entry as a line of JSON")

    sessions = commands.add_parser("sessions", help="list the sessions, newest activity first")
    sessions.set_defaults(command=_sessions)
    _option(sessions, "--limit", 50, "how many, at most 500", type=_count)
    _remote(sessions, "the list as JSON")
    return top


def _remote(command: argparse.ArgumentParser, json_help: str) -> None:
    _option(command, "--url", URL, "the server's address")
    _option(command, "--token", None, "the server's token, if it wants one")
    command.add_argument(
        "--json", action="store_true", default=bool(os.environ.get("HEADWAY_JSON")), help=json_help
    )


def _option(command: argparse.ArgumentParser, name: str, default: Any, text: str, **more: Any) -> None:
    """Add an option whose default is its variable in the environment, if that is set."""
    variable = f"HEADWAY_{name.strip('-').replace('-', '_').upper()}"
    value: Any = os.environ.get(variable) or default
    if more.get("action") == "append" and isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    shown = f"; default: {default}" if default not in (None, []) else ""
    command.add_argument(name, default=value, help=f"{text} ({variable}{shown})", **more)


def _port(text: str) -> int:
    number = _count(text)
    if number > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; allowed: 0 to 65535")
    return number


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("tornado.access").setLevel(logging.ERROR)  # what a client did wrong, the client is told
    from .server import Settings, serve  # Panel: 1.5 s

    serve(
        Settings(
            app=options.app,
            address=options.address,
            port=options.port,
            store=options.store,
            database=options.database,
            token=options.token,
            allowed_hosts=tuple(options.allowed_host),
        )
    )
    _leave_behind_threads()
    return 0


def _tail(options: argparse.Namespace) -> int:
    if options.json:
        status = asyncio.run(_follow(options, lambda entry: print(encode(entry).decode(), flush=True)))
    else:
        from rich.console import Console

        from headway.views.terminal import TerminalView

        with TerminalView(Console()) as view:
            status = asyncio.run(_follow(options, view.add))
    return 0 if status == "completed" else 1


async def _follow(options: argparse.Namespace, show: Callable[[Entry], None]) -> str:
    """Show entries until the session is no longer processing, and return its status."""
    from .client import FAILURES, Remote, tail

    remote, seen = Remote(options.url, options.token), options.since
    say_once = functools.cache(lambda text: print(f"headway: {text}", file=sys.stderr))
    async with aclosing(tail(options.url, options.session, seen, token=options.token)) as entries:
        coming = asyncio.ensure_future(anext(entries))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=QUIET)
                if done:
                    entry = coming.result()
                    show(entry)
                    seen = entry.offset
                    coming = asyncio.ensure_future(anext(entries))
                    if not entry.terminal:
                        continue
                try:
                    session = await remote.session(options.session)
                except FAILURES:  # `tail` is already trying to get through
                    say_once(f"no server answers at {options.url}; trying again")
                    continue
                if session is None:
                    say_once(f"waiting for the session {options.session!r} to begin")
                if session and 0 < session["last_offset"] <= seen and session["status"] != "processing":
                    return str(session["status"])
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


def _sessions(options: argparse.Namespace) -> int:
    from .client import FAILURES, Remote, ServerUnreachable

    remote = Remote(options.url, options.token)
    try:
        body = asyncio.run(remote.get("/api/sessions", limit=options.limit)) or b"[]"
    except HeadwayError:
        raise
    except FAILURES as error:
        raise ServerUnreachable(options.url, error) from error
    if options.json:
        print(body.decode())
        return 0
    for session in json.loads(body):
        dot = "●" if session["has_notification"] else " "
        when = session["last_activity"][:19].replace("T", " ")
        title = "".join(c if c.isprintable() else " " for c in session["title"])  # others wrote it
        print(f"{dot} {session['session_id']:36}  {session['status']:10}  {when}  {title}")
    return 0


def _leave_behind_threads() -> None:
    """End the process though the work of a stopped run does not: nothing is left to be saved."""
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
