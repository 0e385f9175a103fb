"""A run in a terminal: a live tree, plain lines when piped, and nothing that a log could steer."""

from __future__ import annotations

import io

from rich.console import Console

from headway.entry import Entry
from headway.views.terminal import TerminalView


def entry(step, number, **fields):
    told = {
        "timestamp": f"2026-01-01T00:00:0{number}.000000+00:00",
        "message": "",
        "total_steps": 2,
        "run_id": "s.1",
    }
    return Entry(step=step, step_number=number, session_id="s", **told | fields)


def shown(*entries, terminal):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100, color_system=None, legacy_windows=False)
    with TerminalView(console) as view:
        for each in entries:
            view.add(each)
    return out.getvalue()


RUN = (
    entry("Read", 1, fraction=0.0, data={"plan": ["Read", "Write"], "title": "Load"}),
    entry("Read", 1, fraction=0.4, run_fraction=0.2, message="4 of 10 files"),
    entry("Write", 2, fraction=1.0, run_fraction=1.0, status="completed", message="Done"),
)


def test_piped_each_entry_is_a_line():
    assert shown(*RUN, terminal=False).splitlines() == [
        "1/2 Read 0 %",
        "1/2 Read 40 %: 4 of 10 files",
        "2/2 Write 100 %: Done [completed]",
    ]


def test_in_a_terminal_a_tree_ends_with_every_step_done():
    last = shown(*RUN, terminal=True).rpartition("Load")[2]
    assert "100 %" in last
    assert "✓ Read" in last
    assert "✓ Write" in last


def test_a_step_that_has_not_begun_is_shown_as_to_come():
    assert "· Write" in shown(*RUN[:2], terminal=True)


def test_a_failed_run_marks_the_step_where_it_failed():
    failed = entry("Write", 2, status="error", message="ZeroDivisionError: division by zero")
    last = shown(*RUN[:2], failed, terminal=True)
    assert "✗ Write" in last
    assert "ZeroDivisionError" in last


def test_a_log_cannot_steer_the_terminal():
    hostile = entry(
        "\x1b[2Jgone\x07", 1, message="\x1b]0;owned\x07 [bold]x[/bold]", data={"title": "\x1b[31mred"}
    )
    for terminal in (False, True):
        out = shown(hostile, terminal=terminal)
        assert "\x1b[2J" not in out
        assert "\x1b]0" not in out
        assert "\x07" not in out
        assert "[bold]x[/bold]" in out
