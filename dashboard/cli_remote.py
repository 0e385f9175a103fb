"""``headway tail`` and ``headway sessions``: what a server has, in a terminal."""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import sys
from collections.abc import Callable
from contextlib import aclosing

from headway.entry import Entry, encode
from headway.errors import HeadwayError

QUIET = 1.0  # seconds without an entry after which the session is asked whether it is over


def run_tail(options: argparse.Namespace) -> int:
    """Follow a session in the terminal and return the exit status that its outcome asks for."""
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


def run_sessions(options: argparse.Namespace) -> int:
    """List the sessions of a server."""
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
