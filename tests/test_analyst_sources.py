"""Sources: three kinds answer alike, nothing can be written, rows stream, queries tell progress and stop."""

import datetime
import sqlite3
import threading

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from headway.analyst.compile import compile_spec, query
from headway.analyst.database import open_database
from headway.analyst.errors import DatabaseError
from headway.analyst.joins import with_joins
from headway.analyst.scan import scan
from headway.analyst.source import Query, read
from headway.analyst.spec import ColumnRef, Dim, Filter, Measure, QuerySpec

TABLES = [
    "CREATE TABLE shops (id INTEGER PRIMARY KEY, city TEXT)",
    "INSERT INTO shops VALUES (1, 'Bonn'), (2, 'Lyon'), (3, NULL)",
    "CREATE TABLE sales (sale_id INTEGER PRIMARY KEY, shop_id INTEGER REFERENCES shops (id), "
    "sold_on DATE, amount REAL)",
    "INSERT INTO sales VALUES (1, 1, '2023-01-05', 10.5), (2, 1, '2023-02-07', 20), "
    "(3, 2, '2024-02-29', 30), (4, 2, '2024-03-01', NULL)",
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
            "sold_on": [
                datetime.date(2023, 1, 5),
                datetime.date(2023, 2, 7),
                datetime.date(2024, 2, 29),
                datetime.date(2024, 3, 1),
            ],
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
    assert [(key.child, key.parent) for key in catalog.keys] == [
        (ColumnRef("sales", "shop_id"), ColumnRef("shops", "id"))
    ]
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
        measures=(
            Measure("sum", ColumnRef("sales", "amount"), label="amount"),
            Measure("median", ColumnRef("sales", "amount")),
            Measure(
                "median",
                ColumnRef("sales", "amount"),
                where=(Filter(ColumnRef("shops", "city"), "=", ("Lyon",)),),
            ),
        ),
        filters=(Filter(ColumnRef("sales", "sold_on"), "during", ("2023-02-01", "2024-03-01")),),
    )
    table = read(source, query(compile_spec(with_joins(catalog, spec), catalog, source.dialect), source))
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (datetime.date(2023, 2, 1), "Bonn", 20.0, 20.0, None),
        (datetime.date(2024, 2, 1), "Lyon", 30.0, 30.0, 30.0),
    ]


@pytest.mark.parametrize("grain", ["year", "quarter", "week", "day", "weekday", "month_of_year"])
def test_each_grain_is_the_same_on_each_kind(tmp_path, grain):
    answers = []
    for make in MAKERS.values():
        source = open_database(make(tmp_path)).connect()
        catalog = scan(source)
        spec = QuerySpec(
            "chart",
            "sales",
            (Dim(ColumnRef("sales", "sold_on"), grain=grain),),
            (Measure("count", label="sales"),),
        )
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


def test_a_with_block_closes_it_also_when_something_fails(database):
    with database.connect() as source:
        assert [table.name for table in source.tables()] == ["sales", "shops"]
    with pytest.raises(Exception, match=r"(?i)closed|connection"):
        list(source.stream(Query("SELECT 1")))
    with pytest.raises(ZeroDivisionError), database.connect() as failing:
        raise ZeroDivisionError
    with pytest.raises(Exception, match=r"(?i)closed|connection"):
        list(failing.stream(Query("SELECT 1")))


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
