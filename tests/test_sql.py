"""The SQL stores keep the contract, on a SQLite file and on a real PostgreSQL."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from postgres_server import PostgresServer

from headway.stores import Store, open_store
from headway.testing import SharedStoreContract
from headway.testing.model import StoreMachine

RANDOM_LIVES = settings(max_examples=25, stateful_step_count=30, deadline=None)


def open_sqlite(place: Path) -> Store:
    """Open the store in a file."""
    return open_store(f"sqlite:///{place}")


def open_postgresql(server: PostgresServer, place: Path) -> Store:
    """Open the store in a schema of its own for each place: a new database would take longer."""
    schema = "p" + hashlib.sha256(str(place).encode()).hexdigest()[:20]
    server.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    return open_store(f"{server.url()}&options=-csearch_path%3D{schema}")


class TestSqliteStore(SharedStoreContract):
    def open(self, place: Path) -> Store:
        return open_sqlite(place)


class TestPostgresqlStore(SharedStoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, postgres: PostgresServer) -> None:
        self.server = postgres

    def open(self, place: Path) -> Store:
        return open_postgresql(self.server, place)


def test_a_sqlite_file_is_a_dict_of_lists():
    class Machine(StoreMachine):
        def open(self, place: Path) -> Store:
            return open_sqlite(place)

    run_state_machine_as_test(Machine, settings=RANDOM_LIVES)


def test_a_postgresql_database_is_a_dict_of_lists(postgres):
    class Machine(StoreMachine):
        def open(self, place: Path) -> Store:
            return open_postgresql(postgres, place)

    run_state_machine_as_test(Machine, settings=RANDOM_LIVES)
