"""What changed: a time against the one before and the year before, by SQL written by hand."""

import datetime

import duckdb
import pytest

from headway.analyst.database import open_database
from headway.analyst.errors import QuestionNotUnderstood
from headway.analyst.findings import findings
from headway.analyst.understand import understand

REVENUE = """SELECT coalesce(sum(quantity * unit_price) FILTER ({when}), 0) FROM order_items
    JOIN orders USING (order_id) JOIN customers USING (customer_id) JOIN products USING (product_id)"""
ORDERS = "SELECT count(*) FILTER ({when}) FROM orders JOIN customers USING (customer_id)"
MARCH = {
    "value": "date_trunc('month', order_date) = '2024-03-01'",
    "before": "date_trunc('month', order_date) = '2024-02-01'",
    "year_before": "date_trunc('month', order_date) = '2023-03-01'",
}

PROMPTS = {
    "What changed in March?": (REVENUE, MARCH),
    "What changed in Europe in March?": (REVENUE + " WHERE region = 'Europe'", MARCH),
    "What changed in returns in March?": (ORDERS + " WHERE status = 'returned'", MARCH),
    "What changed in 2024?": (
        REVENUE,
        {"value": "year(order_date) = 2024", "before": "year(order_date) = 2023"},
    ),
    "What changed between 2023 and 2024?": (
        REVENUE,
        {"value": "year(order_date) = 2024", "before": "year(order_date) = 2023"},
    ),
    "What changed last month?": (
        REVENUE,
        {
            "value": "date_trunc('month', order_date) = '2024-12-01'",
            "before": "date_trunc('month', order_date) = '2024-11-01'",
            "year_before": "date_trunc('month', order_date) = '2023-12-01'",
        },
    ),
    "What changed in orders in March 2023?": (
        ORDERS,
        {
            "value": "date_trunc('month', order_date) = '2023-03-01'",
            "before": "date_trunc('month', order_date) = '2023-02-01'",
            "year_before": "date_trunc('month', order_date) = '2022-03-01'",
        },
    ),
    "Why did orders drop in Q2 2024?": (
        ORDERS,
        {
            "value": "order_date BETWEEN '2024-04-01' AND '2024-06-30'",
            "before": "order_date BETWEEN '2024-01-01' AND '2024-03-31'",
            "year_before": "order_date BETWEEN '2023-04-01' AND '2023-06-30'",
        },
    ),
    "What changed since 2024-12-10?": (
        REVENUE,
        {
            "value": "order_date >= '2024-12-10'",
            "before": "order_date BETWEEN '2024-11-18' AND '2024-12-09'",
            "year_before": "order_date BETWEEN '2023-12-10' AND '2023-12-31'",
        },
    ),
    "What changed in 2021?": (REVENUE, {"value": "year(order_date) = 2021"}),
}


def find(shop, prompt):
    understanding = shop.understand(prompt, "text")
    assert understanding.ignored == ()
    return findings(understanding.spec, shop.catalog, shop.source, lambda *progress: None, lambda: None)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_whole_comes_first_beside_the_times_before(shop, prompt):
    base, windows = PROMPTS[prompt]
    first = find(shop, prompt)[0]
    expected = {name: shop.sql(base.format(when=f"WHERE {when}"))[0][0] for name, when in windows.items()}
    told = {name: value for name, value in first.values.items() if name != "period"}
    assert told == pytest.approx(expected)
    assert shop.sql(first.sql)[0] == pytest.approx(tuple(expected.values()))


def test_the_sentence_has_the_numbers_and_the_times(shop):
    assert find(shop, "What changed in orders in March 2023?")[0].text == (
        "In March 2023 the number of orders was 2,329: 534 (29.7%) more than in February 2023 (1,795), "
        "and 327 (16.3%) more than in March 2022 (2,002)."
    )
    assert find(shop, "What changed in 2021?")[0].text.endswith(
        ": the data begins on 2021-01-01, so there is nothing to compare it with."
    )
    assert find(shop, "What changed in the return rate in 2024?")[0].text == (
        "In 2024 the return rate was 17.6%: 6.2 percentage points more than in 2023 (11.4%)."
    )


def test_each_kind_tells_its_groups_and_those_that_moved_most(shop):
    found = {f.values["column"]: f for f in find(shop, "What changed in March?")[1:]}
    assert set(found) == {"category", "channel", "country", "payment", "region", "segment", "status"}
    for column, finding in found.items():
        groups = finding.values["groups"]
        expected = shop.sql(
            f"SELECT {column}, sum(quantity * unit_price) FILTER (WHERE {MARCH['value']}) AS v, "
            f"sum(quantity * unit_price) FILTER (WHERE {MARCH['before']}) AS b FROM order_items "
            "JOIN orders USING (order_id) JOIN customers USING (customer_id) "
            "JOIN products USING (product_id) GROUP BY 1 HAVING v != b ORDER BY abs(v - b) DESC"
        )
        assert [(g["group"], g["value"], g["before"]) for g in groups] == [
            (name, pytest.approx(value), pytest.approx(before)) for name, value, before in expected
        ]
        assert finding.values["group"] == groups[0]["group"] and groups[0]["group"] in finding.text
        assert finding.text.endswith(".") and shop.sql(finding.sql)


def test_named_kinds_are_the_ones_that_are_told(shop):
    found = find(shop, "What changed in orders by channel in Q2 2024?")
    assert [f.values.get("column") for f in found] == [None, "channel"]


def test_what_was_left_open_is_said(shop):
    understanding = shop.understand("What changed in March?", "text")
    assert understanding.text == "What changed in revenue, where order date is in March 2024"
    assert understanding.notes == (
        "The request names nothing to measure, so I looked at revenue.",
        "No year is named, so it is the last one in the data: in March 2024.",
        "Revenue is taken as quantity × unit price.",
    )


@pytest.fixture
def trips(tmp_path):
    """Return a database without money whose data ends in the middle of a month."""
    path = tmp_path / "trips.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE lines (line_id INTEGER PRIMARY KEY, mode VARCHAR)")
        connection.execute("INSERT INTO lines VALUES (1, 'bus'), (2, 'tram'), (3, 'bus')")
        connection.execute(
            """CREATE TABLE trips AS SELECT i AS trip_id, 1 + i % 3 AS line_id,
                 DATE '2023-01-01' + (i // 10)::INT AS driven_on FROM range(4400) n(i)"""
        )
    database = open_database(path)
    with database.connect() as source:
        yield source, database.catalog(source)


def test_without_money_the_rows_of_what_happens_are_counted_and_half_months_meet_half_months(trips):
    source, catalog = trips  # ten trips a day, up to 2024-03-15
    assert catalog.date_for("trips").high == datetime.date(2024, 3, 15)
    understanding = understand("What changed in March?", catalog, "text")
    (first,) = findings(understanding.spec, catalog, source, lambda *progress: None, lambda: None)
    assert understanding.notes[0] == "The request names nothing to measure, so I looked at trips."
    assert first.text == (
        "In the time from 2024-03-01 to 2024-03-15 the number of trips was 150: the same as in the time from "
        "2024-02-01 to 2024-02-15, and the same as in the time from 2023-03-01 to 2023-03-15."
    )


def test_without_a_time_it_is_not_guessed(shop):
    with pytest.raises(QuestionNotUnderstood):
        shop.understand("What changed?", "text")
