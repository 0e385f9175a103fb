"""A broken Headway: how long a server's runs are its own is decided by the wall clock."""

import time

import stepping_clock  # noqa: F401

from headway.stores.sql.sqlite import SqliteStore

connect = SqliteStore._connect


def connect_by_wall_clock(self):
    connection = connect(self)
    connection.create_function("headway_clock", 0, time.time)
    return connection


SqliteStore._connect = connect_by_wall_clock
