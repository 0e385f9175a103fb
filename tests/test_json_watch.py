"""Files that are deleted by hand while a program runs: whoever watches is told."""

from __future__ import annotations

import asyncio

import pytest

from headway import ProgressLogger
from headway.errors import LogReplaced

SECONDS = 30


@pytest.mark.parametrize("packed", [False, True])
def test_a_log_deleted_by_hand_is_gone_for_those_who_follow_it_too(tmp_path, packed, monkeypatch):
    monkeypatch.setattr("headway.stores.json_files.watch.EVERY", 0.01)
    logger = ProgressLogger(f"json:{tmp_path}")
    logger.log("s1", "Step", "1", 1, 1, run_id="r", status="completed")
    logger.log("s2", "Step", "1", 1, 1)
    if packed:
        logger.archive_session("s1")

    async def follow() -> list[str]:
        seen = []
        async for entry in logger.tail("s1"):
            seen.append(entry.message)
            (tmp_path / ("s1_progress.json.gz" if packed else "s1_progress.json")).unlink()
        return seen

    with pytest.raises(LogReplaced, match="s1"):
        asyncio.run(asyncio.wait_for(follow(), SECONDS))
    assert [session.session_id for session in logger.sessions()] == ["s2"]
    logger.close()
