"""Artifacts: whole or not at all, found by id only."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headway.artifacts import Artifact, Artifacts
from headway.errors import StoreError, UnknownArtifact


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def made(artifacts: Artifacts, name: str = "rows.csv", content: bytes = b"a,b\n") -> str:
    with artifacts.write(name) as (artifact_id, path):
        path.write_bytes(content)
    return artifact_id


def left(artifacts: Artifacts) -> list[Path]:
    return list(artifacts.folder.rglob("*"))


def test_what_was_written_is_found_by_its_id(artifacts):
    artifact_id = made(artifacts)
    found = artifacts.find(artifact_id)
    assert found == Artifact(artifact_id, artifacts.folder / artifact_id / "rows.csv")
    assert (found.name, found.media_type, found.bytes) == ("rows.csv", "text/csv", 4)
    assert found.path.read_bytes() == b"a,b\n"


def test_ids_are_random_and_nobody_else_may_read_the_folder(artifacts):
    first, second = made(artifacts), made(artifacts)
    assert first != second and len(first) == 32
    assert (artifacts.folder / first).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("chart.vl.json", "application/vnd.vegalite+json"),
        ("rows.json", "application/json"),
        ("rows.parquet", "application/vnd.apache.parquet"),
        ("rows.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("rows.strange", "application/octet-stream"),
    ],
)
def test_the_media_type_follows_the_name(artifacts, name, media_type):
    assert artifacts.find(made(artifacts, name)).media_type == media_type


def test_an_artifact_is_not_found_before_it_is_whole(artifacts):
    with artifacts.write("rows.csv") as (artifact_id, path):
        path.write_bytes(b"half")
        with pytest.raises(UnknownArtifact, match="there is no artifact"):
            artifacts.find(artifact_id)


@pytest.mark.parametrize(
    "error", [KeyError("x"), KeyboardInterrupt(), ConnectionRefusedError(111, "no database")]
)
def test_an_error_of_the_work_is_its_own_and_nothing_is_left(artifacts, error):
    with pytest.raises(type(error)) as caught, artifacts.write("rows.csv") as (_, path):
        path.write_bytes(b"half")
        raise error
    assert caught.value is error
    assert left(artifacts) == []


def test_a_file_that_was_never_written_is_a_store_error(artifacts):
    with pytest.raises(StoreError, match=r"cannot write the artifact 'rows.csv' below .*: No such file"):
        with artifacts.write("rows.csv"):
            pass
    assert left(artifacts) == []


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(StoreError, match="Not a directory"),
        Artifacts(tmp_path / "file" / "a").write("x.csv"),
    ):
        raise AssertionError("not reached")


def test_a_full_disk_is_a_store_error_and_leaves_nothing(artifacts):
    # A limit on the size of files is a disk that is full for this process.
    program = f"""
import resource, signal
from pathlib import Path
from headway.artifacts import Artifacts
from headway.errors import StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with Artifacts(Path({str(artifacts.folder)!r})).write("rows.csv") as (_, path):
        path.write_bytes(b"x" * 2000)
except StoreError as error:
    print(error.__cause__.errno)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(errno.EFBIG)
    assert left(artifacts) == []


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc/passwd", ".part-x", "a\\b", "a\0b"])
def test_a_name_that_is_a_path_is_refused(artifacts, name):
    with pytest.raises(ValueError, match="is not a file name"), artifacts.write(name):
        raise AssertionError("not reached")
    assert not artifacts.folder.exists()


@pytest.mark.parametrize("artifact_id", ["", "..", "0" * 32, "A" * 32, "../" + "0" * 29])
def test_an_unknown_id_is_no_artifact_and_no_error_to_delete(artifacts, artifact_id):
    made(artifacts)
    with pytest.raises(UnknownArtifact):
        artifacts.find(artifact_id)
    artifacts.delete(artifact_id)
    assert len(os.listdir(artifacts.folder)) == 1


def test_a_deleted_artifact_is_gone(artifacts):
    artifact_id = made(artifacts)
    artifacts.delete(artifact_id)
    with pytest.raises(UnknownArtifact):
        artifacts.find(artifact_id)
    assert left(artifacts) == []
