"""The results of runs as files: each in a folder of its own, named by a random id."""

from __future__ import annotations

import mimetypes
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .entry import Entry
from .errors import FULL, StoreError, UnknownArtifact

_ID = re.compile(r"[0-9a-f]{32}")
_TYPES = {
    ".vl.json": "application/vnd.vegalite+json",
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Artifact:
    """A result of a run, on disk and whole.

    Attributes
    ----------
    artifact_id
        128 random bits; the only way to it from outside.
    path
        Where it lies.
    """

    artifact_id: str
    path: Path

    @property
    def name(self) -> str:
        """The file name that a person sees."""
        return self.path.name

    @property
    def media_type(self) -> str:
        """The media type, by the name's ending (IANA, media types)."""
        for ending, media_type in _TYPES.items():
            if self.name.endswith(ending):
                return media_type
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    @property
    def bytes(self) -> int:
        """The size in bytes."""
        return self.path.stat().st_size


class Artifacts:
    """The artifacts of one server, below one folder. Callable from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def write(self, name: str) -> Iterator[tuple[str, Path]]:
        """Give the id of a new artifact and the temporary path to write it to.

        On a clean exit the file is on disk under its name; on an error nothing is left of it.

        Raises
        ------
        ValueError
            *name* is not the name of a file.
        StoreError
            The folder cannot be written to, or the disk is full; nothing is left.
        """
        if not name or name != os.path.basename(name) or name.startswith(".") or "\\" in name or "\0" in name:
            raise ValueError(f"{name!r} is not a file name: no folder, no dot in front")
        artifact_id = secrets.token_hex(16)
        place = self.folder / artifact_id
        part = place / f".part-{name}"
        try:
            place.mkdir(mode=0o700, parents=True)
            yield artifact_id, part
            with open(part, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(part, place / name)
        except BaseException as error:
            shutil.rmtree(place, ignore_errors=True)
            if isinstance(error, OSError) and self._ours(error):
                reason = error.strerror or str(error)
                raise StoreError(
                    f"cannot write the artifact {name!r} below {str(self.folder)!r}: {reason}"
                ) from error
            raise

    def find(self, artifact_id: str) -> Artifact:
        """Return the artifact of an id.

        Raises
        ------
        UnknownArtifact
            There is none, or it is not written to its end yet.
        """
        if _ID.fullmatch(artifact_id) and (place := self.folder / artifact_id).is_dir():
            for path in place.iterdir():
                if not path.name.startswith(".part-"):
                    return Artifact(artifact_id, path)
        raise UnknownArtifact(artifact_id)

    def has(self, artifact_id: str) -> bool:
        """Whether there is an artifact of an id."""
        try:
            return bool(self.find(artifact_id))
        except UnknownArtifact:
            return False

    def copy(self, artifact_id: str, target: Artifacts) -> bool:
        """Copy an artifact to another folder, unless it is there; return whether it was copied.

        One that was deleted here is passed over. `StoreError` when the target cannot be written to.
        """
        try:
            made = self.find(artifact_id)
            place = target.folder / artifact_id
            if place.exists():
                return False
            part = target.folder / f".part-{artifact_id}"
            shutil.copytree(made.path.parent, part, dirs_exist_ok=True)
            os.replace(part, place)
        except UnknownArtifact:
            return False
        except OSError as error:
            raise StoreError(
                f"cannot copy an artifact to {str(target.folder)!r}: {error.strerror}"
            ) from error
        return True

    def delete(self, artifact_id: str) -> None:
        """Delete an artifact; it is no error when there is none."""
        if _ID.fullmatch(artifact_id):
            shutil.rmtree(self.folder / artifact_id, ignore_errors=True)

    def _ours(self, error: OSError) -> bool:
        """Whether an error is about the folder or the disk; others are of the work that writes."""
        ours, theirs = str(self.folder), str(error.filename)
        return error.errno in FULL or theirs.startswith(ours) or ours.startswith(theirs)


def artifact_ids(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the ids of the artifacts that the runs of a log have made."""
    for entry in entries:
        artifacts = (entry.data or {}).get("artifacts")
        if entry.terminal and isinstance(artifacts, list):
            for made in artifacts:
                yield str(made.get("artifact_id", "")) if isinstance(made, dict) else ""
