"""`headway.run` and `headway.track`: any code as a run, whatever becomes of it."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

import headway
from headway import ProgressLogger
from headway.errors import RunCancelled


def log_of(logger):
    (session,) = logger.sessions()
    return logger.get_progress_logs(session.session_id)


def told(entries):
    return [(entry.step_number, entry.total_steps, entry.step, entry.status) for entry in entries]


def test_a_block_is_a_run_with_its_plan_its_title_and_one_end(logger):
    with headway.run("Nightly load", plan=["Read", ("Clean", 3), "Write"], logger=logger, show=False) as run:
        run.step("Read", "3 files")
        run.step("Clean")
        run.step("Write")
    entries = log_of(logger)
    assert told(entries) == [
        (1, 3, "Read", "running"),
        (1, 3, "Read", "running"),
        (2, 3, "Clean", "running"),
        (3, 3, "Write", "running"),
        (3, 3, "Write", "completed"),
    ]
    assert [entry.run_fraction for entry in entries] == [0, 0, 0.2, 0.8, 1]
    assert entries[0].data["plan"] == ["Read", "Clean", "Write"]
    assert logger.sessions()[0].title == "Nightly load"


def test_an_error_ends_the_run_and_goes_on_to_the_caller(logger):
    with pytest.raises(ZeroDivisionError), headway.run("Bad", logger=logger, show=False):
        1 / 0  # noqa: B018
    last = log_of(logger)[-1]
    assert (last.status, last.message) == ("error", "ZeroDivisionError: division by zero")
    assert last.data["error"] == {
        "code": "ZeroDivisionError",
        "message": "ZeroDivisionError: division by zero",
    }


def test_a_run_that_was_asked_to_stop_ends_as_cancelled(logger):
    with pytest.raises(RunCancelled), headway.run("Long", logger=logger, show=False) as run:
        stopper = threading.Thread(target=run.cancel)
        stopper.start()
        stopper.join()
        run.update(0.5)
    assert [entry.status for entry in log_of(logger)] == ["running", "cancelled"]


def test_a_loop_inside_a_run_is_a_step_of_it(logger):
    with headway.run("Load", plan=["Read", "Clean"], logger=logger, show=False) as run:
        run.step("Read")
        rows = list(headway.track(range(5), "Clean", unit="rows"))
    assert rows == [0, 1, 2, 3, 4]
    entries = log_of(logger)
    assert {entry.run_id for entry in entries} == {run.run_id}
    last_update = entries[-2]
    assert (last_update.step, last_update.message, last_update.fraction) == ("Clean", "5 of 5 rows", 1.0)
    assert last_update.data == {"current": 5, "total": 5, "unit": "rows"}


def test_a_loop_of_unknown_length_counts_and_claims_no_fraction(logger):
    with headway.run("Load", plan=["Read"], logger=logger, show=False):
        for _ in headway.track(iter("abc"), "Read", unit="letters"):
            pass
    update = log_of(logger)[-2]
    assert (update.message, update.fraction) == ("3 letters", None)


@pytest.fixture
def own_logger(monkeypatch, logger):
    """Make *logger* the one that runs are given by default."""
    monkeypatch.setattr("headway.tracking._default", logger)
    return logger


def test_a_loop_of_its_own_is_a_run(own_logger, capsys):
    assert sum(headway.track([1, 2, 3], "Adding")) == 6
    assert told(log_of(own_logger))[-1] == (1, 1, "Adding", "completed")
    assert "1/1 Adding 100 %" in capsys.readouterr().err


def test_a_loop_that_is_left_says_so(own_logger, capsys):
    rows = headway.track(range(100), "Searching")
    assert next(rows) == 0
    rows.close()
    last = log_of(own_logger)[-1]
    assert (last.status, last.message) == ("cancelled", "Left before its end")
    capsys.readouterr()


def test_runs_of_a_process_land_in_the_folder_that_the_environment_names(tmp_path):
    code = "import headway\nwith headway.run('Count', plan=['One']) as run:\n    run.step('One', 'now')\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"HEADWAY_STORE": f"json:{tmp_path / 'here'}", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["1/1 One 0 %", "1/1 One: now", "1/1 One 100 %: now [completed]"]
    (path,) = (tmp_path / "here").glob("*_progress.json")
    assert len(path.read_text("utf-8").splitlines()) == 3 + 2  # three entries, two brackets


def test_a_run_that_died_with_its_process_is_interrupted_by_the_next_one(tmp_path):
    begin = "import headway, os\nwith headway.run('Die') as run:\n    os._exit(9)\n"
    again = "import headway\nwith headway.run('Live'):\n    pass\n"
    environment = {"HEADWAY_STORE": f"json:{tmp_path}", "PATH": ""}
    for code, status in ((begin, 9), (again, 0)):
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
        assert done.returncode == status, done.stderr
    logger = ProgressLogger(f"json:{tmp_path}")
    ends = {s.title: logger.get_progress_logs(s.session_id)[-1].status for s in logger.sessions()}
    logger.close()
    assert ends == {"Die": "interrupted", "Live": "completed"}
