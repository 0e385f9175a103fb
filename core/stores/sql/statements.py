"""The tables and statements of both databases; what differs between them is in `Dialect`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

A_DAY = 86_400  # seconds for which it is remembered who wrote what, and who lived

ENTRY = {
    "session": "bigint",
    "offset": "bigint",
    "timestamp": "text",
    "step": "text",
    "message": "text",
    "step_number": "integer",
    "total_steps": "integer",
    "run_id": "text",
    "status": "text",
    "key": "text",
    "extra": "text",
}
SESSION = {
    "key": "bigint",
    "folded": "text",
    "session_id": "text",
    "last_activity": "text",
    "active": "boolean",
    "record": "text",
}

TABLES = """
CREATE TABLE headway_sessions (
    key {identity},
    folded text {collate} NOT NULL UNIQUE,
    session_id text {collate} NOT NULL,
    last_activity text {collate} NOT NULL,
    active boolean NOT NULL,
    record text NOT NULL
) {often_updated};
CREATE INDEX headway_sessions_recent ON headway_sessions (last_activity);
CREATE INDEX headway_sessions_active ON headway_sessions (key) WHERE active;
CREATE TABLE headway_entries (
    session bigint NOT NULL,
    "offset" bigint NOT NULL,
    timestamp text NOT NULL,
    step text NOT NULL,
    message text NOT NULL,
    step_number integer NOT NULL,
    total_steps integer NOT NULL,
    run_id text,
    status text,
    key text,
    extra text,
    PRIMARY KEY (session, "offset")
);
CREATE UNIQUE INDEX headway_entries_keys ON headway_entries (session, key) WHERE key IS NOT NULL;
CREATE INDEX headway_entries_endings ON headway_entries (session, run_id) WHERE status IS NOT NULL;
CREATE TABLE headway_archives (session bigint PRIMARY KEY, log {bytes} NOT NULL);
CREATE TABLE headway_writers (
    writer text PRIMARY KEY, number bigint NOT NULL, offsets text NOT NULL, at double precision NOT NULL
) {often_updated};
CREATE TABLE headway_leases (
    owner text PRIMARY KEY, until double precision NOT NULL, seconds double precision NOT NULL
) {often_updated};
"""
"""A session's entries and archive bear its ``key``, so those of a deleted one never meet a new one's."""


@dataclass(frozen=True)
class Dialect:
    """What a database says in its own way.

    Attributes
    ----------
    words
        What stands for the names in braces in `TABLES`.
    rows
        From the columns and their types, a SELECT of the rows in a parameter, which is a JSON array of
        objects.
    for_update
        Locks the rows that a SELECT finds.
    clock
        Seconds by a clock that all processes see alike.
    mark
        Stands for a parameter.
    """

    words: Mapping[str, str]
    rows: Callable[[Mapping[str, str]], str]
    for_update: str
    clock: str
    mark: str

    def said(self, text: str) -> str:
        """Return a statement as the database says it."""
        return text.replace("?", self.mark).replace("FOR UPDATE", self.for_update)


class Statements:
    """All statements of a database, by table. Those about rows take them as JSON (`rows.to_json`)."""

    def __init__(self, dialect: Dialect) -> None:
        self.tables = TABLES.format(**dialect.words).strip().rstrip(";").split(";\n")
        self.sessions = _Sessions(dialect)
        self.entries = _Entries(dialect)
        self.archives = _Archives(dialect)
        self.writers = _Writers(dialect)
        self.leases = _Leases(dialect)
        self.forget = (self.writers.forget, self.leases.forget)


class _Sessions:
    def __init__(self, dialect: Dialect) -> None:
        some = dialect.rows({"folded": "text"})
        new = dialect.rows({name: kind for name, kind in SESSION.items() if name != "key"})
        names = ", ".join(name for name in SESSION if name != "key")
        changed = dialect.rows({name: SESSION[name] for name in ("key", "last_activity", "active", "record")})
        insert = f"INSERT INTO headway_sessions ({names}) SELECT {names} FROM ({new}) AS new WHERE true"
        listed = "ORDER BY last_activity DESC, session_id DESC LIMIT ?"
        # Everybody locks rows in the same order, so that two batches never wait for each other.
        self.lock = dialect.said(
            "SELECT key, folded, record FROM headway_sessions "
            f"WHERE folded IN ({some}) ORDER BY folded FOR UPDATE"
        )
        """Lock sessions: key, folded id and record of those that are there."""
        self.lock_or_make = dialect.said(
            f"{insert} ORDER BY folded ON CONFLICT (folded) DO UPDATE SET folded = excluded.folded "
            "RETURNING key, folded, record"
        )
        """Lock sessions, and make those that are not there: the same of all of them."""
        self.add = dialect.said(f"{insert} ON CONFLICT (folded) DO NOTHING RETURNING key")
        self.update = dialect.said(
            "UPDATE headway_sessions SET last_activity = new.last_activity, active = new.active, "
            f"record = new.record FROM ({changed}) AS new WHERE headway_sessions.key = new.key"
        )
        self.delete = dialect.said("DELETE FROM headway_sessions WHERE key = ?")
        self.get = dialect.said("SELECT record FROM headway_sessions WHERE folded = ?")
        self.active = "SELECT record FROM headway_sessions WHERE active"
        self.newest = dialect.said(f"SELECT record FROM headway_sessions {listed}")
        self.older = dialect.said(
            f"SELECT record FROM headway_sessions WHERE (last_activity, session_id) < (?, ?) {listed}"
        )


class _Entries:
    def __init__(self, dialect: Dialect) -> None:
        columns = ", ".join(f'e."{name}"' for name in ENTRY if name != "session")

        def asked_by(name: str) -> str:
            asked = dialect.rows({"session": "bigint", name: ENTRY[name]})
            same = f'e.session = asked.session AND e."{name}" = asked."{name}"'
            return f"SELECT e.session, {columns} FROM ({asked}) AS asked JOIN headway_entries AS e ON {same}"

        self.insert = dialect.said(f"INSERT INTO headway_entries {dialect.rows(ENTRY)}")
        self.with_keys = dialect.said(f"{asked_by('key')} WHERE e.key IS NOT NULL")
        self.endings = dialect.said(f"{asked_by('run_id')} WHERE e.status IS NOT NULL")
        self.at_offsets = dialect.said(asked_by("offset"))
        self.read = dialect.said(
            f"SELECT {columns} FROM headway_entries AS e WHERE {_OF_SESSION} "
            'AND "offset" > ? ORDER BY "offset" LIMIT ?'
        )
        self.clear = dialect.said("DELETE FROM headway_entries WHERE session = ?")


class _Archives:
    def __init__(self, dialect: Dialect) -> None:
        self.read = dialect.said(f"SELECT log FROM headway_archives WHERE {_OF_SESSION}")
        self.add = dialect.said("INSERT INTO headway_archives (session, log) VALUES (?, ?)")
        self.clear = dialect.said("DELETE FROM headway_archives WHERE session = ?")


class _Writers:
    def __init__(self, dialect: Dialect) -> None:
        clock = dialect.clock
        self.lock = dialect.said("SELECT number, offsets FROM headway_writers WHERE writer = ? FOR UPDATE")
        self.add = dialect.said(
            f"INSERT INTO headway_writers (writer, number, offsets, at) VALUES (?, 0, '', {clock}) "
            "ON CONFLICT (writer) DO NOTHING RETURNING writer"
        )
        self.written = dialect.said(
            f"UPDATE headway_writers SET number = ?, offsets = ?, at = {clock} WHERE writer = ?"
        )
        self.forget = (  # the nameless one counts the commits (`sqlite`)
            f"DELETE FROM headway_writers WHERE writer <> '' AND at NOT BETWEEN {clock} - {A_DAY} AND {clock}"
        )


class _Leases:
    def __init__(self, dialect: Dialect) -> None:
        clock = dialect.clock
        self.renew = dialect.said(
            f"INSERT INTO headway_leases (owner, until, seconds) VALUES (?, {clock} + ?, ?) "
            "ON CONFLICT (owner) DO UPDATE SET until = excluded.until, seconds = excluded.seconds"
        )
        # A clock that was set back, by a restart of the machine perhaps, would have the dead live for long.
        self.living = f"SELECT owner FROM headway_leases WHERE until > {clock} AND until <= {clock} + seconds"
        # Not with each renewal: two that wake up late would each delete the other's, and wait for it.
        self.forget = (
            f"DELETE FROM headway_leases WHERE until NOT BETWEEN {clock} - {A_DAY} AND {clock} + seconds"
        )


_OF_SESSION = "session = (SELECT key FROM headway_sessions WHERE folded = ?)"
