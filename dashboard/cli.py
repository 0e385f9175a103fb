"""The command line: its commands and their options."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import fields
from importlib.metadata import version
from typing import Any

from headway.dashboard.cli_copy import run_export, run_import
from headway.dashboard.cli_remote import run_sessions, run_tail
from headway.dashboard.options import DEFAULT_STORE, Options
from headway.errors import HeadwayError
from headway.recorder import MAX_ENTRIES

URL = "http://localhost:8001"
NO = ("", "0", "false", "no", "off")  # what a variable of an option without a value says to leave it off


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

    _add_serve(commands.add_parser("serve", help="run the server with the dashboard"))

    tail = commands.add_parser("tail", help="follow a session until it is no longer processing")
    tail.set_defaults(command=run_tail)
    tail.add_argument("session", metavar="SESSION", help="the session's id")
    _option(tail, "--since", 0, "how many entries to leave out", type=_count)
    _remote(tail, "each entry as a line of JSON")

    exported = commands.add_parser("export", help="copy all sessions from the store of the logs to another")
    exported.set_defaults(command=run_export)
    exported.add_argument("target", metavar="TARGET", help="URL of a store, such as json:backup")
    _store(exported)

    imported = commands.add_parser("import", help="copy all sessions from another store to that of the logs")
    imported.set_defaults(command=run_import)
    imported.add_argument("source", metavar="SOURCE", help="URL of a store, such as json:backup")
    _store(imported)

    sessions = commands.add_parser("sessions", help="list the sessions, newest activity first")
    sessions.set_defaults(command=run_sessions)
    _option(sessions, "--limit", 50, "how many, at most 500", type=_count)
    _remote(sessions, "the list as JSON")
    return top


def _add_serve(serve: argparse.ArgumentParser) -> None:
    serve.set_defaults(command=_serve)
    serve.add_argument(
        "app", nargs="?", metavar="APP", help="a Python file to run first, to add request types"
    )
    _option(serve, "--address", "127.0.0.1", "where to listen; any but this machine's own wants a token")
    _option(serve, "--port", 8001, "port; 0 takes a free one", type=_port)
    _store(serve)
    _option(serve, "--database", None, "path or URL of the database to ask; the sample shop by default")
    _option(serve, "--token", None, "what clients must show; better in the environment than here")
    _option(serve, "--allowed-host", [], "a further name of the server, as NAME or NAME:PORT (repeatable)",
            action="append")  # fmt: skip
    _option(serve, "--retain", "", "what is kept, such as 30d,1000,5GB: age, number and size of sessions")
    _option(serve, "--archive-after", "", "age, such as 7d, after which logs are kept compressed")
    _option(serve, "--max-entries", MAX_ENTRIES, "in one session's log", type=_positive)
    _option(serve, "--max-rate", 100, "entries a second that one client may log for long", type=_positive)
    _option(serve, "--max-connections", None, "connections at once of each worker; what the system allows "
            "by default", type=_positive)  # fmt: skip
    _option(serve, "--workers", 1, "server processes; several need a store that they can share",
            type=_positive)  # fmt: skip
    _flag(serve, "--allow-volatile", "take a Redis server that would forget what it was told")


def _store(command: argparse.ArgumentParser) -> None:
    _option(command, "--store", DEFAULT_STORE, "where logs are kept: json:FOLDER, sqlite:///FILE, "
            "postgresql://..., redis://... or memory:")  # fmt: skip
    _option(command, "--artifacts", None, "folder of the results of runs; beside the logs by default")


def _remote(command: argparse.ArgumentParser, json_help: str) -> None:
    _option(command, "--url", URL, "the server's address")
    _option(command, "--token", None, "the server's token, if it wants one")
    _flag(command, "--json", json_help)


def _flag(command: argparse.ArgumentParser, name: str, text: str) -> None:
    """Add an option without a value; its variable in the environment sets it, unless that says no."""
    variable = _variable(name)
    said = os.environ.get(variable, "").strip().lower() not in NO
    command.add_argument(name, action="store_true", default=said, help=f"{text} ({variable})")


def _variable(name: str) -> str:
    return f"HEADWAY_{name.strip('-').replace('-', '_').upper()}"


def _option(command: argparse.ArgumentParser, name: str, default: Any, text: str, **more: Any) -> None:
    """Add an option whose default is its variable in the environment, if that is set."""
    variable = _variable(name)
    value: Any = os.environ.get(variable) or default
    if more.get("action") == "append" and isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    shown = f"; default: {default}" if default not in (None, [], "") else ""
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


def _positive(text: str) -> int:
    number = _count(text)
    if not number:
        raise argparse.ArgumentTypeError("0 is not allowed; 1 or more is")
    return number


def _serve(options: argparse.Namespace) -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("tornado.access").setLevel(logging.ERROR)  # what a client did wrong, the client is told
    from .server import Settings, serve  # Panel: 1.5 s

    if options.allow_volatile and options.store.startswith("redis"):
        options.store += f"{'&' if '?' in options.store else '?'}allow-volatile=1"
    serve(
        Settings(
            app=options.app,
            address=options.address,
            port=options.port,
            token=options.token,
            allowed_hosts=tuple(options.allowed_host),
            secret_key=os.environ.get("HEADWAY_SECRET_KEY") or None,  # an argument would be seen by all
            workers=options.workers,
            max_connections=options.max_connections,
            **{field.name: getattr(options, field.name) for field in fields(Options)},
        )
    )
    _leave_behind_threads()
    return 0


def _leave_behind_threads() -> None:
    """End the process though the work of a stopped run does not: nothing is left to be saved."""
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
