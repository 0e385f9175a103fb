"""What a prompt says plainly is done: chart types, superlatives, and no guess where little was understood."""

import ibis
import pytest

from headway.analyst.catalog import Catalog, Column, Table
from headway.analyst.understand import understand

ASKED_CHARTS = {
    "revenue by month and region for 2024 as stacked bars": ("bar", "month and region"),
    "orders per month as a column chart": ("bar", "month"),
    "orders by channel as columns": ("bar", "channel"),
    "bars of orders by month": ("bar", "month"),
    "revenue by region as lines": ("line", "region"),
    "line of orders per month": ("line", "month"),
    "area of revenue by channel per quarter": ("area", "quarter and channel"),
    "stacked area of revenue by month and channel": ("area", "month and channel"),
    "revenue by month, area": ("area", "month"),
    "pie of orders by status": ("pie", "status"),
    "pie of customers": ("pie", "country"),
    "show a donut of orders by channel": ("pie", "channel"),
    "histogram of prices": ("histogram", "price"),
    "heatmap of orders by weekday and channel": ("heatmap", "weekday and channel"),
    "scatter of revenue by month": ("scatter", "month"),
}


@pytest.mark.parametrize("prompt", ASKED_CHARTS)
def test_an_asked_chart_wins_and_its_words_are_used(shop, prompt):
    understanding = shop.understand(prompt, "chart")
    chart, groups = ASKED_CHARTS[prompt]
    assert (understanding.spec.chart, understanding.ignored) == (chart, ())
    assert f" by {groups}," in understanding.text


def test_a_name_of_the_database_is_no_chart():
    integer, text = ibis.dtype("int64"), ibis.dtype("string")
    schema = ibis.schema({"route_id": integer, "line": text, "area": integer})
    columns = (
        Column("routes", "route_id", "number", integer, 90, integer=True, is_key=True, low=1, high=90),
        Column("routes", "line", "text", text, 5, values=("A", "B", "C", "D", "E")),
        Column("routes", "area", "number", integer, 80, integer=True, low=1, high=900),
    )
    catalog = Catalog((Table("routes", 90, columns, schema, primary_key="route_id"),))
    assert (
        understand("area of routes by line", catalog, "chart").text == "Sum of area by line, as a bar chart"
    )
