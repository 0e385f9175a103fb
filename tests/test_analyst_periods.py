"""Periods, grains, comparisons: clauses mean the same on every database, and leave the other words alone."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.analyst import grammar, periods
from headway.analyst.clauses import Clauses
from headway.analyst.periods import Period
from headway.analyst.prompt import Prompt


def day(text):
    return datetime.date.fromisoformat(text) if text else None


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("orders in 2023", "2023-01-01", "2024-01-01"),
        ("orders of 2023", "2023-01-01", "2024-01-01"),
        ("2023 orders", "2023-01-01", "2024-01-01"),
        ("orders since march 2022", "2022-03-01", None),
        ("orders from 2022 on", "2022-01-01", None),
        ("orders after 2022", "2023-01-01", None),
        ("orders before 2022-05-10", None, "2022-05-10"),
        ("orders until june 2022", None, "2022-07-01"),
        ("orders in q1 2023", "2023-01-01", "2023-04-01"),
        ("orders in the second quarter of 2023", "2023-04-01", "2023-07-01"),
        ("orders on 5 may 2023", "2023-05-05", "2023-05-06"),
        ("orders on may 5th, 2023", "2023-05-05", "2023-05-06"),
        ("orders in december 2023", "2023-12-01", "2024-01-01"),
        ("between march and may 2023", "2023-03-01", "2023-06-01"),
        ("from 2021 to 2023", "2021-01-01", "2024-01-01"),
        ("2021-2023", "2021-01-01", "2024-01-01"),
        ("from 2023-01-15 to 2023-02-15", "2023-01-15", "2023-02-16"),
        ("on 2023-02-31", "2023-02-28", "2023-03-01"),
    ],
)
def test_a_period_is_half_open(text, start, end):
    assert periods.take_period(Prompt(text)) == Period(day(start), day(end))


def test_several_years_and_months_of_any_year():
    assert periods.take_period(Prompt("revenue in 2022 and 2024")) == Period(years=(2022, 2024))
    assert periods.take_period(Prompt("revenue 2023 vs 2024")) == Period(years=(2023, 2024))
    assert periods.take_period(Prompt("revenue in march")) == Period(months=(3,))
    assert periods.take_period(Prompt("revenue in q4")) == Period(months=(10, 11, 12))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("last year", "2023-01-01", "2024-01-01"),
        ("this year", "2024-01-01", "2025-01-01"),
        ("last month", "2024-09-01", "2024-10-01"),
        ("last 6 months", "2024-04-16", "2024-10-16"),
        ("the past two weeks", "2024-10-02", "2024-10-16"),
        ("last 30 days", "2024-09-16", "2024-10-16"),
    ],
)
def test_relative_periods_count_from_the_end_of_the_data(text, start, end):
    assert periods.take_period(Prompt(text)).resolve(day("2024-10-15")) == Period(day(start), day(end))


@pytest.mark.parametrize(
    "text",
    ["price over 2000", "top 10 products", "order 12345", "revenue", "1,999 customers", "may I see orders"],
)
def test_other_numbers_and_words_are_no_period(text):
    assert periods.take_period(Prompt(text)) is None


@pytest.mark.parametrize(
    ("text", "op", "values"),
    [
        ("price over 1,000", ">", (1000,)),
        ("price of at least 2.5k", ">=", (2500,)),
        ("price between 5 and 10", "between", (5, 10)),
        ("price <= 3.5", "<=", (3.5,)),
        ("more than 5 orders", ">", (5,)),
        ("price under $20", "<", (20,)),
        ("10 or more items", ">=", (10,)),
        ("price = 7", "=", (7,)),
        ("more than four bedrooms", ">", (4,)),
    ],
)
def test_comparisons(text, op, values):
    (comparison,) = grammar.take_comparisons(Prompt(text))
    assert (comparison.op, comparison.values) == (op, values)


@pytest.mark.parametrize(
    ("text", "count", "descending"),
    [
        ("top 10 products", 10, True),
        ("the five best customers", 5, True),
        ("bottom 3", 3, False),
        ("worst products", 10, False),
        ("10 largest orders", 10, True),
    ],
)
def test_top(text, count, descending):
    top = grammar.take_top(Prompt(text))
    assert (top.count, top.descending) == (count, descending)


@pytest.mark.parametrize(
    ("text", "grain"),
    [
        ("monthly revenue", "month"),
        ("revenue per week", "week"),
        ("revenue by region and year", "year"),
        ("revenue over time", "auto"),
        ("by day of the week", "weekday"),
        ("month by month", "month"),
        ("daily", "day"),
    ],
)
def test_grain(text, grain):
    assert grammar.take_grain(Prompt(text), lambda words: "").grain == grain


@pytest.mark.parametrize(
    ("text", "chart", "file_format"),
    [
        ("as a line chart", "line", None),
        ("pie chart of orders", "pie", None),
        ("as bars", "bar", None),
        ("a histogram of prices", "histogram", None),
        ("to excel", None, "xlsx"),
        ("as a csv file", None, "csv"),
        ("into a .parquet file", None, "parquet"),
        ("product line revenue", None, None),
    ],
)
def test_chart_and_format(text, chart, file_format):
    clauses = Clauses.of(Prompt(text), "chart", lambda word: "")
    assert (clauses.chart, clauses.format) == (chart, file_format)


@given(st.text(max_size=120), st.sampled_from(["chart", "file", "text"]))
def test_no_text_breaks_the_grammar(text, kind):
    prompt = Prompt(text)
    Clauses.of(prompt, kind, lambda word: "")
    assert len(prompt.rest) == len(prompt.text)


@given(
    st.dates(datetime.date(1800, 1, 1), datetime.date(2200, 1, 1)),
    st.sampled_from(["year", "quarter", "month", "week", "day"]),
    st.integers(-50, 50),
)
def test_the_first_day_of_a_period_is_its_own_and_shifts_back(date, unit, number):
    first = periods.floor(date, unit)
    assert periods.floor(first, unit) == first <= date < periods.shift(first, unit, 1)
    assert periods.shift(periods.shift(first, unit, number), unit, -number) == first
