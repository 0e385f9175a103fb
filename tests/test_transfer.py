"""Copies of sessions between stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway import ProgressLogger
from headway.dashboard.cli import main
from headway.stores import Store, open_store
from headway.transfer import Copied, OtherLog, copy_sessions


def fill(url: str) -> None:
    """Log a bit of everything."""
    logger = ProgressLogger(url)
    for n in range(3):
        logger.log("plain", "Read", f"Zürich {n} 🚀", n + 1, 3, key=f"k{n}")
    logger.log("ended", "Read", "", 1, 2, run_id="ended.1", data={"prompt": "Monthly revenue", "owner": "me"})
    for n in range(5):
        logger.log("ended", "Read", f"{n}", 1, 2, run_id="ended.1", fraction=n / 5, data={"current": n})
    logger.log("ended", "Write", "done", 2, 2, run_id="ended.1", status="completed")
    logger.archive_session("ended")
    logger.log("alive", "Read", "", 1, 2, run_id="alive.1", data={"owner": "me"})
    logger.create_session("Empty", "empty")
    logger.add_notification("plain", "look")
    logger.rename_session("plain", "By hand")
    logger.close()


def content(store: Store) -> dict:
    return {session.session_id: store.read(session.session_id) for session in store.sessions(99)}


@pytest.fixture
def source(tmp_path):
    fill(f"json:{tmp_path / 'source'}")
    store = open_store(f"json:{tmp_path / 'source'}")
    yield store
    store.close()


def test_a_copy_is_the_same_with_notifications_and_runs(source):
    target = open_store("memory:")
    assert copy_sessions(source, target) == Copied(4, 3 + 3 + 1)
    assert content(target) == content(source)
    assert [s.session_id for s in target.sessions(9)] == [s.session_id for s in source.sessions(9)]


def test_a_copy_can_be_repeated_and_takes_what_is_new(source, tmp_path):
    target = open_store("memory:")
    copy_sessions(source, target)
    assert copy_sessions(source, target) == Copied(0, 0)
    assert content(target) == content(source)


def test_a_copy_that_has_gone_on_is_left_alone(source):
    target = open_store("memory:")
    copy_sessions(source, target)
    logger = ProgressLogger(target)
    logger.log("plain", "Read", "more", 1, 1)
    before = content(target)
    assert copy_sessions(source, target) == Copied(0, 0)
    assert content(target) == before
    logger.close()


def test_another_log_under_an_id_is_named_and_both_stay(source):
    target = open_store("memory:")
    other = ProgressLogger(target)
    other.log("plain", "Read", "another", 1, 1)
    with pytest.raises(OtherLog, match="'plain'"):
        copy_sessions(source, target)
    assert [e.message for e in other.get_progress_logs("plain")] == ["another"]
    other.close()


def folder_content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name.endswith((".json", ".gz"))}


def test_export_and_import_bring_back_the_same_files_and_artifacts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fill("json:logs")
    artifact = tmp_path / "logs" / "artifacts" / ("0" * 32)
    artifact.mkdir(parents=True)
    (artifact / "orders.csv").write_text("1,2")
    logger = ProgressLogger("json:logs")
    made = {"artifacts": [{"artifact_id": "0" * 32, "kind": "file", "name": "orders.csv"}]}
    logger.log("made", "Write", "done", 1, 1, run_id="made.1", status="completed", data=made)
    logger.close()
    assert main(["export", "json:backup"]) == 0
    assert "5 new sessions and 8 new entries: json:" in capsys.readouterr().out
    assert main(["import", "json:backup", "--store", "json:restored"]) == 0
    assert folder_content(tmp_path / "restored") == folder_content(tmp_path / "logs")
    assert (tmp_path / "restored" / "artifacts" / ("0" * 32) / "orders.csv").read_text() == "1,2"
    for nowhere in ("json:nowhere", "sqlite:///nowhere.db"):
        assert main(["import", nowhere]) == 1
        assert "nowhere" in capsys.readouterr().err
    assert not list(tmp_path.glob("nowhere*"))


def test_artifacts_are_copied_from_where_the_option_says_and_missing_ones_are_told(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    logger = ProgressLogger("json:logs")
    made = {"artifacts": [{"artifact_id": "0" * 32, "kind": "file", "name": "orders.csv"}]}
    logger.log("made", "Write", "done", 1, 1, run_id="made.1", status="completed", data=made)
    logger.close()
    assert main(["export", "json:without"]) == 0
    assert "1 artifacts are not in" in capsys.readouterr().err
    results = tmp_path / "results" / ("0" * 32)
    results.mkdir(parents=True)
    (results / "orders.csv").write_text("1,2")
    assert main(["export", "json:backup", "--artifacts", "results"]) == 0
    assert main(["import", "json:backup", "--store", "json:restored", "--artifacts", "elsewhere"]) == 0
    assert capsys.readouterr().err == ""
    for place in ("backup/artifacts", "elsewhere"):
        assert (tmp_path / place / ("0" * 32) / "orders.csv").read_text() == "1,2"
