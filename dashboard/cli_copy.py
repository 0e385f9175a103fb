"""``headway export`` and ``headway import``: sessions from one store to another."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from headway.artifacts import Artifacts, artifact_ids
from headway.session import Session
from headway.stores import Store, open_store
from headway.transfer import copy_sessions


def run_export(options: argparse.Namespace) -> int:
    """Copy from the store of the logs to another one."""
    return _copy(options.store, options.target, options.artifacts)


def run_import(options: argparse.Namespace) -> int:
    """Copy to the store of the logs from another one."""
    return _copy(options.source, options.store, options.artifacts)


def _copy(source_url: str, target_url: str, artifacts: str | None) -> int:
    with closing(open_store(source_url, read_only=True)) as source, closing(open_store(target_url)) as target:
        here, there = _artifacts(source, artifacts), _artifacts(target, artifacts)

        def copy_artifacts(session: Session) -> None:
            found = source.read(session.session_id)
            for artifact_id in artifact_ids(found.entries if found else []):
                here.copy(artifact_id, there)

        copied = copy_sessions(source, target, copy_artifacts)
    print(f"{copied.sessions:,} new sessions and {copied.entries:,} new entries: {source} -> {target}")
    return 0


def _artifacts(store: Store, folder: str | None) -> Artifacts:
    """Return the artifacts that belong to a store: beside its logs, when it has a folder."""
    beside = getattr(store, "folder", None)
    return Artifacts(Path(beside) / "artifacts" if beside else Path(folder or "logs/artifacts"))
