"""Runs in a terminal: a live tree of steps with bars, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..entry import Entry

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_MARKS = {
    "running": ("●", "cyan"),
    "completed": ("✓", "green"),
    "error": ("✗", "red"),
    "cancelled": ("■", "yellow"),
    "interrupted": ("■", "yellow"),
}


class TerminalView:
    """Show entries as they come. A context manager; `add` is for one thread at a time.

    Parameters
    ----------
    console
        Where to; standard error when left out, so that a program's own output stays clean.
    """

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console

        self._console = console or Console(file=sys.stderr)
        self._runs: dict[str | None, _RunLines] = {}
        self._live: Any = None

    def __enter__(self) -> TerminalView:
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, refresh_per_second=10, get_renderable=self._draw)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def add(self, entry: Entry) -> None:
        """Show one entry, the next of its session's log."""
        self._runs.setdefault(entry.run_id, _RunLines()).add(entry)
        if self._live is None:
            self._console.print(_line(entry), markup=False, highlight=False, soft_wrap=True)

    def _draw(self) -> RenderableType:
        from rich.console import Group

        return Group(*(run.draw(self._console.width) for run in self._runs.values()))


class _RunLines:
    """One run as lines: its name, then a line a step."""

    def __init__(self) -> None:
        self._title = "Progress"
        self._steps: dict[str, Entry] = {}
        self._plan: list[str] = []
        self._began = time.monotonic()
        self._first = ""
        self._last: Entry | None = None

    def add(self, entry: Entry) -> None:
        data = entry.data or {}
        self._title = _plain(str(data.get("title") or data.get("prompt") or self._title))
        self._plan = list(data.get("plan") or self._plan)
        self._first = self._first or entry.timestamp
        self._steps[entry.step] = entry
        self._last = entry

    def draw(self, width: int) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        last = self._last
        assert last is not None  # a run is made with its first entry
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(width=20)
        table.add_column(overflow="ellipsis", no_wrap=True, max_width=max(10, width - 60))
        mark, colour = _MARKS[last.status]
        share = None if last.run_fraction is None else f"{100 * last.run_fraction:.0f} %"
        table.add_row(
            Text(mark, colour),
            Text(self._title[:40], "bold"),
            Text(self._elapsed(), "dim"),
            Text(share or "", "dim"),
        )
        names = [*self._plan, *(name for name in self._steps if name not in self._plan)]
        for name in names:
            entry = self._steps.get(name)
            if entry is None:
                table.add_row("", Text(f"· {_plain(name)}", "dim"), "", "")
                continue
            status = last.status if entry is last else "completed"
            mark, colour = _MARKS[status]
            done = 1.0 if status == "completed" else entry.fraction
            bar = ProgressBar(
                total=1.0, completed=done or 0.0, width=20, pulse=done is None and status == "running"
            )
            table.add_row("", Text(f"{mark} {_plain(name)}", colour), bar, Text(_plain(entry.message), "dim"))
        return table

    def _elapsed(self) -> str:
        last = self._last
        if last is not None and last.terminal:
            seconds = (
                datetime.fromisoformat(last.timestamp) - datetime.fromisoformat(self._first)
            ).total_seconds()
        else:
            seconds = time.monotonic() - self._began
        minutes, seconds = divmod(seconds, 60)
        return f"{int(minutes)}:{seconds:04.1f}" if minutes else f"{seconds:.1f} s"


def _line(entry: Entry) -> str:
    share = "" if entry.fraction is None else f" {100 * entry.fraction:.0f} %"
    status = f" [{entry.status}]" if entry.terminal else ""
    message = f": {_plain(entry.message)}" if entry.message else ""
    return f"{entry.step_number}/{entry.total_steps} {_plain(entry.step)}{share}{message}{status}"


def _plain(text: str) -> str:
    """Return a logged text without what a terminal would obey: whoever wrote the log shall not steer it."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
