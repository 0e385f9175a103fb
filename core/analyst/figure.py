"""Figure: the rows of a chart as fields, and how each is encoded.

Source: Vega-Lite 5, https://vega.github.io/vega-lite/docs/encoding.html
"""

from __future__ import annotations

import calendar
import datetime
import decimal
from collections.abc import Callable, Sequence
from typing import Any

from . import words
from .catalog import Catalog
from .restate import dim_words, gives_dates, measure_words
from .spec import Dim, Grain, QuerySpec

# Vega's own weeks begin on Sundays, ours on Mondays.
_TIME_UNITS = {
    "quarter": "yearquarter", "month": "yearmonth", "day": "yearmonthdate", "hour": "yearmonthdatehours",
}  # fmt: skip

_SHORT_FROM = 10_000  # numbers on an axis are shortened from here on


class Figure:
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
        """The rows, inlined."""
        return {"values": self.values}

    @property
    def temporal(self) -> bool:
        """Whether the first dimension runs along a continuous time axis."""
        return bool(self.dims) and self.dims[0].grain in ("quarter", "month", "week", "day", "hour")

    @property
    def dates(self) -> bool:
        """Whether the first measure gives dates: the newest and oldest of something."""
        return bool(self.spec.measures) and gives_dates(self.spec.measures[0], self.catalog)

    def x(self, filled: bool = False) -> dict[str, Any]:
        """Return the encoding of the first dimension; ``filled`` marks are as wide as their time is long."""
        dim = self.dims[0]
        field: dict[str, Any] = {"field": "x", "title": self.titles()[0]}
        if self.temporal:
            unit = _TIME_UNITS.get(dim.grain or "") if filled else None
            return (
                field
                | ({"timeUnit": unit} if unit else {})
                | {
                    "type": "temporal",
                    "axis": {"format": _axis_format(dim.grain), "labelOverlap": True},
                }
            )
        if dim.bins:
            return field | {"type": "quantitative", "axis": _short_numbers()}
        if dim.grain or self.catalog.column(dim.column).type in ("number", "date", "datetime"):
            return field | {
                "type": "ordinal",
                "sort": _order_of(dim),
                "axis": {"labelAngle": 0, "labelOverlap": True},
            }
        return field | {"type": "nominal", "axis": {"labelAngle": 0, "labelLimit": 140}}

    def y(self) -> dict[str, Any]:
        """Return the encoding of the first measure."""
        measure = self.spec.measures[0]
        if self.dates:
            field = {"field": "y", "type": "temporal", "title": measure_words(measure, self.catalog)}
            return field | {"axis": {"format": _axis_format("day"), "labelOverlap": True} | self._days()}
        return {
            "field": "y",
            "type": "quantitative",
            "title": measure_words(measure, self.catalog),
            "axis": self._number_axis(),
        }

    def _days(self) -> dict[str, str]:
        """Return the ticks of an axis of few days, which Vega would mark by the hour."""
        days = [datetime.date.fromisoformat(value["y"][:10]) for value in self.values if value.get("y")]
        few = bool(days) and max(days) - min(days) < datetime.timedelta(10)
        return {"tickCount": "day"} if few else {}

    def _number_axis(self) -> dict[str, str]:
        text = self.number_format()
        return (
            _short_numbers() if text != ".1%" and _highest(self.values) >= _SHORT_FROM else {"format": text}
        )

    def number_format(self) -> str:
        """Return how the first measure's numbers are written (d3-format)."""
        measure = self.spec.measures[0] if self.spec.measures else None
        if measure and measure.over and measure.agg == "count":
            return ".1%"
        whole = _highest(self.values) >= _SHORT_FROM or all(isinstance(v.get("y"), int) for v in self.values)
        return ",.0f" if whole else ",.2f"

    def titles(self) -> list[str]:
        """Return the titles of ``x`` and ``series``."""
        titles = [words.capital(dim_words(dim, self.catalog, self.spec.base)) for dim in self.dims]
        return [*titles[:1], *([" · ".join(titles[1:])] if titles[1:] else [])]

    def series(self) -> dict[str, Any]:
        """Return the colour encoding of the second dimension; clicking the legend picks one out."""
        if len(self.dims) < 2:
            return {}
        dim = self.dims[1]
        kind = "ordinal" if dim.grain or dim.bins else "nominal"
        return {"color": {"field": "series", "type": kind, "title": self.titles()[1], "sort": _order_of(dim)}}

    def picking(self) -> dict[str, Any]:
        """Return the parameter that a click on the legend sets, when there are series."""
        if len(self.dims) < 2:
            return {}
        return {
            "params": [{"name": "pick", "select": {"type": "point", "fields": ["series"]}, "bind": "legend"}]
        }

    def fading(self) -> dict[str, Any]:
        """Return the encoding that fades the series that were not picked."""
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
            if name == "y" and self.dates:
                shown.append(tip | {"type": "temporal", "format": _axis_format("day")})
                continue
            shown.append(tip | ({"format": self.number_format()} if name == "y" else {"format": ",.4~f"}))
        if self.spec.share:
            shown.append({"field": "share", "type": "quantitative", "title": "Share", "format": ".1%"})
        return shown


def _told_apart(spec: QuerySpec, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return the rows with the key added to first names that are there twice: two customers called alike."""
    if not spec.dims or not spec.dims[0].key:
        return rows
    place = len(spec.dims) + len(spec.measures) + spec.share
    keys: dict[Any, set[Any]] = {}
    for row in rows:
        keys.setdefault(row[0], set()).add(row[place])
    return [(f"{row[0]} ({row[place]})" if len(keys[row[0]]) > 1 else row[0], *row[1:]) for row in rows]


def _highest(values: Sequence[dict[str, Any]]) -> float:
    numbers = (value.get("y") for value in values)
    return max((abs(number) for number in numbers if isinstance(number, int | float)), default=0)


def _short_numbers() -> dict[str, str]:
    """Return an axis that writes 20k for 20,000; Vega would give 0 the same letter."""
    return {"format": "~s", "labelExpr": "datum.value === 0 ? '0' : datum.label"}


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
    """Return a value as JSON has it; dates without a zone, so that no browser moves them by hours."""
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
