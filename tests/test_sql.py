"""The SQL stores keep the contract, on a SQLite file and on a real PostgreSQL."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from postgres_server import PostgresServer

from headway.stores import Store, open_store
from headway.testing import SharedStoreContract
from headway.testing.making import append, entry
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


def test_what_is_remembered_of_writers_and_owners_is_forgotten_after_a_day(tmp_path):
    place = tmp_path / "x.db"
    store = open_sqlite(place)
    append(store, [entry()], writer="old", number=1)
    append(store, [entry()], writer="new", number=1)
    for owner in ("dead", "old", "restarted"):
        store.lease(owner, 60)
    store.close()
    with sqlite3.connect(place) as database:
        database.execute("UPDATE headway_writers SET at = at - 86500 WHERE writer = 'old'")
        database.execute("UPDATE headway_leases SET until = until - 100 WHERE owner = 'dead'")
        database.execute("UPDATE headway_leases SET until = until - 86500 WHERE owner = 'old'")
        database.execute("UPDATE headway_leases SET until = until + 100 WHERE owner = 'restarted'")
    store = open_sqlite(place)
    assert store.lease("me", 60) == {"me"}
    store.close()
    writers = database.execute("SELECT writer, number FROM headway_writers ORDER BY writer").fetchall()
    owners = database.execute("SELECT owner FROM headway_leases ORDER BY owner").fetchall()
    database.close()
    assert (writers, owners) == ([("", 2), ("new", 1)], [("dead",), ("me",)])
