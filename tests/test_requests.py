"""Requests end to end: a prompt, a real database, a store; the entries come from the work itself."""

import asyncio
import json
import sqlite3

import duckdb
import openpyxl
import pytest

from headway.analyst.database import open_database
from headway.artifacts import Artifacts
from headway.logger import ProgressLogger
from headway.requests import REQUESTS, recognise
from headway.runs import Runs

PLANS = {
    "chart": [
        "Scanning databases",
        "Analyzing data",
        "Fetching relevant data",
        "Generating visualization",
        "Preparing response",
    ],
    "file": [
        "Scanning databases",
        "Fetching relevant data",
        "Processing data",
        "Generating file",
        "Preparing download",
    ],
    "text": [
        "Scanning databases",
        "Analyzing patterns",
        "Fetching insights",
        "Generating analysis",
        "Preparing response",
    ],
}


@pytest.fixture(scope="module")
def shop(shop):
    return shop.database


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return a folder, and what was answered in it: the same question to the same data is asked once."""
    return tmp_path_factory.mktemp("answers"), {}


@pytest.fixture
def ask(tmp_path, kept):
    """Return a function that works on a prompt to its end: (entries, path of the artifact or None)."""
    folder, answers = kept

    def asked(database, prompt, kind=None, on_entry=None):
        if on_entry:
            return asyncio.run(_ask(tmp_path, database, prompt, kind, on_entry))
        if (database, prompt, kind) not in answers:
            answers[database, prompt, kind] = asyncio.run(_ask(folder, database, prompt, kind, None))
        return answers[database, prompt, kind]

    return asked


async def _ask(folder, database, prompt, kind, on_entry):
    logger, artifacts = ProgressLogger("memory:"), Artifacts(folder / "artifacts")
    runs = Runs(logger, artifacts, lambda: database)
    run = await runs.start("s", prompt, kind)
    entries = []
    async for entry in logger.tail("s"):
        entries.append(entry)
        if on_entry:
            await on_entry(runs, run, entry)
        if entry.terminal:
            break
    await runs.close()
    logger.close()
    made = (entries[-1].data or {}).get("artifacts", [])
    return entries, artifacts.find(made[0]["artifact_id"]).path if made else None


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("Monthly revenue by region as a line chart", "chart"),
        ("Export orders of 2023 to Excel", "file"),
        ("What stands out in returns?", "text"),
    ],
)
def test_each_type_walks_through_its_plan_and_ends_once(ask, shop, prompt, kind):
    entries, path = ask(shop, prompt)
    assert list(dict.fromkeys(entry.step for entry in entries)) == PLANS[kind]
    assert [entry.status for entry in entries if entry.terminal] == ["completed"]
    assert entries[0].data["type"] == kind
    fractions = [entry.run_fraction for entry in entries]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert path.exists()


def test_a_chart_is_vega_lite_with_its_rows_in_it(ask, shop):
    entries, path = ask(shop, "Monthly revenue by region as a line chart")
    chart = json.loads(path.read_text())
    made = entries[-1].data["artifacts"][0]
    assert (made["kind"], made["rows"], made["chart"]) == ("chart", 192, "line")
    assert made["media_type"] == "application/vnd.vegalite+json"
    assert made["name"] == "Sum-of-revenue-by-month-and-region.vl.json"
    assert len(chart["data"]["values"]) == 192
    assert entries[-1].data["understood"] == "Sum of revenue by month and region, as a line chart"
    assert "http" not in path.read_text().replace(chart["$schema"], "")
    assert any(entry.message == "4 tables, 436,035 rows" or "unchanged" in entry.message for entry in entries)
    assert any(entry.message == "192 of 192 rows" for entry in entries)


def test_the_sql_it_tells_gives_the_rows_of_the_chart(ask, shop):
    entries, path = ask(shop, "Number of orders by channel")
    with duckdb.connect(shop.place.target, read_only=True) as connection:
        rows = connection.execute(entries[-1].data["sql"]).fetchall()
    shown = json.loads(path.read_text())["data"]["values"]
    assert sorted(rows) == sorted((value["x"], value["y"]) for value in shown)


def test_an_excel_file_holds_the_rows_of_the_database(ask, shop):
    entries, path = ask(shop, "Export orders of December 2023 to Excel")
    with duckdb.connect(shop.place.target, read_only=True) as connection:
        expected = connection.execute(
            "FROM orders WHERE date_trunc('month', order_date) = '2023-12-01' ORDER BY order_id"
        ).fetchall()
    book = openpyxl.load_workbook(path, read_only=True)
    header, *rows = book.worksheets[0].iter_rows(values_only=True)
    book.close()
    assert header == ("order_id", "customer_id", "order_date", "status", "channel", "payment")
    assert [(row[0], row[1], row[2].date(), *row[3:]) for row in sorted(rows)] == expected
    written = [
        entry
        for entry in entries
        if entry.step == "Generating file" and (entry.data or {}).get("unit") == "rows"
    ]
    assert [entry.data["current"] for entry in written][-1] == len(expected)
    assert all(
        entry.data["total"] == len(expected) and entry.fraction == entry.data["current"] / len(expected)
        for entry in written
    )
    assert written[-1].message == f"{len(expected):,} of {len(expected):,} rows written"


def test_findings_tell_what_is_planted_in_the_returns(ask, shop):
    _, path = ask(shop, "What stands out in returns?")
    answer = json.loads(path.read_text())
    texts = [finding["text"] for finding in answer["findings"]]
    assert answer["title"] == "What stands out in orders, where status is returned"
    assert texts[0] == "13,455 of 120,000 orders (11.2%) have status returned."
    assert any(
        text.startswith("Since September 2023, the returned rate for category Shoes is 37") for text in texts
    )
    assert 1 <= len(texts) <= 8
    with duckdb.connect(shop.place.target, read_only=True) as connection:
        for finding in answer["findings"]:
            assert finding["values"] and connection.execute(finding["sql"]).fetchall()


@pytest.mark.parametrize("kind", ["chart", "file", "text"])
def test_what_is_not_understood_ends_in_an_error_with_examples_that_work(ask, shop, kind):
    entries, path = ask(shop, "Will it rain in Atlantis?", kind)
    error = entries[-1].data["error"]
    assert entries[-1].status == "error" and path is None
    assert (
        error["message"]
        == entries[-1].message
        == "No word of the request names a table, a column or a value of this database."
    )
    assert len(error["examples"]) == 3 and error["hint"]
    for prompt in error["examples"] if kind == "chart" else ():  # they are the same for each type
        again, _ = ask(shop, prompt)
        assert again[-1].status == "completed", prompt


def test_no_matching_rows_is_an_error_that_tells_the_range(ask, shop):
    entries, path = ask(shop, "Orders per month in 2031")
    assert path is None
    assert (
        entries[-1].message
        == "No rows match: Number of orders by month, where order date is in 2031, as a line chart."
    )
    assert (
        entries[-1].data["error"]["hint"] == "In this database order date runs from 2021-01-01 to 2024-12-31."
    )


def test_a_run_without_a_database_says_so(ask):
    entries, _ = ask(None, "Orders per month")
    assert entries[-1].status == "error"
    assert (
        entries[-1].message
        == "there is no database to ask; start the server with one: --database PATH_OR_URL"
    )


def test_a_sqlite_database_works_as_well(ask, tmp_path):
    path = tmp_path / "club.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE members (member_id INTEGER PRIMARY KEY, name TEXT, city TEXT, joined DATE)"
    )
    rows = [
        (n, f"Member {n}", ["Bonn", "Lyon", "Rome"][n % 3], f"2023-{1 + n % 12:02}-01") for n in range(1, 100)
    ]
    connection.executemany("INSERT INTO members VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    database = open_database(path)
    entries, chart = ask(database, "Number of members by city as a bar chart")
    assert entries[-1].status == "completed"
    assert {(v["x"], v["y"]) for v in json.loads(chart.read_text())["data"]["values"]} == {
        ("Bonn", 33),
        ("Lyon", 33),
        ("Rome", 33),
    }
    entries, table = ask(database, "Export members from Lyon to csv")
    assert table.read_text("utf-8-sig").splitlines()[:2] == [
        '"member_id","name","city","joined"',
        '1,"Member 1","Lyon",2023-02-01',
    ]
    entries, _ = ask(database, "What stands out in members?")
    assert entries[-1].status == "completed"


def test_a_run_that_is_stopped_while_it_writes_ends_cancelled_and_leaves_nothing(ask, shop, tmp_path):
    async def stop(runs, run, entry):
        if entry.step == "Generating file" and not entry.terminal and run.run_id in runs._alive:
            await runs.cancel(run.run_id)

    entries, path = ask(shop, "Export order items to Excel", on_entry=stop)
    assert (entries[-1].status, path) == ("cancelled", None)
    assert [entry for entry in entries if entry.terminal] == [entries[-1]]
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("name", ["chart", "file", "text"])
def test_every_example_is_recognised_and_works_on_the_sample_shop(ask, shop, name):
    assert REQUESTS[name].examples
    for prompt in REQUESTS[name].examples:
        assert recognise(prompt) == name
        assert ask(shop, prompt)[0][-1].status == "completed"
