"""Restating: a spec in plain words, so that people see what was understood."""

from __future__ import annotations

import calendar
import datetime

from . import words
from .catalog import Catalog
from .spec import Dim, Filter, Measure, QuerySpec

_AGGREGATES = {
    "sum": "Sum of", "mean": "Average", "median": "Median", "min": "Lowest", "max": "Highest",
    "count": "Number of", "count_distinct": "Number of",
}  # fmt: skip
_GRAINS = {"weekday": "weekday", "month_of_year": "month of the year"}
_FORMATS = {"xlsx": "an Excel file", "csv": "a CSV file", "parquet": "a Parquet file", "json": "a JSON file"}
_CHARTS = {
    "area": "an area chart", "scatter": "a scatter plot", "histogram": "a histogram", "heatmap": "a heat map",
}  # fmt: skip
_OPERATORS = {
    "<": "under", "<=": "at most", ">": "over", ">=": "at least", "!=": "is not", "=": "is", "like": "like",
}  # fmt: skip


def restate(spec: QuerySpec, catalog: Catalog) -> str:
    """Return the request in one sentence without a full stop."""
    base = words.plural(catalog.table(spec.base).label)
    if spec.compare:
        things = [measure.label or measure_words(measure, catalog) for measure in spec.measures]
        text = f"What changed in {words.listed(things) or base}"
    elif spec.measures:
        text = words.listed([measure_words(measure, catalog) for measure in spec.measures])
    elif spec.columns:
        names = [_column(ref.table, ref.column, spec, catalog) for ref in spec.columns]
        text = f"{words.listed(names)} of {base}"
    else:
        text = f"What stands out in {base}" if spec.kind == "text" else f"All columns of {base}"
    if spec.dims:
        text += f" by {words.listed([dim_words(dim, catalog, spec.base) for dim in spec.dims])}"
    conditions = [filter_words(condition, catalog) for condition in spec.filters]
    conditions += [
        f"{_having_name(spec, h.measure, catalog)} is {_OPERATORS[h.op]} {h.value:,g}" for h in spec.having
    ]
    if conditions:
        text += f", where {words.listed(conditions)}"
    text += _order_words(spec, catalog)
    if spec.share:
        text += ", with shares"
    if spec.kind == "chart" and spec.chart:
        text += f", as {_CHARTS.get(spec.chart, f'a {spec.chart} chart')}"
    if spec.kind == "file":
        text += f", as {_FORMATS[spec.format or 'csv']}"
    return words.capital(text)


def _order_words(spec: QuerySpec, catalog: Catalog) -> str:
    """Return the order and the limit: ``, the 10 highest``; empty without."""
    if spec.limit and spec.order_by:
        column = catalog.column(spec.order_by)
        high, low = ("latest", "earliest") if column.temporal else ("highest", "lowest")
        return f", the {spec.limit} {high if spec.descending else low} by {column.label}"
    if spec.limit and spec.measures and gives_dates(spec.measures[0], catalog):
        return f", the {'latest' if spec.descending else 'earliest'} {spec.limit}"
    if spec.limit and spec.order == "measure":
        return f", the {spec.limit} {'highest' if spec.descending else 'lowest'}"
    if spec.limit:
        return f", the first {spec.limit}"
    if spec.order and spec.measures:
        what = dim_words(spec.dims[0], catalog) if spec.order == "dim" and spec.dims else "value"
        return f", sorted by {what} from {'high to low' if spec.descending else 'low to high'}"
    return ""


def measure_words(measure: Measure, catalog: Catalog) -> str:
    """Return a measure's name: ``Sum of revenue``, ``Number of orders``, ``Average order value``."""
    if measure.over:
        return words.capital(measure.label)
    if measure.agg == "count":
        return f"Number of {words.plural(measure.label or 'row')}"
    if measure.agg == "count_distinct":
        return f"Number of {words.plural(measure.label)}"
    name = measure.label or (catalog.column(measure.column).label if measure.column else "rows")
    aggregate = _AGGREGATES[measure.agg]
    if gives_dates(measure, catalog):
        aggregate = "Latest" if measure.agg == "max" else "Earliest"
    return f"{aggregate} {name}"


def formulas(spec: QuerySpec, catalog: Catalog) -> list[str]:
    """Return a sentence for each number that is computed of several columns: no column is called revenue."""
    found = []
    for measure in spec.measures:
        if measure.column and measure.times:
            parts = [catalog.column(ref).label for ref in (measure.column, measure.times)]
            less = [f"(1 − {catalog.column(measure.less).label})"] if measure.less else []
            found.append(f"Revenue is taken as {' × '.join([*parts, *less])}.")
    return list(dict.fromkeys(found))


def gives_dates(measure: Measure, catalog: Catalog) -> bool:
    """Whether a measure gives dates: the latest or earliest of something."""
    if measure.agg not in ("min", "max") or measure.column is None:
        return False
    return catalog.column(measure.column).temporal


def dim_words(dim: Dim, catalog: Catalog, base: str = "") -> str:
    """Return a dimension's name: ``month``, ``region``, ``product name``.

    Time of another date than the main one of ``base``, or of the date's own table, is told apart:
    ``year of signup date``.
    """
    column = catalog.column(dim.column)
    if dim.grain:
        grain = _GRAINS.get(dim.grain, dim.grain)
        date = catalog.date_for(base or dim.column.table)
        return grain if date and date.ref == dim.column else f"{grain} of {column.label}"
    return _qualified(column.table, column.label)


def _qualified(table: str, name: str) -> str:
    """Return ``product name`` for a column that is only called ``name``."""
    if name in ("name", "title", "id", "code", "type", "description"):
        return f"{words.singular(words.label(table))} {name}"
    return name


def _column(table: str, column: str, spec: QuerySpec, catalog: Catalog) -> str:
    name = catalog.column(
        next(ref for ref in spec.columns if (ref.table, ref.column) == (table, column))
    ).label
    return name if table == spec.base else _qualified(table, name)


def filter_words(condition: Filter, catalog: Catalog) -> str:
    """Return a condition in words: ``order date is in 2023``, ``country is Germany``."""
    column = catalog.column(condition.column)
    name = _qualified(column.table, column.label)
    values = condition.values
    if condition.op == "during":
        return f"{name} is {period_words(values[0], values[1])}"
    if condition.grain == "month_of_year":
        return f"{name} is in {words.listed([calendar.month_name[int(str(v))] for v in values], 'or')}"
    if condition.op == "between":
        return f"{name} is between {values[0]:,} and {values[1]:,}"
    if condition.op in ("in", "not in"):
        negation = "not " if condition.op == "not in" else ""
        return f"{name} is {negation}{words.listed([str(v) for v in values], 'or')}"
    if condition.op in ("is null", "not null"):
        return f"{name} is {'missing' if condition.op == 'is null' else 'there'}"
    shown = f"{values[0]:,}" if isinstance(values[0], int | float) and not column.is_year else str(values[0])
    operator = _OPERATORS[condition.op]
    return f"{name} {operator if operator.startswith('is') else f'is {operator}'} {shown}"


def period_words(start: object, end: object) -> str:
    """Return a half-open period of ISO dates in words: ``in 2023``, ``since 2022-03-01``, ``in May 2023``."""
    first = datetime.date.fromisoformat(str(start)) if start else None
    after = datetime.date.fromisoformat(str(end)) if end else None
    last = after - datetime.timedelta(days=1) if after else None
    if first is None or last is None:
        return f"since {first}" if first else f"up to {last}"
    if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31):
        return f"in {first.year}" if first.year == last.year else f"from {first.year} to {last.year}"
    whole_months = first.day == 1 and after is not None and after.day == 1
    if whole_months and (first.year, first.month) == (last.year, last.month):
        return f"in {calendar.month_name[first.month]} {first.year}"
    return f"on {first}" if first == last else f"from {first} to {last}"


def _having_name(spec: QuerySpec, measure: int, catalog: Catalog) -> str:
    name = measure_words(spec.measures[measure], catalog)
    return name[0].lower() + name[1:]
