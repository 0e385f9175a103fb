"""The specification's "Test Coverage" list, from outside: run it with pytest, or as a program.

``python tests/test_progress_logging.py`` prints what it checked, and exits with 1 when something failed.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import aclosing
from functools import cache, partial
from pathlib import Path

import pytest

from headway import Entry, ProgressLogger
from headway.analyst.database import Database, open_database
from headway.analyst.samples import shop
from headway.artifacts import Artifacts
from headway.requests import REQUESTS
from headway.runs import Runs

SECONDS = 100  # a machine may be busy
PLANS = {
    "chart": [
        "Scanning databases",
        "Analyzing data",
        "Fetching relevant data",
        "Generating visualization",
        "Preparing response",
    ],
    "file": [
        "Scanning databases",
        "Fetching relevant data",
        "Processing data",
        "Generating file",
        "Preparing download",
    ],
    "text": [
        "Scanning databases",
        "Analyzing patterns",
        "Fetching insights",
        "Generating analysis",
        "Preparing response",
    ],
}
PROMPTS = {
    "chart": "Monthly revenue by region as a line chart",
    "file": "Export orders of 2023 to Excel",
    "text": "What stands out in returns?",
}


@cache
def sample() -> Database:
    """Return the sample database; it is made once, and goes with the program."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return open_database(shop(Path(folder) / "shop.duckdb"))


async def until_the_end(logger: ProgressLogger, session_id: str) -> list[Entry]:
    """Follow a session as a viewer does, to its terminal entry."""
    seen = []
    async with asyncio.timeout(SECONDS), aclosing(logger.tail(session_id)) as entries:
        async for entry in entries:
            seen.append(entry)
            if entry.terminal:
                break
    return seen


async def ask(logger: ProgressLogger, folder: Path, request_type: str) -> list[Entry]:
    """Ask a request of the sample database, as the server does, and return the entries of its run."""
    runs = Runs(logger, Artifacts(folder / "artifacts"), sample)
    try:
        run = await runs.start(request_type, PROMPTS[request_type])
        return await until_the_end(logger, run.session_id)
    finally:
        await runs.close()


def test_basic_progress_logging(tmp_path: Path) -> None:
    """What is logged comes back in order, with the six fields of the specification."""
    logger = ProgressLogger(f"json:{tmp_path}")

    async def scenario() -> None:
        for number in range(1, 6):
            await logger.log_progress(
                session_id="basic",
                step="Custom Step",
                message="Detailed description of what's happening",
                step_number=number,
                total_steps=5,
            )

    asyncio.run(scenario())
    logs = logger.get_progress_logs("basic")
    assert [entry.step_number for entry in logs] == [1, 2, 3, 4, 5]
    assert all((e.step, e.total_steps, e.session_id) == ("Custom Step", 5, "basic") for e in logs)
    assert [entry.timestamp for entry in logs] == sorted(entry.timestamp for entry in logs)
    logger.close()


def test_full_analysis_simulation(tmp_path: Path) -> None:
    """A request of the sample database goes through its five steps while a viewer watches, to its result."""
    logger = ProgressLogger(f"json:{tmp_path / 'logs'}")
    entries = asyncio.run(ask(logger, tmp_path, "text"))
    assert list(dict.fromkeys(entry.step for entry in entries)) == PLANS["text"]
    assert [entry.offset for entry in entries] == list(range(1, len(entries) + 1))
    assert (entries[-1].status, entries[-1].run_fraction) == ("completed", 1.0)
    assert logger.session("text").status == "completed"
    logger.close()


def test_file_creation_and_retrieval(tmp_path: Path) -> None:
    """The log is an array in ``{session_id}_progress.json``, there for any program and after a restart."""
    folder = tmp_path / "made" / "logs"
    logger = ProgressLogger(f"json:{folder}")
    logged = [logger.log("files", "Read", f"Zürich {n}", n, 3) for n in (1, 2, 3)]
    array = json.loads((folder / "files_progress.json").read_text(encoding="utf-8"))
    assert [(item["message"], item["step_number"]) for item in array] == [
        (entry.message, entry.step_number) for entry in logged
    ]
    six = {"timestamp", "step", "message", "step_number", "total_steps", "session_id"}
    assert all(item.keys() == six | {"offset"} for item in array)
    logger.close()
    again = ProgressLogger(f"json:{folder}")
    assert again.get_progress_logs("files") == logged
    again.close()


def test_memory_and_file_storage_say_the_same(tmp_path: Path) -> None:
    """Readers get the same from memory, from the files, and from a store that keeps nothing on disk."""
    said = []
    for url in ("memory:", f"json:{tmp_path}"):
        logger = ProgressLogger(url)
        for n in range(1, 4):
            logger.log("both", "Read", f"{n}", n, 3, data={"n": n})
        for since in range(4):
            recent, stored = logger.get_progress_logs("both", since), logger.store.read("both", since).entries
            assert recent == stored
            said.append([(e.offset, e.message, e.data) for e in stored])
        logger.close()
    assert said[:4] == said[4:]
    assert [len(entries) for entries in said[:4]] == [3, 2, 1, 0]


def test_notification_system(tmp_path: Path) -> None:
    """The blue dot comes with the end, survives a restart, goes with reading; watching spares it."""
    logger = ProgressLogger(f"json:{tmp_path}")
    logger.log("unseen", "Read", "under way", 1, 1)
    assert not logger.session("unseen").has_notification
    logger.add_notification(session_id="unseen", message="Custom notification message")

    async def watched() -> None:
        watching = asyncio.create_task(until_the_end(logger, "seen"))
        await asyncio.sleep(0)
        await logger.log_progress("seen", "Read", "done", 1, 1, status="completed")
        await watching

    asyncio.run(watched())
    logger.close()
    again = ProgressLogger(f"json:{tmp_path}")
    dots = {session.session_id: session.notification for session in again.sessions()}
    assert dots == {"unseen": "Custom notification message", "seen": None}
    assert {session.status for session in again.sessions()} == {"completed"}
    again.mark_notification_read("unseen")
    again.close()
    once_more = ProgressLogger(f"json:{tmp_path}")
    assert not once_more.session("unseen").has_notification
    once_more.close()


@pytest.mark.parametrize("request_type", PLANS)
def test_different_response_types(tmp_path: Path, request_type: str) -> None:
    """Chart, file and text go through their own steps, each to an artifact of its kind."""
    assert list(REQUESTS[request_type].plan.names) == PLANS[request_type]
    logger = ProgressLogger("memory:")
    entries = asyncio.run(ask(logger, tmp_path, request_type))
    assert entries[0].data["type"] == request_type
    assert list(dict.fromkeys(entry.step for entry in entries)) == PLANS[request_type]
    assert entries[-1].status == "completed", entries[-1].message
    made = entries[-1].data["artifacts"][0]
    assert made["kind"] == request_type
    path = Artifacts(tmp_path / "artifacts").find(made["artifact_id"]).path
    assert path.stat().st_size == made["bytes"] > 0
    logger.close()


def test_it_runs_as_a_program_too() -> None:
    """The program says what it checked, and its exit status says whether it was so."""
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("ok  ") == 8 and done.stdout.endswith("8 of 8 checks passed\n")


CHECKS: dict[str, Callable[[Path], None]] = {
    "basic progress logging": test_basic_progress_logging,
    "full analysis simulation": test_full_analysis_simulation,
    "file creation and retrieval": test_file_creation_and_retrieval,
    "memory and file storage": test_memory_and_file_storage_say_the_same,
    "notification system": test_notification_system,
} | {f"response type {kind}": partial(test_different_response_types, request_type=kind) for kind in PLANS}


def main() -> int:
    """Run every check in a folder of its own and print what came of it; 1 when one failed."""
    failed = 0
    for name, check in CHECKS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(Path(folder))
            except Exception:
                failed += 1
                traceback.print_exc()
                sys.stdout.write(f"FAILED  {name}\n")
            else:
                sys.stdout.write(f"ok      {name}\n")
    sys.stdout.write(f"{len(CHECKS) - failed} of {len(CHECKS)} checks passed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
