"""The memory store lives through random lives as a dict of lists does; the others' tests have their own."""

from __future__ import annotations

from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from headway.stores import Store, open_store
from headway.testing.model import StoreMachine


class MemoryMachine(StoreMachine):
    durable = False

    def open(self, place: Path) -> Store:
        return open_store("memory:")


def test_the_memory_store_is_a_dict_of_lists():
    lives = settings(max_examples=40, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(MemoryMachine, settings=lives)
