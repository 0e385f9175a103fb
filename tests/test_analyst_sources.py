"""Databases: what opens, what is refused and why, that nothing can be written, streaming, progress, stopping."""

import datetime
import sqlite3
import threading

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from headway.analyst.compile import compile_spec, query
from headway.analyst.database import Database, open_database
from headway.analyst.errors import DatabaseError, UnknownDatabase
from headway.analyst.joins import with_joins
from headway.analyst.scan import scan
from headway.analyst.source import Query, read
from headway.analyst.spec import ColumnRef, Dim, Filter, Measure, QuerySpec

TABLES = [
    "CREATE TABLE shops (id INTEGER PRIMARY KEY, city TEXT)",
    "INSERT INTO shops VALUES (1, 'Bonn'), (2, 'Lyon'), (3, NULL)",
    "CREATE TABLE sales (sale_id INTEGER PRIMARY KEY, shop_id INTEGER REFERENCES shops (id), sold_on DATE, amount REAL)",
    "INSERT INTO sales VALUES (1, 1, '2023-01-05', 10.5), (2, 1, '2023-02-07', 20), (3, 2, '2024-02-29', 30), (4, 2, '2024-03-01', NULL)",
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


def make_folder(folder):
    place = folder / "lake"
    (place / "sales" / "2023").mkdir(parents=True)
    sales = pa.table(
        {
            "sale_id": [1, 2, 3, 4],
            "shop_id": [1, 1, 2, 2],
            "sold_on": [datetime.date(2023, 1, 5), datetime.date(2023, 2, 7), datetime.date(2024, 2, 29), datetime.date(2024, 3, 1)],
            "amount": [10.5, 20.0, 30.0, None],
        }
    )
    pyarrow.parquet.write_table(sales.slice(0, 2), place / "sales" / "2023" / "a.parquet")
    pyarrow.parquet.write_table(sales.slice(2), place / "sales" / "b.parquet")
    (place / "shops.csv").write_text("id,city\n1,Bonn\n2,Lyon\n3,\n")
    return place


MAKERS = {"duckdb": make_duckdb, "sqlite": make_sqlite, "folder": make_folder}


@pytest.fixture(params=MAKERS)
def database(request, tmp_path):
    return open_database(MAKERS[request.param](tmp_path))


@pytest.fixture
def source(database):
    source = database.connect()
    yield source
    source.close()


def test_each_kind_shows_its_tables_rows_and_keys(source):
    told = []
    catalog = scan(source, lambda *progress: told.append(progress))
    assert {table.name: table.rows for table in catalog.tables} == {"sales": 4, "shops": 3}
    assert [(key.child, key.parent) for key in catalog.keys] == [(ColumnRef("sales", "shop_id"), ColumnRef("shops", "id"))]
    sold_on = catalog.column(ColumnRef("sales", "sold_on"))
    assert (sold_on.type, str(sold_on.low), str(sold_on.high)) == ("date", "2023-01-05", "2024-03-01")
    assert catalog.column(ColumnRef("sales", "amount")).nulls == 1
    assert told[-1] == (2, 2, "tables", "2 tables, 7 rows")


def test_each_kind_answers_alike(source):
    catalog = scan(source)
    spec = QuerySpec(
        "chart",
        "sales",
        dims=(Dim(ColumnRef("sales", "sold_on"), grain="month"), Dim(ColumnRef("shops", "city"))),
        measures=(Measure("sum", ColumnRef("sales", "amount"), label="amount"), Measure("median", ColumnRef("sales", "amount"))),
        filters=(Filter(ColumnRef("sales", "sold_on"), "during", ("2023-02-01", "2024-03-01")),),
    )
    table = read(source, query(compile_spec(with_joins(catalog, spec), catalog, source.dialect), source))
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (datetime.date(2023, 2, 1), "Bonn", 20.0, 20.0),
        (datetime.date(2024, 2, 1), "Lyon", 30.0, 30.0),
    ]


@pytest.mark.parametrize("grain", ["year", "quarter", "week", "day", "weekday", "month_of_year"])
def test_each_grain_is_the_same_on_each_kind(tmp_path, grain):
    answers = []
    for make in MAKERS.values():
        source = open_database(make(tmp_path)).connect()
        catalog = scan(source)
        spec = QuerySpec("chart", "sales", (Dim(ColumnRef("sales", "sold_on"), grain=grain),), (Measure("count", label="sales"),))
        answers.append(read(source, query(compile_spec(spec, catalog, source.dialect), source)).to_pylist())
        source.close()
    assert answers[0] and answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sales",
        "CREATE TABLE more (x INTEGER)",
        "INSERT INTO shops VALUES (9, 'Rome')",
        "DROP TABLE sales",
        "ATTACH 'other.db' AS other",
        "SELECT 1; DELETE FROM sales",
        "COPY (SELECT 1) TO 'out.csv'",
    ],
)
def test_nothing_can_be_written(database, source, statement, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(DatabaseError):
        list(source.stream(Query(statement)))
    again = database.connect()
    assert {table.name: table.rows for table in scan(again).tables} == {"sales": 4, "shops": 3}
    again.close()
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("maker", ["duckdb", "folder"])
def test_duckdb_reads_no_other_file_and_cannot_be_told_to(tmp_path, maker):
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nhunter2\n")
    source = open_database(MAKERS[maker](tmp_path)).connect()
    with pytest.raises(DatabaseError, match="disabled by configuration"):
        list(source.stream(Query(f"SELECT * FROM read_csv('{secret}')")))
    with pytest.raises(DatabaseError, match="single SELECT"):
        list(source.stream(Query("SET enable_external_access = true")))
    source.close()


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


def test_rows_are_streamed_in_batches(source):
    sizes = [batch.num_rows for batch in source.stream(Query("SELECT * FROM sales"), batch_rows=2)]
    assert sum(sizes) == 4
    assert source.dialect == "duckdb" or sizes == [2, 2]


def test_a_long_duckdb_query_tells_its_progress_and_can_be_stopped(tmp_path):
    path = tmp_path / "big.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE big AS SELECT i, hash(i) AS h FROM range(6000000) numbers(i)")
    source = open_database(path).connect()
    long = Query("SELECT h % 1000 AS k, median(i) AS m, count(DISTINCT h) AS n FROM big GROUP BY 1")
    ended = threading.Event()
    caught = []

    def ask():
        try:
            list(source.stream(long))
        except DatabaseError as error:
            caught.append(str(error))
        ended.set()

    worker = threading.Thread(target=ask)
    worker.start()
    seen = set()
    while not ended.is_set() and len(seen) < 2:  # two readings that differ: it moves
        ended.wait(0.005)
        fraction = source.progress()
        if fraction is not None and fraction > 0:
            seen.add(fraction)
    source.cancel()
    worker.join(20)
    assert len(seen) == 2 and all(0 < fraction <= 1 for fraction in seen)
    assert caught == ["the database 'big.duckdb' cannot be read: INTERRUPT Error: Interrupted!"]
    assert read(source, Query("SELECT count(*) AS n FROM big")).to_pylist() == [{"n": 6_000_000}]
    source.close()


def test_a_long_sqlite_query_can_be_stopped(tmp_path):
    source = open_database(make_sqlite(tmp_path)).connect()
    endless = Query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
    caught = []

    def ask():
        try:
            list(source.stream(endless))
        except DatabaseError as error:
            caught.append(str(error))

    worker = threading.Thread(target=ask)
    worker.start()
    while worker.is_alive():
        source.cancel()
        worker.join(0.01)
    assert caught == ["the database 'small.sqlite' cannot be read: interrupted"]
    source.close()


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
