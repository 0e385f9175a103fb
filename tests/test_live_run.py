"""A run walks through its plan, and ends in exactly one terminal entry whatever happens."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway import Entry, Plan, ProgressLogger
from headway.artifacts import Artifacts
from headway.errors import HeadwayError, InvalidEntry, RunCancelled, RunEnded, StoreError, UnknownArtifact
from headway.live_run import Run

SECONDS = 20
PLAN = Plan.of("load", "Read", ("Clean", 2.0), "Write")


@pytest.fixture
def run(logger, tmp_path) -> Run:
    run = Run(logger, "s1", PLAN, prompt="p", artifacts=Artifacts(tmp_path))
    run.begin("Starting")
    return run


@pytest.fixture
def every_update(monkeypatch) -> None:
    """Let every update through."""
    monkeypatch.setattr(sys.modules[Run.__module__], "UPDATE_SECONDS", 0)  # `headway.run` is a function


@pytest.fixture
def no_update(monkeypatch) -> None:
    """Hold every update back until the step ends."""
    monkeypatch.setattr(sys.modules[Run.__module__], "UPDATE_SECONDS", 10**6)  # `headway.run` is a function


def entries(run: Run) -> list[Entry]:
    found = run.logger.get_progress_logs("s1")
    assert {e.run_id for e in found} == {run.run_id}
    return found


def ends(run: Run) -> list[tuple[str, str]]:
    found = entries(run)
    assert not any(e.terminal for e in found[:-1])
    return [(e.status, e.message) for e in found if e.terminal]


def test_the_first_entry_has_the_prompt_the_plan_and_the_owner(run):
    (first,) = entries(run)
    assert (first.step, first.step_number, first.total_steps) == ("Read", 1, 3)
    assert (first.fraction, first.run_fraction, first.message) == (0.0, 0.0, "Starting")
    assert first.data == {"plan": ["Read", "Clean", "Write"], "owner": first.data["owner"], "prompt": "p"}
    assert run.run_id.startswith("s1.") and len(run.run_id) == len("s1.") + 8


def test_steps_and_updates_become_entries(run, every_update):
    run.step("Read", "3 tables", tables=3)
    run.step("Clean", "cleaning")
    run.update(current=1, total=4, unit="rows")
    run.update(0.5, "half")
    run.finish("All good", rows=4)
    run.complete()
    assert [(e.step, e.message, e.fraction, e.run_fraction, e.data, e.status) for e in entries(run)[1:]] == [
        ("Read", "3 tables", None, 0.0, {"tables": 3}, "running"),
        ("Clean", "cleaning", None, 0.25, None, "running"),
        ("Clean", "cleaning", 0.25, 0.375, {"current": 1, "total": 4, "unit": "rows"}, "running"),
        ("Clean", "half", 0.5, 0.5, None, "running"),
        ("Write", "All good", 1.0, 1.0, {"rows": 4}, "completed"),
    ]


def test_updates_that_come_too_fast_are_one_and_it_is_the_last(run, no_update):
    run.step("Clean", "cleaning")
    for n in range(1, 101):
        run.update(current=n, total=100)
    run.step("Write")
    for n in range(1, 101):
        run.update(current=n, total=200)
    run.complete()
    counts = [e.data["current"] for e in entries(run) if e.data and "current" in e.data]
    assert counts == [100, 100]
    assert [e.run_fraction for e in entries(run)] == [0.0, 0.25, 0.75, 0.75, 0.875, 1.0]


def test_an_undeclared_step_is_appended_to_the_plan(run):
    run.step("Check")
    last = entries(run)[-1]
    assert (last.step, last.step_number, last.total_steps) == ("Check", 4, 4)
    assert run.current == "Check"


@pytest.mark.parametrize(("given_", "logged"), [(1.5, 1.0), (-1, 0.0), (float("nan"), 0.0)])
def test_a_fraction_that_was_measured_badly_is_cut(run, every_update, given_, logged):
    run.update(given_)
    assert entries(run)[-1].fraction == logged


moves = st.lists(
    st.tuples(st.sampled_from(["Read", "Clean", "Write", "Else", "More"]), st.none() | st.floats(-0.5, 1.5)),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(moves, st.sampled_from(["completed", "error", "cancelled", "interrupted"]))
def test_run_fraction_never_falls_and_is_one_only_in_the_completed_terminal_entry(moves, status):
    logger = ProgressLogger("memory:")
    run = Run(logger, "s1", PLAN)
    run.begin()
    for step, fraction in moves:
        if run.current != step:
            run.step(step)
        run.update(fraction)
        run._flush()
    run.end(status, "done")
    fractions = [e.run_fraction for e in entries(run)]
    assert fractions == sorted(fractions)
    assert all(f < 1 for f in fractions[:-1])
    assert (fractions[-1] == 1) is (status == "completed")
    assert ends(run) == [(status, "done")]
    logger.close()


# --- one end


def test_the_first_end_decides(run):
    run.end("error", "first")
    run.end("completed", "second")
    run.complete()
    assert ends(run) == [("error", "first")]
    for late in (lambda: run.step("Write"), lambda: run.update(0.5), run.check, run.begin):
        with pytest.raises((RunEnded, RunCancelled)):
            late()
    assert not run.cancelled
    assert ends(run) == [("error", "first")]


def test_threads_that_end_a_run_at_once_end_it_once(run):
    gate = threading.Barrier(8)

    def end(number: int) -> None:
        gate.wait(SECONDS)
        run.complete() if number % 2 else run.end("error", str(number))

    threads = [threading.Thread(target=end, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(ends(run)) == 1


def test_an_end_that_the_store_refuses_can_be_said_again(run, store):
    store.fail(StoreError("the disk is full"))
    with pytest.raises(StoreError):
        run.complete()
    assert run.status == "running" and ends(run) == []
    store.heal()
    run.end("error", "the disk was full")
    assert ends(run) == [("error", "the disk was full")]
    assert entries(run)[-1].run_fraction < 1


@pytest.mark.parametrize("held", [{"rows": object()}, {"rows": "x" * 20_000}])
def test_an_update_that_cannot_be_logged_does_not_keep_a_run_from_ending(run, no_update, held):
    run.update(0.5, **held)
    run.end("error", "it failed")
    assert ends(run) == [("error", "it failed")]


@pytest.mark.parametrize(
    ("message", "data"),
    [("\ud800 in a file name", {}), ("x" * 20_000, {}), ("m", {"a": object()}), ("m", {"a": "x" * 20_000})],
)
def test_what_cannot_be_logged_does_not_keep_a_run_from_ending(run, message, data):
    run.end("error", message, **data)
    assert len(ends(run)) == 1 and entries(run)[-1].data is None


def test_a_result_that_cannot_be_logged_is_an_error_of_the_run(run):
    run.finish("done", rows="x" * 20_000)
    with pytest.raises(InvalidEntry):
        run.complete()
    assert ends(run) == []
    run.end("error", "too large")
    assert ends(run) == [("error", "too large")] and entries(run)[-1].run_fraction == 0.0


# --- cancelling


def test_a_cancelled_run_raises_at_its_next_call(run):
    run.cancel()
    for call in (lambda: run.step("Write"), lambda: run.update(0.5), run.check):
        with pytest.raises(RunCancelled, match="asked to stop"):
            call()
    assert run.cancelled and run.status == "running"


def test_what_the_work_waits_for_is_interrupted_from_the_cancelling_thread(run):
    woken = threading.Event()
    with pytest.raises(RunCancelled), run.on_cancel(woken.set):
        threading.Thread(target=run.cancel).start()
        assert woken.wait(SECONDS)
        run.check()
    with pytest.raises(RunCancelled), run.on_cancel(woken.clear):
        raise AssertionError("it was cancelled before")


def test_a_callback_that_fails_hinders_no_other(run, caplog):
    called = []
    with run.on_cancel(lambda: 1 / 0), run.on_cancel(lambda: called.append(1)):
        run.cancel()
    assert called == [1] and "a callback of its cancellation failed" in caplog.text


def test_a_callback_is_forgotten_when_its_block_ends(run):
    called = []
    with run.on_cancel(lambda: called.append(1)):
        pass
    run.cancel()
    assert called == []


# --- artifacts


def files(tmp_path: Path) -> list[str]:
    return [path.name for path in tmp_path.rglob("*") if path.is_file()]


def test_artifacts_are_listed_in_the_completed_terminal_entry(run, tmp_path):
    with run.artifact("file", "rows.csv", rows=2) as path:
        path.write_text("a\n1\n2\n")
    run.complete()
    (made,) = entries(run)[-1].data["artifacts"]
    assert made == {
        "artifact_id": made["artifact_id"],
        "kind": "file",
        "name": "rows.csv",
        "media_type": "text/csv",
        "bytes": 6,
        "rows": 2,
    }
    assert Artifacts(tmp_path).find(made["artifact_id"]).path.read_text() == "a\n1\n2\n"


@pytest.mark.parametrize("status", ["error", "cancelled", "interrupted"])
def test_a_run_that_does_not_complete_leaves_no_artifact(run, tmp_path, status):
    with run.artifact("file", "rows.csv") as path:
        path.write_text("a\n")
    run.end(status, "no")
    assert files(tmp_path) == [] and entries(run)[-1].data is None


def test_an_artifact_of_a_run_that_was_stopped_meanwhile_is_not_kept(run, tmp_path):
    with pytest.raises(RunCancelled), run.artifact("file", "rows.csv") as path:
        path.write_text("a\n")
        run.cancel()
        run.end("cancelled", "Stopped")
    assert files(tmp_path) == []


def test_a_run_without_a_place_for_artifacts_says_so(logger):
    run = Run(logger, "s1", PLAN)
    with pytest.raises(HeadwayError, match="no place for artifacts"), run.artifact("file", "x.csv"):
        raise AssertionError("not reached")
    assert issubclass(UnknownArtifact, HeadwayError)
