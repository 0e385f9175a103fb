"""Charts: a QuerySpec and its rows as a Vega-Lite specification, with the rows in it.

A chart holds at most `MARKS` marks: more is brought together in the database before, never cut off silently.
Colours, fonts and background are left to the page, so that it looks right in light and dark.

Source: Vega-Lite 5, https://vega.github.io/vega-lite/docs/
"""

from __future__ import annotations

import calendar
import datetime
import decimal
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from . import words
from .catalog import Catalog
from .restate import dim_words, filter_words, measure_words
from .spec import Dim, Filter, Grain, Measure, QuerySpec

MARKS = 5_000
SERIES = 10
BARS = 40
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_COARSER: dict[Grain, Grain] = {
    "hour": "day",
    "day": "week",
    "week": "month",
    "month": "quarter",
    "quarter": "year",
}
_GRID = (60, 40)

Ask = Callable[[QuerySpec], list[tuple[Any, ...]]]
"""Runs a spec and returns its rows."""


def fit(
    spec: QuerySpec, catalog: Catalog, ask: Ask, count: Callable[[QuerySpec], int]
) -> tuple[QuerySpec, list[str]]:
    """Return the spec changed so that a chart can show it, and what was changed, in words.

    ``count`` returns how many rows a spec gives.
    """
    if spec.chart == "scatter" and not spec.dims:
        return _as_grid(spec, count)
    notes: list[str] = []
    for place, most in ((1, SERIES), (0, BARS)):
        if place < len(spec.dims) and not spec.limit:
            spec, note = _biggest(spec, catalog, ask, place, most)
            notes += note
    while count(spec) > MARKS:
        dim = next((d for d in spec.dims if d.grain in _COARSER), None)
        if dim is None:
            spec = msgspec.structs.replace(spec, limit=MARKS, order=spec.order or "measure")
            notes.append(f"Only the {MARKS:,} highest are shown.")
            break
        coarser = msgspec.structs.replace(dim, grain=_COARSER[dim.grain])  # type: ignore[index]
        spec = msgspec.structs.replace(spec, dims=tuple(coarser if d is dim else d for d in spec.dims))
        notes.append(f"By {coarser.grain} instead of {dim.grain}: more than {MARKS:,} points otherwise.")
    return spec, notes


def _biggest(
    spec: QuerySpec, catalog: Catalog, ask: Ask, place: int, most: int
) -> tuple[QuerySpec, list[str]]:
    """Keep the biggest groups of a dimension that has too many to tell apart."""
    dim = spec.dims[place]
    column = catalog.column(dim.column)
    if dim.grain or dim.bins or column.distinct <= most or column.is_year or not spec.measures:
        return spec, []
    ranking = msgspec.structs.replace(
        spec, dims=(dim,), order="measure", descending=True, limit=most, share=False
    )
    ranking = msgspec.structs.replace(ranking, measures=spec.measures[:1], having=())
    if len(spec.dims) == 1:
        order = spec.order or "measure"
        return (
            msgspec.structs.replace(spec, limit=most, order=order),
            [f"The {most} {'highest' if spec.descending else 'lowest'} of {column.distinct:,} are shown."],
        )
    values = tuple(row[0] for row in ask(ranking))
    kept = Filter(dim.column, "in", values)
    note = f"The {most} biggest of {column.distinct:,} are shown ({dim_words(dim, catalog)})."
    return msgspec.structs.replace(spec, filters=(*spec.filters, kept)), [note]


def _as_grid(spec: QuerySpec, count: Callable[[QuerySpec], int]) -> tuple[QuerySpec, list[str]]:
    number = count(spec)
    if number <= MARKS:
        return spec, []
    dims = tuple(Dim(ref, bins=bins) for ref, bins in zip(spec.columns, _GRID, strict=True))
    rows = Measure("count", label="rows")
    note = f"{number:,} points, brought together in a grid: the bigger, the more."
    return msgspec.structs.replace(spec, dims=dims, columns=(), measures=(rows,)), [note]


def vega(spec: QuerySpec, catalog: Catalog, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return the Vega-Lite specification of a chart; ``rows`` are the spec's, in its own column order."""
    chart = _CHARTS[spec.chart or "bar"](_Figure(spec, catalog, rows))
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
        f"{title} by {words.listed([dim_words(dim, catalog) for dim in spec.dims])}" if spec.dims else title
    )


class _Figure:
    """The fields of a chart: ``x`` (first dim), ``series`` (second), ``y`` (first measure), ``share``."""

    def __init__(self, spec: QuerySpec, catalog: Catalog, rows: Sequence[Sequence[Any]]) -> None:
        self.spec, self.catalog = spec, catalog
        self.dims, self.rows = spec.dims, rows
        names = ["x", "series", "third", "fourth"][: len(spec.dims)]
        names += ["y", "y2", "y3"][: len(spec.measures)] + ["share"] * spec.share
        if spec.columns:
            names = ["x", "y"]
        formats = [_formatter(dim) for dim in spec.dims]
        rows = _told_apart(spec, rows)
        self.values = [
            {
                name: (formats[number](value) if number < len(formats) else plain(value))
                for number, (name, value) in enumerate(zip(names, row, strict=False))
            }
            for row in rows
        ]

        for value in self.values if len(spec.dims) > 2 else ():
            # More than two dimensions: a series for each combination of the others.
            value["series"] = " · ".join(str(value.pop(name)) for name in names[1 : len(spec.dims)])

    @property
    def data(self) -> dict[str, Any]:
        return {"values": self.values}

    @property
    def temporal(self) -> bool:
        """Whether the first dimension runs along a continuous time axis."""
        return bool(self.dims) and self.dims[0].grain in ("quarter", "month", "week", "day", "hour")

    def x(self) -> dict[str, Any]:
        dim = self.dims[0]
        field: dict[str, Any] = {"field": "x", "title": dim_words(dim, self.catalog)}
        if self.temporal:
            return field | {
                "type": "temporal",
                "axis": {"format": _axis_format(dim.grain), "labelOverlap": True},
            }
        if dim.bins:
            return field | {"type": "quantitative", "axis": {"format": "~s"}}
        if dim.grain or self.catalog.column(dim.column).type in ("number", "date", "datetime"):
            return field | {
                "type": "ordinal",
                "sort": _order_of(dim),
                "axis": {"labelAngle": 0, "labelOverlap": True},
            }
        return field | {"type": "nominal", "axis": {"labelAngle": 0, "labelLimit": 140}}

    def y(self) -> dict[str, Any]:
        measure = self.spec.measures[0]
        return {
            "field": "y",
            "type": "quantitative",
            "title": measure_words(measure, self.catalog),
            "axis": {"format": self.number_format(axis=True)},
        }

    def number_format(self, axis: bool = False) -> str:
        """Return how the first measure's numbers are written (d3-format)."""
        measure = self.spec.measures[0] if self.spec.measures else None
        if measure and measure.over and measure.agg == "count":
            return ".1%"
        highest = max(
            (abs(value["y"]) for value in self.values if isinstance(value.get("y"), int | float)), default=0
        )
        if axis and highest >= 10_000:
            return "~s"
        return (
            ",.0f" if highest >= 10_000 or all(isinstance(v.get("y"), int) for v in self.values) else ",.2f"
        )

    def titles(self) -> list[str]:
        """Return the titles of ``x`` and ``series``."""
        titles = [dim_words(dim, self.catalog) for dim in self.dims]
        return [*titles[:1], *([" · ".join(titles[1:])] if titles[1:] else [])]

    def series(self) -> dict[str, Any]:
        """Return the colour encoding of the second dimension; clicking the legend picks one out."""
        if len(self.dims) < 2:
            return {}
        dim = self.dims[1]
        kind = "ordinal" if dim.grain or dim.bins else "nominal"
        return {"color": {"field": "series", "type": kind, "title": self.titles()[1], "sort": _order_of(dim)}}

    def picking(self) -> dict[str, Any]:
        if len(self.dims) < 2:
            return {}
        return {
            "params": [{"name": "pick", "select": {"type": "point", "fields": ["series"]}, "bind": "legend"}]
        }

    def fading(self) -> dict[str, Any]:
        if len(self.dims) < 2:
            return {}
        return {"opacity": {"condition": {"param": "pick", "value": 1}, "value": 0.15}}

    def tooltip(self) -> list[dict[str, Any]]:
        """Return what pointing at a mark shows: every dimension and number, written out."""
        shown: list[dict[str, Any]] = []
        for name, title in zip(("x", "series"), self.titles(), strict=False):
            tip: dict[str, Any] = {"field": name, "title": title}
            if name == "x" and self.temporal:
                tip |= {"type": "temporal", "format": _axis_format(self.dims[0].grain)}
            shown.append(tip)
        for name, measure in zip(("y", "y2", "y3"), self.spec.measures, strict=False):
            tip = {"field": name, "type": "quantitative", "title": measure_words(measure, self.catalog)}
            shown.append(tip | ({"format": self.number_format()} if name == "y" else {"format": ",.4~f"}))
        if self.spec.share:
            shown.append({"field": "share", "type": "quantitative", "title": "share", "format": ".1%"})
        return shown


def _line(figure: _Figure, mark: str = "line") -> dict[str, Any]:
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


def _near_zero(figure: _Figure) -> bool:
    """Whether a line's axis should begin at 0: it should, unless that flattens the line."""
    numbers = [value["y"] for value in figure.values if isinstance(value.get("y"), int | float)]
    return not numbers or min(numbers) <= 0.6 * max(numbers)


def _bar(figure: _Figure) -> dict[str, Any]:
    """Return vertical bars for a few short names and for time, horizontal ones for many or long names."""
    if not figure.dims:
        number = figure.y() | {"axis": {"format": figure.number_format(axis=True)}}
        encoding = {"x": number, "tooltip": figure.tooltip()}
        return {"height": 60, "data": figure.data, "mark": {"type": "bar"}, "encoding": encoding}
    x, y = figure.x(), figure.y()
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


def _stacks(figure: _Figure) -> bool:
    """Whether the series add up to something: sums and counts do, averages and rates and years do not."""
    measure = figure.spec.measures[0]
    return measure.agg in ("sum", "count") and not measure.over and figure.dims[1].grain != "year"


def _sort(spec: QuerySpec, by: str = "-y") -> str | None:
    """Return how bars are sorted: by size unless the request says otherwise."""
    if spec.order == "dim":
        return "descending" if spec.descending else "ascending"
    return by if spec.descending or not spec.order else by.removeprefix("-")


def _histogram(figure: _Figure) -> dict[str, Any]:
    if not figure.dims or not figure.dims[0].bins:
        return _bar(figure)
    from .compile import bin_width

    column = figure.catalog.column(figure.dims[0].column)
    width = bin_width(float(column.low or 0), float(column.high or 0), figure.dims[0].bins)
    for value in figure.values:
        value["end"] = None if value["x"] is None else value["x"] + width
    x = figure.x() | {"bin": {"binned": True, "step": width}}
    encoding = {"x": x, "x2": {"field": "end"}, "y": figure.y(), "tooltip": figure.tooltip()}
    return {"height": 320, "data": figure.data, "mark": {"type": "bar"}, "encoding": encoding}


def _pie(figure: _Figure) -> dict[str, Any]:
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


def _by_size(figure: _Figure) -> list[dict[str, Any]]:
    return sorted(figure.values, key=lambda value: -(value.get("y") or 0))


def _scatter(figure: _Figure) -> dict[str, Any]:
    if len(figure.dims) == 1:
        encoding = {"x": figure.x(), "y": figure.y(), "tooltip": figure.tooltip()}
        return {"height": 360, "data": figure.data, "mark": {"type": "point"}, "encoding": encoding}
    refs = figure.spec.columns or tuple(dim.column for dim in figure.dims)
    labels = [figure.catalog.column(ref).label for ref in refs]
    names = ("x", "y") if figure.spec.columns else ("x", "series")
    encoding = {
        axis: {"field": name, "type": "quantitative", "title": label, "scale": {"zero": False}}
        for axis, name, label in zip(("x", "y"), names, labels, strict=False)
    }
    if figure.dims:
        encoding["size"] = {"field": "y", "type": "quantitative", "title": "rows"}  # type: ignore[dict-item]
    mark = {"type": "circle", "opacity": 0.6, "tooltip": True}
    return {"height": 360, "data": figure.data, "mark": mark, "encoding": encoding}


_CHARTS: dict[str, Callable[[_Figure], dict[str, Any]]] = {
    "line": _line,
    "area": lambda figure: _line(figure, "area"),
    "bar": _bar,
    "pie": _pie,
    "scatter": _scatter,
    "histogram": _histogram,
}


def _told_apart(spec: QuerySpec, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return the rows with the key added to first names that are there twice: two customers called alike."""
    if not spec.dims or not spec.dims[0].key:
        return rows
    place = len(spec.dims) + len(spec.measures) + spec.share
    keys: dict[Any, set[Any]] = {}
    for row in rows:
        keys.setdefault(row[0], set()).add(row[place])
    return [(f"{row[0]} ({row[place]})" if len(keys[row[0]]) > 1 else row[0], *row[1:]) for row in rows]


def _axis_format(grain: Grain | None) -> str:
    formats = {"quarter": "Q%q %Y", "month": "%b %Y", "week": "%d %b %Y", "day": "%d %b %Y"}
    return formats.get(grain or "", "%d %b %H:%M")


def _order_of(dim: Dim) -> list[str] | None:
    if dim.grain == "weekday":
        return list(calendar.day_name)
    return list(calendar.month_name[1:]) if dim.grain == "month_of_year" else None


def _formatter(dim: Dim) -> Callable[[Any], Any]:
    if dim.grain == "weekday":
        return lambda value: None if value is None else calendar.day_name[int(value) - 1]
    if dim.grain == "month_of_year":
        return lambda value: None if value is None else calendar.month_name[int(value)]
    return plain


def plain(value: Any) -> Any:
    """Return a value as JSON has it. Dates without a zone: a browser reads those as its own, on the same day."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="seconds")
    if isinstance(value, datetime.date):
        return f"{value.isoformat()}T00:00:00"
    if isinstance(value, float):
        # 2,093,241.3799999 is the sum's rounding, not the data's; and JSON has no NaN.
        return None if value != value or value in (float("inf"), float("-inf")) else float(f"{value:.12g}")
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"
    return value
