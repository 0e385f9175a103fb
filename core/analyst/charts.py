"""Charts: a QuerySpec and its rows as a Vega-Lite specification, with the rows in it.

Colours, fonts and background are left to the page, so that it looks right in light and dark.

Source: Vega-Lite 5, https://vega.github.io/vega-lite/docs/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import words
from .catalog import Catalog
from .expressions import bin_width
from .figure import Figure
from .restate import dim_words, filter_words, measure_words
from .spec import QuerySpec

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


def vega(spec: QuerySpec, catalog: Catalog, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return the Vega-Lite specification of a chart; ``rows`` are the spec's, in its own column order."""
    chart = _CHARTS[spec.chart or "bar"](Figure(spec, catalog, rows))
    conditions = [
        filter_words(condition, catalog) for condition in spec.filters if len(condition.values) <= 5
    ]
    return {
        "$schema": _SCHEMA,
        "title": {"text": _title(spec, catalog), "subtitle": words.listed(conditions), "anchor": "start"},
        "background": "transparent",
        "width": "container",
        **chart,
    }


def _title(spec: QuerySpec, catalog: Catalog) -> str:
    if spec.columns:
        return words.listed([catalog.column(ref).label for ref in spec.columns]).capitalize()
    title = measure_words(spec.measures[0], catalog)
    return (
        f"{title} by {words.listed([dim_words(dim, catalog, spec.base) for dim in spec.dims])}"
        if spec.dims
        else title
    )


def _line(figure: Figure, mark: str = "line") -> dict[str, Any]:
    if not figure.dims:
        return _bar(figure)
    y = figure.y() | {"scale": {"zero": mark == "area" or _near_zero(figure)}}
    if mark == "area" and len(figure.dims) > 1:
        y["stack"] = "zero"
    encoding = {"x": figure.x(), "y": y, **figure.series(), **figure.fading(), "tooltip": figure.tooltip()}
    points = len(figure.values) <= 300
    style = {"type": mark, "point": {"size": 30} if points else False} | (
        {"line": True} if mark == "area" else {}
    )
    return {"height": 320, "data": figure.data, "mark": style, "encoding": encoding, **figure.picking()}


def _near_zero(figure: Figure) -> bool:
    """Whether a line's axis should begin at 0: it should, unless that flattens the line."""
    numbers = [value["y"] for value in figure.values if isinstance(value.get("y"), int | float)]
    return not numbers or min(numbers) <= 0.6 * max(numbers)


def _bar(figure: Figure) -> dict[str, Any]:
    """Return vertical bars for a few short names and for time, horizontal ones for many or long names."""
    if not figure.dims:
        encoding = {"x": figure.y(), "tooltip": figure.tooltip()}
        return {"height": 60, "data": figure.data, "mark": {"type": "bar"}, "encoding": encoding}
    x, y = figure.x(filled=True), figure.y()
    names = {str(value.get("x")) for value in figure.values}
    if x["type"] == "nominal":
        x["sort"] = _sort(figure.spec)
    extra = {**figure.series(), **figure.fading(), "tooltip": figure.tooltip()}
    if len(figure.dims) > 1 and not _stacks(figure):
        y["stack"] = None
        extra["xOffset"] = {"field": "series"}
    mark = {"type": "bar", "cornerRadiusEnd": 2}
    common = {"data": figure.data, "mark": mark, **figure.picking()}
    if (
        "xOffset" not in extra
        and x["type"] == "nominal"
        and (len(names) > 8 or max(map(len, names), default=0) > 14)
    ):
        x["axis"] = {"labelLimit": 220}
        x["sort"] = (
            [value["x"] for value in figure.values]
            if figure.spec.order == "measure"
            else _sort(figure.spec, "-x")
        )
        return {"height": {"step": 24}, **common, "encoding": {"y": x, "x": y, **extra}}
    return {"height": 320, **common, "encoding": {"x": x, "y": y, **extra}}


def _stacks(figure: Figure) -> bool:
    """Whether the series add up to something: sums and counts do, averages and rates and years do not."""
    measure = figure.spec.measures[0]
    adds_up = measure.agg in ("sum", "count") and not measure.over and figure.dims[1].grain != "year"
    return adds_up and not figure.spec.side_by_side


def _sort(spec: QuerySpec, by: str = "-y") -> str | None:
    """Return how bars are sorted: by size unless the request says otherwise."""
    if spec.order == "dim":
        return "descending" if spec.descending else "ascending"
    return by if spec.descending or not spec.order else by.removeprefix("-")


def _histogram(figure: Figure) -> dict[str, Any]:
    if not figure.dims or not figure.dims[0].bins:
        return _bar(figure)
    column = figure.catalog.column(figure.dims[0].column)
    width = bin_width(float(column.low or 0), float(column.high or 0), figure.dims[0].bins)
    for value in figure.values:
        value["end"] = None if value["x"] is None else value["x"] + width
    x = figure.x() | {"bin": {"binned": True, "step": width}}
    encoding = {"x": x, "x2": {"field": "end"}, "y": figure.y(), "tooltip": figure.tooltip()}
    return {"height": 320, "data": figure.data, "mark": {"type": "bar"}, "encoding": encoding}


def _pie(figure: Figure) -> dict[str, Any]:
    if not figure.dims:
        return _bar(figure)
    color = figure.x() | {"type": "nominal", "sort": [value["x"] for value in _by_size(figure)]}
    color.pop("axis", None)
    encoding = {
        "theta": {"field": "y", "type": "quantitative", "stack": True},
        "order": {"field": "y", "type": "quantitative", "sort": "descending"},
        "color": color,
        "tooltip": figure.tooltip(),
    }
    return {
        "height": 320,
        "data": figure.data,
        "mark": {"type": "arc", "innerRadius": 60},
        "encoding": encoding,
    }


def _by_size(figure: Figure) -> list[dict[str, Any]]:
    return sorted(figure.values, key=lambda value: -(value.get("y") or 0))


def _scatter(figure: Figure) -> dict[str, Any]:
    if figure.dates:
        things = figure.x() | {"axis": {"labelLimit": 220}, "sort": None}
        encoding = {"y": things, "x": figure.y(), "tooltip": figure.tooltip()}
        dots = {"type": "point", "filled": True, "size": 60}
        return {"height": {"step": 24}, "data": figure.data, "mark": dots, "encoding": encoding}
    if len(figure.dims) == 1:
        encoding = {"x": figure.x(), "y": figure.y(), "tooltip": figure.tooltip()}
        return {"height": 360, "data": figure.data, "mark": {"type": "point"}, "encoding": encoding}
    refs = figure.spec.columns or tuple(dim.column for dim in figure.dims)
    labels = [words.capital(figure.catalog.column(ref).label) for ref in refs]
    names = ("x", "y") if figure.spec.columns else ("x", "series")
    encoding = {
        axis: {"field": name, "type": "quantitative", "title": label, "scale": {"zero": False}}
        for axis, name, label in zip(("x", "y"), names, labels, strict=False)
    }
    if figure.dims:
        encoding["size"] = {"field": "y", "type": "quantitative", "title": "Rows"}
    mark = {"type": "circle", "opacity": 0.6, "tooltip": True}
    return {"height": 360, "data": figure.data, "mark": mark, "encoding": encoding}


def _heatmap(figure: Figure) -> dict[str, Any]:
    if len(figure.dims) < 2:
        return _bar(figure)
    rows = figure.series()["color"] | {"axis": {"labelLimit": 220}}
    encoding = {"x": figure.x(filled=True), "y": rows, "color": figure.y(), "tooltip": figure.tooltip()}
    encoding["color"].pop("axis")
    return {"height": {"step": 28}, "data": figure.data, "mark": {"type": "rect"}, "encoding": encoding}


_CHARTS: dict[str, Callable[[Figure], dict[str, Any]]] = {
    "line": _line,
    "area": lambda figure: _line(figure, "area"),
    "bar": _bar,
    "pie": _pie,
    "scatter": _scatter,
    "histogram": _histogram,
    "heatmap": _heatmap,
}
