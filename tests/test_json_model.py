"""The json store through random lives: crashes, checkpoints, lost records, one log open at a time."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from headway.stores import Store, open_store
from headway.testing.making import entries
from headway.testing.model import StoreMachine


class JsonMachine(StoreMachine):
    def __init__(self) -> None:
        super().__init__()
        self.reader = open_store(str(self.store), read_only=True)

    def open(self, place: Path) -> Store:
        return open_store(f"json:{place}")

    def teardown(self) -> None:
        self.reader.close()
        super().teardown()

    @rule()
    def checkpoint(self) -> None:
        self.store._ledger.checkpoint()

    @rule()
    def crash(self) -> None:
        """Go on with what a kill leaves."""
        left = self.place / "left"
        with self.store._ledger._settling:  # a copy takes longer than the moment of a crash
            shutil.copytree(self.place / "logs", left, ignore=shutil.ignore_patterns(".lock"))
        self.store.close()
        shutil.rmtree(self.place / "logs")
        left.rename(self.place / "logs")
        self.store = self.open(self.place / "logs")

    @rule()
    def reopen_without_records(self) -> None:
        """What the log alone says comes back from the log alone."""
        self.store.close()
        (self.place / "logs" / "_sessions.jsonl").unlink()
        self.store = self.open(self.place / "logs")
        for session_id in list(self.sessions):
            found = self.store.session(session_id)
            if not self.logs.get(session_id):
                assert found is None
                del self.sessions[session_id]
            else:
                known = self.sessions[session_id]
                same = {"last_offset": known.last_offset, "size": known.size, "archived": known.archived}
                assert found == msgspec.structs.replace(found, **same)
                self.sessions[session_id] = found

    @invariant()
    def a_reader_sees_the_same(self) -> None:
        found = self.reader.sessions(99)
        assert found == self.store.sessions(99)
        assert [entries(self.reader, s.session_id) for s in found] == [
            entries(self.store, s.session_id) for s in found
        ]


@pytest.mark.parametrize("open_logs", [512, 1])  # with one, every other look closes and opens a file
def test_the_json_store_is_a_dict_of_lists(open_logs, monkeypatch):
    monkeypatch.setattr("headway.stores.json_files.logs.OPEN_LOGS", open_logs)
    run_state_machine_as_test(
        JsonMachine, settings=settings(max_examples=25, stateful_step_count=30, deadline=None)
    )
