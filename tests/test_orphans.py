"""Runs that died with their server are ended by the next one; those of other programs go on."""

from __future__ import annotations

import subprocess
import sys

from headway import Plan, ProgressLogger, Run
from headway.artifacts import Artifacts
from headway.orphans import interrupt_orphans
from headway.runs import Runs

DYING = """
import os, sys
from headway import Plan, ProgressLogger, Run
logger = ProgressLogger("json:" + sys.argv[1])
run = Run(logger, "s1", Plan.of("p", "Read", "Write"), prompt="p")
run.begin()
run.step("Write", "half way")
logger.log("s2", "Read", "another program's", 1, 2, run_id="s2.theirs", data={"prompt": "q"})
logger.log("s3", "Read", "no run at all", 1, 2)
os._exit(9)
"""


def test_runs_that_died_with_their_server_are_interrupted_by_the_next_start_and_those_of_others_are_not(
    tmp_path,
):
    assert subprocess.run([sys.executable, "-c", DYING, tmp_path / "logs"]).returncode == 9
    logger = ProgressLogger(f"json:{tmp_path / 'logs'}")
    Runs(logger, Artifacts(tmp_path))
    assert interrupt_orphans(logger) == 0  # once is enough
    last = logger.get_progress_logs("s1")[-1]
    assert (last.status, last.step, last.step_number, last.run_fraction) == ("interrupted", "Write", 2, 0.5)
    assert last.data["error"]["code"] == "interrupted"
    assert (logger.session("s1").status, logger.session("s1").has_notification) == ("error", True)
    assert [logger.session(sid).status for sid in ("s2", "s3")] == ["processing"] * 2
    logger.close()


def test_runs_of_this_process_are_not_orphans(logger):
    run = Run(logger, "s1", Plan.of("p", "Read"))
    run.begin()
    assert interrupt_orphans(logger) == 0
    run.complete()
    assert [e.status for e in logger.get_progress_logs("s1")] == ["running", "completed"]


def test_an_orphan_of_a_full_log_is_ended_all_the_same(store):
    logger = ProgressLogger(store, max_entries=2)
    logger.log("s1", "Read", "", 1, 2, run_id="s1.r", data={"owner": "gone"})
    logger.log("s1", "Read", "", 1, 2)
    assert interrupt_orphans(logger) == 1
    assert logger.get_progress_logs("s1")[-1].status == "interrupted"
    logger.close()


def test_entries_without_a_run_whose_owner_is_gone_are_over_too(logger):
    logger.log("s1", "Read", "", 1, 2, data={"owner": "gone"})
    assert interrupt_orphans(logger) == 1
    last = logger.get_progress_logs("s1")[-1]
    assert (last.run_id, last.status, logger.session("s1").status) == (None, "interrupted", "error")


def test_an_orphan_whose_session_is_deleted_meanwhile_is_none(logger, store):
    logger.log("s1", "Read", "", 1, 2, run_id="s1.r", data={"owner": "gone"})
    seen = store.active()
    store.active = lambda: seen
    logger.delete_session("s1")
    assert interrupt_orphans(logger) == 0
    assert logger.sessions() == []
