"""Our stores live through random lives as a dict of lists does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from headway.stores import Store, open_store
from headway.stores.json_files import JsonFilesStore
from headway.testing.model import StoreMachine

LIVES = settings(max_examples=40, stateful_step_count=30, deadline=None)


class MemoryMachine(StoreMachine):
    durable = False

    def open(self, place: Path) -> Store:
        return open_store("memory:")


class JsonMachine(StoreMachine):
    def open(self, place: Path) -> Store:
        return open_store(f"json:{place}")

    @precondition(lambda self: self.durable)
    @rule()
    def reopen_without_records(self):
        """See that what the log alone says comes back from the log alone."""
        self.store.close()
        (self.place / "logs" / "_sessions.jsonl").unlink()
        self.store = self.open(self.place / "logs")
        for session_id in list(self.sessions):
            found = self.store.session(session_id)
            if not self.logs.get(session_id):
                assert found is None
                del self.sessions[session_id]
            else:
                assert found.last_offset == len(self.logs[session_id])
                self.sessions[session_id] = found


def test_the_memory_store_is_a_dict_of_lists():
    run_state_machine_as_test(MemoryMachine, settings=LIVES)


@pytest.mark.parametrize("open_logs", [256, 1])
def test_the_json_store_is_a_dict_of_lists(open_logs, monkeypatch):
    # With one open log, every other look closes and opens a file.
    monkeypatch.setattr(f"{JsonFilesStore.__module__}.OPEN_LOGS", open_logs)
    run_state_machine_as_test(JsonMachine, settings=LIVES)
