"""Charts: the marks and axes of each type, at most 5,000 marks, and specifications that Vega-Lite draws."""

import json

import pytest
import vl_convert

from headway.analyst import charts, fit


@pytest.fixture
def draw(shop):
    """Return a function that makes the chart of a prompt: (specification, notes)."""

    def drawn(prompt):
        spec = shop.understand(prompt, "chart").spec
        spec, notes = fit.fit(spec, shop.catalog, shop.rows, lambda part: len(shop.rows(part)))
        return charts.vega(spec, shop.catalog, shop.rows(spec)), notes

    return drawn


def mark(chart):
    return chart["mark"]["type"]


@pytest.mark.parametrize(
    ("prompt", "wanted", "encodings"),
    [
        ("Monthly revenue by region", "line", {"x": "temporal", "y": "quantitative", "color": "nominal"}),
        (
            "area chart of revenue by channel per quarter",
            "area",
            {"x": "temporal", "y": "quantitative", "color": "nominal"},
        ),
        ("Orders by channel", "bar", {"x": "nominal", "y": "quantitative"}),
        ("Top 10 products by revenue", "bar", {"y": "nominal", "x": "quantitative"}),
        ("Number of orders by weekday", "bar", {"x": "ordinal", "y": "quantitative"}),
        ("Share of orders by status", "arc", {"theta": "quantitative", "color": "nominal"}),
        ("Histogram of product prices", "bar", {"x": "quantitative", "y": "quantitative"}),
        (
            "unit price vs quantity as a scatter plot",
            "circle",
            {"x": "quantitative", "y": "quantitative", "size": "quantitative"},
        ),
        (
            "Revenue 2022 vs 2024 by category",
            "bar",
            {"x": "nominal", "y": "quantitative", "color": "ordinal"},
        ),
        (
            "revenue by month and region for 2024 as stacked bars",
            "bar",
            {"x": "temporal", "y": "quantitative", "color": "nominal"},
        ),
        ("newest customers", "point", {"y": "nominal", "x": "temporal"}),
        (
            "heat map of orders by weekday and channel",
            "rect",
            {"x": "ordinal", "y": "nominal", "color": "quantitative"},
        ),
        (
            "scatter of price vs quantity",
            "circle",
            {"x": "quantitative", "y": "quantitative", "size": "quantitative"},
        ),
        (
            "revenue by year, region and category",
            "line",
            {"x": "ordinal", "y": "quantitative", "color": "nominal"},
        ),
    ],
)
def test_each_type_has_its_marks_and_axes_and_is_drawn(draw, prompt, wanted, encodings):
    chart, _ = draw(prompt)
    assert mark(chart) == wanted
    assert {name: chart["encoding"][name]["type"] for name in encodings} == encodings
    assert chart["background"] == "transparent" and chart["width"] == "container" and "config" not in chart
    picture = vl_convert.vegalite_to_svg(json.dumps(chart | {"width": 400}), vl_version="5.21")
    assert "<svg" in picture and "NaN" not in picture and "undefined" not in picture


def test_bars_are_sorted_by_size_and_named_bars_keep_their_rank(draw):
    chart, _ = draw("Top 10 products by revenue as a bar chart")
    shown = [value["y"] for value in chart["data"]["values"]]
    assert shown == sorted(shown, reverse=True)
    assert chart["encoding"]["y"]["sort"] == [value["x"] for value in chart["data"]["values"]]
    assert draw("Orders by channel")[0]["encoding"]["x"]["sort"] == "-y"


def test_weekdays_and_months_are_named_and_in_order(draw):
    chart, _ = draw("Number of orders by weekday")
    assert [value["x"] for value in chart["data"]["values"]][:2] == ["Monday", "Tuesday"]
    assert chart["encoding"]["x"]["sort"][-1] == "Sunday"


def test_dates_have_no_zone_so_that_no_browser_moves_them(draw):
    chart, _ = draw("Orders per month in 2023")
    assert chart["data"]["values"][0] == {"x": "2023-01-01T00:00:00", "y": 2160}


def test_too_many_bars_are_cut_and_it_is_said(draw):
    chart, notes = draw("Revenue by product")
    assert len(chart["data"]["values"]) == 40
    assert notes == ["The 40 highest of 240 are shown."]


def test_too_many_series_and_points_are_brought_together_and_it_is_said(draw):
    chart, notes = draw("daily revenue by product")
    assert len({value["series"] for value in chart["data"]["values"]}) == 10
    assert len(chart["data"]["values"]) <= fit.MARKS
    assert notes == [
        "The 10 biggest of 240 are shown (product name).",
        "By week instead of day: more than 5,000 points otherwise.",
    ]


def test_too_many_dots_become_a_grid_and_it_is_said(draw):
    chart, notes = draw("unit price vs quantity as a scatter plot")
    assert sum(value["y"] for value in chart["data"]["values"]) == 309_795
    assert notes == ["309,795 points, brought together in a grid: the bigger, the more."]


def test_two_of_one_name_are_told_apart(draw):
    names = [value["x"] for value in draw("customers with more than 50 orders")[0]["data"]["values"]]
    assert len(names) == len(set(names)) == 40


def test_series_that_do_not_add_up_are_not_stacked(draw):
    assert draw("Average order value by channel and region as bar chart")[0]["encoding"]["xOffset"] == {
        "field": "series"
    }
    assert "xOffset" not in draw("Revenue by channel and region as bar chart")[0]["encoding"]


def test_bars_stand_beside_each_other_when_asked_and_fill_their_month(draw):
    stacked = draw("revenue by month and channel for 2024 as stacked bars")[0]["encoding"]
    beside = draw("revenue by month and channel for 2024 as grouped bars")[0]["encoding"]
    assert "xOffset" not in stacked and stacked["x"]["timeUnit"] == "yearmonth"
    assert beside["xOffset"] == {"field": "series"} and beside["y"]["stack"] is None


def test_rates_are_written_as_percent(draw):
    assert draw("Return rate by channel")[0]["encoding"]["y"]["axis"] == {"format": ".1%"}


def test_axes_are_named_with_a_capital_and_begin_at_a_plain_0(draw):
    encoding = draw("revenue by month and sales channel")[0]["encoding"]
    assert [encoding[name]["title"] for name in ("x", "y", "color")] == ["Month", "Sum of revenue", "Channel"]
    assert encoding["y"]["axis"] == {"format": "~s", "labelExpr": "datum.value === 0 ? '0' : datum.label"}
    assert draw("average price by category")[0]["encoding"]["x"]["title"] == "Category"
