"""``headway export`` and ``headway import``: sessions from one store to another."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from headway.artifacts import Artifacts, artifact_ids
from headway.session import Session
from headway.stores import Store, open_store
from headway.transfer import copy_sessions


def run_export(options: argparse.Namespace) -> int:
    """Copy from the store of the logs to another one."""
    with (
        closing(open_store(options.store, read_only=True)) as ours,
        closing(open_store(options.target)) as other,
    ):
        # The folder that was named may be that of the other store: then ours are beside our logs.
        here = [_of_ours(ours, options.artifacts), _of_other(ours, options.artifacts)]
        return _copy(ours, here, other, _of_other(other, options.artifacts))


def run_import(options: argparse.Namespace) -> int:
    """Copy to the store of the logs from another one."""
    with (
        closing(open_store(options.source, read_only=True)) as other,
        closing(open_store(options.store)) as ours,
    ):
        here = [_of_other(other, options.artifacts)]
        return _copy(other, here, ours, _of_ours(ours, options.artifacts))


def _copy(source: Store, here: Sequence[Artifacts], target: Store, there: Artifacts) -> int:
    missing = 0

    def copy_artifacts(session: Session) -> None:
        nonlocal missing
        found = source.read(session.session_id)
        for artifact_id in filter(None, artifact_ids(found.entries if found else [])):
            for place in here:
                place.copy(artifact_id, there)
            missing += not there.has(artifact_id)

    copied = copy_sessions(source, target, copy_artifacts)
    print(f"{copied.sessions:,} new sessions and {copied.entries:,} new entries: {source} -> {target}")
    if missing:
        places = " or ".join(sorted({str(place.folder) for place in here}))
        print(f"{missing:,} artifacts are not in {places}: --artifacts says where they are", file=sys.stderr)
    return 0


def _of_ours(store: Store, folder: str | None) -> Artifacts:
    """Return the artifacts of the store of the logs: where a server with the same options has them."""
    return Artifacts(Path(folder)) if folder else _of_other(store, None)


def _of_other(store: Store, folder: str | None) -> Artifacts:
    """Return the artifacts of another store: beside its logs, when it has a folder."""
    beside = getattr(store, "folder", None)
    return Artifacts(Path(beside) / "artifacts" if beside else Path(folder or "logs/artifacts"))
