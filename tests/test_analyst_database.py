"""Databases: what opens, what is refused and why, and when it is scanned again."""

import sqlite3

import duckdb
import pytest

from headway.analyst.database import Database, open_database
from headway.analyst.errors import DatabaseError, UnknownDatabase
from headway.analyst.scan import scan

TABLES = [
    "CREATE TABLE shops (id INTEGER PRIMARY KEY, city TEXT)",
    "INSERT INTO shops VALUES (1, 'Bonn'), (2, 'Lyon'), (3, NULL)",
    "CREATE TABLE sales (sale_id INTEGER PRIMARY KEY, shop_id INTEGER REFERENCES shops (id))",
    "INSERT INTO sales VALUES (1, 1), (2, 1), (3, 2), (4, 2)",
]


def make_duckdb(folder):
    path = folder / "small.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in TABLES:
            connection.execute(statement)
    return path


def make_sqlite(folder):
    path = folder / "small.sqlite"
    connection = sqlite3.connect(path)
    for statement in TABLES:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("gone.duckdb", None, "does not exist"),
        ("notes.txt", b"just some notes", "is not a database that Headway reads, or is damaged"),
        ("empty.duckdb", b"", "is not a database that Headway reads, or is damaged"),
    ],
)
def test_what_is_no_database_is_refused_by_name(tmp_path, name, content, why):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnknownDatabase) as caught:
        open_database(path)
    assert str(caught.value) == (
        f"{str(path)!r} {why}; allowed: a DuckDB file, a SQLite file, a Parquet or CSV file, "
        "a folder of Parquet or CSV files, or a URL such as postgres://user@host/name"
    )
    assert not path.exists() or content is not None


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UnknownDatabase, match="is a folder without Parquet or CSV files"):
        open_database(tmp_path)


def test_a_database_without_tables_is_refused(tmp_path):
    duckdb.connect(str(tmp_path / "bare.duckdb")).close()
    with pytest.raises(UnknownDatabase, match=r"'bare\.duckdb' has no tables"):
        open_database(tmp_path / "bare.duckdb")


@pytest.mark.parametrize("make", [make_duckdb, make_sqlite])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, make):
    path = make(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:64] + b"\xff" * (len(content) - 64))
    with pytest.raises(DatabaseError, match=path.name.replace(".", r"\.")):
        scan(open_database(path).connect())


def test_an_unknown_scheme_is_refused_without_its_password():
    with pytest.raises(DatabaseError) as caught:
        open_database("carrierpigeon://me:hunter2@coop/loft")
    assert "'carrierpigeon://coop/loft'" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["duckdb://", "sqlite:///", "file://", ""])
def test_urls_lead_to_files_too(tmp_path, prefix):
    path = make_sqlite(tmp_path) if prefix == "sqlite:///" else make_duckdb(tmp_path)
    assert Database(f"{prefix}{path}").name == path.name


def test_the_scan_is_kept_until_the_file_changes(tmp_path):
    path = make_duckdb(tmp_path)
    database = open_database(path)
    told = []

    def catalog():
        source = database.connect()
        try:
            return database.catalog(source, lambda *progress: told.append(progress[3]))
        finally:
            source.close()

    first = catalog()
    assert catalog() is first
    assert told[-1] == "2 tables, 7 rows, unchanged since the last scan"
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO shops VALUES (4, 'Rome')")
    assert catalog().rows == 8


def test_a_writer_can_open_the_file_between_runs(tmp_path):
    path = make_duckdb(tmp_path)
    open_database(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO shops VALUES (5, 'Oslo')")
