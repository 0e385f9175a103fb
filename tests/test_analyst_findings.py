"""Findings: what is planted is found with its numbers, and where nothing is notable, nothing is told."""

import datetime
import functools

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from headway.analyst import stats
from headway.analyst.database import open_database
from headway.analyst.findings import findings
from headway.analyst.scan import scan
from headway.analyst.understand import understand


@pytest.fixture(scope="module")
def told(shop):
    """Return a function that gives the findings of a prompt about the shop; each prompt is asked once."""
    return functools.cache(lambda prompt: find(shop.source, shop.catalog, prompt))


def find(source, catalog, prompt, check=lambda: None):
    spec = understand(prompt, catalog, "text").spec
    return findings(spec, catalog, source, lambda *progress: None, check)


def find_in(path, prompt):
    with open_database(path).connect() as source:
        return find(source, scan(source), prompt)


def test_the_planted_rise_of_returns_is_found_with_its_numbers(told, shop):
    found = told("What stands out in returns?")
    shift = next(f for f in found if f.values.get("group") == "category Shoes" and "since" in f.values)
    monthly = shop.sql(
        """SELECT month, avg(returned) FROM (
             SELECT DISTINCT order_id, date_trunc('month', order_date) AS month,
               (status = 'returned')::INT AS returned
             FROM orders JOIN order_items USING (order_id) JOIN products USING (product_id)
             WHERE category = 'Shoes') GROUP BY month ORDER BY month"""
    )
    after = [rate for month, rate in monthly if month >= datetime.datetime(2023, 9, 1)]
    before = [rate for month, rate in monthly if month < datetime.datetime(2023, 9, 1)]
    assert shift.values["since"] == "2023-09-01"
    assert shift.values["after"] == pytest.approx(np.mean(after))
    assert shift.values["before"] == pytest.approx(np.mean(before))


def test_the_june_of_failed_payments_is_found(told, shop):
    found = told("What stands out in cancelled orders?")
    odd = next(f for f in found if "usual" in f.values)
    ((number,),) = shop.sql(
        "SELECT count(*) FROM orders WHERE status = 'cancelled' "
        "AND order_date BETWEEN '2022-06-01' AND '2022-06-30'"
    )
    assert (odd.values["period"], odd.values["value"]) == ("2022-06-01", number)
    assert odd.text.startswith(
        f"June 2022 stands out: the number of orders whose status is cancelled is {number}"
    )


def test_shares_differ_by_percentage_points(told, shop):
    found = told("What stands out in returns?")
    rate = next(f for f in found if "percentage points" in f.text)
    channels = dict(
        shop.sql("SELECT channel = 'app', avg((status = 'returned')::INT) FROM orders GROUP BY 1")
    )
    assert (rate.values["rate"], rate.values["others"]) == pytest.approx((channels[True], channels[False]))
    assert rate.text == (
        "The returned rate is 12.9% for channel app, 2.1 percentage points above the 10.8% of the others "
        "(3,188 of 24,693 orders)."
    )


def test_growth_season_and_the_move_to_the_app_are_found(told):
    texts = " ".join(f.text for f in told("What stands out in revenue?"))
    assert "The sum of revenue rises steadily" in texts
    assert "December is usually" in texts and "February" in texts
    assert "The share of channel app in the revenue went from" in texts


def test_a_plain_question_is_answered_first(told, shop):
    assert told("How many customers are there?")[0].text == "Number of customers: 6,000."
    first = told("Which region has the highest revenue?")[0]
    assert first.text.startswith("Europe has the highest sum of revenue: ")
    assert first.values["highest"] == "Europe" and first.values["lowest"] == "South America"
    month = told("Which month had the highest number of orders?")[0]
    assert (month.values["highest"], month.values["value"]) == tuple(
        shop.sql(
            "SELECT date_trunc('month', order_date)::DATE::TEXT, count(*) n FROM orders "
            "GROUP BY 1 ORDER BY n DESC LIMIT 1"
        )[0]
    )


def test_at_most_eight_are_told_the_strongest_first(told):
    found = told("What stands out in returns?")
    effects = [finding.effect for finding in found]
    assert len(found) <= 8 and effects == sorted(effects, reverse=True)
    assert all(0 <= effect <= 1 for effect in effects)


def test_each_has_the_sql_that_gave_it(told, shop):
    for finding in told("What stands out in revenue?"):
        assert shop.sql(finding.sql), finding.text


def test_nothing_is_told_of_data_without_pattern(tmp_path):
    path = tmp_path / "noise.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            """CREATE TABLE visits AS SELECT i AS visit_id, DATE '2021-01-01' + (i % 1461)::INT AS visited_on,
                 'c' || hash(i) % 4 AS door FROM range(146100) numbers(i)"""
        )
    assert find_in(path, "What stands out in visits?") == []


def test_missing_values_are_told(tmp_path):
    path = tmp_path / "gaps.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE visits AS SELECT i AS visit_id, CASE WHEN i % 4 > 0 THEN i END AS door "
            "FROM range(1000) n(i)"
        )
    (finding,) = find_in(path, "What stands out in visits?")
    assert finding.text == "Door is missing in 250 visits (25.0%)."
    assert finding.values == {"column": "door", "missing": 250, "share": 0.25}


def test_it_can_be_stopped_between_queries(shop):
    class Stopped(Exception):
        pass

    def check():
        raise Stopped

    with pytest.raises(Stopped):
        find(shop.source, shop.catalog, "What stands out in returns?", check)


@settings(deadline=None)
@given(arrays.arrays(np.float64, st.integers(12, 40), elements=st.floats(-1e6, 1e6)), st.floats(0.1, 10))
def test_trend_turns_and_grows_with_its_series(series, factor):
    line, turned, grown = stats.trend(series), stats.trend(-series), stats.trend(series * factor)
    assert turned.slope == pytest.approx(-line.slope) and turned.p == pytest.approx(line.p)
    assert grown.slope == pytest.approx(line.slope * factor, rel=1e-6, abs=1e-6)
    assert 0 <= line.p <= 1


@settings(deadline=None)
@given(st.integers(4, 20), st.integers(4, 20), st.floats(1, 100))
def test_shift_finds_a_step_where_it_is(before, after, height):
    found = stats.shift(np.array([5.0] * before + [5.0 + height] * after))
    assert (found.place, found.before, found.explains) == (before, 5.0, pytest.approx(1.0))
    assert found.after == pytest.approx(5 + height)


def test_a_flat_series_has_no_shift_season_or_outliers():
    flat, months = np.full(36, 7.0), np.arange(36) % 12 + 1
    assert stats.shift(flat) is None
    assert stats.season(flat, months)[0] == 0
    assert stats.outliers(flat, months) == []
