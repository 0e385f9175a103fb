"""Expressions: columns, conditions, groups and measures of a spec as ibis expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .catalog import Catalog
from .spec import ColumnRef, Dim, Filter, Measure

_TRUNCATE = {"year": "Y", "quarter": "Q", "month": "M", "week": "W", "day": "D", "hour": "h"}


class Expressions:
    """Makes expressions on a table whose columns are called as ``name`` says."""

    def __init__(self, catalog: Catalog, dialect: str, name: Callable[[ColumnRef], str]) -> None:
        self.catalog, self.dialect, self._name = catalog, dialect, name

    def value(self, table: Any, ref: ColumnRef) -> Any:
        """Return a column; dates that are kept as text become dates."""
        column = self.catalog.column(ref)
        value = table[self._name(ref)]
        if column.temporal and column.dtype.is_string():
            to = "timestamp" if column.type == "datetime" else "date"
            return value.cast(to) if self.dialect == "sqlite" else value.try_cast(to)
        return value

    def condition(self, table: Any, condition: Filter) -> Any:
        """Return a filter as a boolean expression."""
        import ibis

        value, values = self.value(table, condition.column), condition.values
        if condition.op == "during":
            return self._during(value, condition)
        if condition.grain in ("month_of_year", "year"):
            part = value.month() if condition.grain == "month_of_year" else value.year()
            return part.isin(values)
        match condition.op:
            case "in":
                return value.isin(values)
            case "not in":
                return ~value.isin(values) | value.isnull()
            case "!=":
                return (value != ibis.literal(values[0])) | value.isnull()
            case "between":
                return value.between(values[0], values[1])
            case "like":
                return value.lower().contains(str(values[0]).lower())
            case "is null":
                return value.isnull()
            case "not null":
                return value.notnull()
            case _:
                return COMPARE[condition.op](value, ibis.literal(values[0]))

    def _during(self, value: Any, condition: Filter) -> Any:
        import ibis

        make = ibis.timestamp if value.type().is_timestamp() else ibis.date
        start, end = condition.values
        parts = [value >= make(start)] if start else []
        parts += [value < make(end)] if end else []
        return ibis.and_(*parts) if parts else ibis.literal(True)

    def dim(self, table: Any, dim: Dim) -> Any:
        """Return what a dimension groups by."""
        value = self.value(table, dim.column)
        if dim.grain == "weekday":
            return value.day_of_week.index() + 1
        if dim.grain == "month_of_year":
            return value.month()
        if dim.grain == "hour":
            return value.truncate("h") if value.type().is_timestamp() else value
        if dim.grain == "year":
            return value.year()
        if dim.grain:
            return value.truncate(_TRUNCATE[dim.grain]).cast("date")
        if dim.bins:
            return self._bin(value, dim)
        return value

    def _bin(self, value: Any, dim: Dim) -> Any:
        """Return the lower edge of the bin a number falls into; edges are round numbers."""
        column = self.catalog.column(dim.column)
        width = bin_width(float(column.low or 0), float(column.high or 0), dim.bins or 20)
        return (value / width).floor() * width

    def measure(self, table: Any, measure: Measure) -> Any:
        """Return a measure as an aggregate."""
        import ibis

        where = None
        if measure.where:
            where = ibis.and_(*[self.condition(table, condition) for condition in measure.where])
        result = self._aggregate(table, measure, where)
        if measure.over:
            over = self.measure(table, measure.over)
            return result.cast("float64") / over.nullif(0)
        return result

    def _aggregate(self, table: Any, measure: Measure, where: Any) -> Any:
        if measure.agg == "count":
            return table.count(where=where)
        if measure.column is None:
            raise ValueError(f"a {measure.agg!r} needs a column; only 'count' does without")
        value = self.value(table, measure.column)
        if measure.agg == "count_distinct":
            return value.nunique(where=where)
        if measure.times:
            value = value * self.value(table, measure.times)
        if measure.less:
            value = value * (1 - self.value(table, measure.less))
        if measure.agg == "median" and self.dialect == "sqlite":
            return _sqlite_median()(value, where=where)
        return getattr(value, measure.agg)(where=where)


COMPARE: dict[str, Any] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def bin_width(low: float, high: float, bins: int) -> float:
    """Return a round width (1, 2 or 5 times a power of ten) that gives at most ``bins`` bins, about."""
    rough = max((high - low) / bins, 1e-12)
    power = 1.0
    while power * 10 <= rough:
        power *= 10
    while power > rough:
        power /= 10
    return next(power * step for step in (1, 2, 5, 10) if power * step >= rough)


def _sqlite_median() -> Any:
    import ibis

    # `headway_median` is what SQLiteSource adds to its connection: SQLite has no median.
    return ibis.udf.agg.builtin(_median, name="headway_median")


def _median(value: float) -> float:  # type: ignore[empty-body]
    """Declare the types of `headway_median`; the database computes it."""
