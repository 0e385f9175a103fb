"""Conditions: values, comparisons and periods of a prompt as filters of its spec."""

from __future__ import annotations

import datetime

from .catalog import Column
from .link import Target
from .periods import Period, shift
from .reading import Reading
from .restate import period_words
from .spec import ColumnRef, Filter, Value


def filters(reading: Reading) -> list[Filter]:
    """Return every filter of the prompt; note what could not be applied."""
    return [*_values(reading), *_comparisons(reading), *_periods(reading)]


def _values(reading: Reading) -> list[Filter]:
    """Return value filters. Values of one column are alternatives: "Germany and France" is either."""
    chosen: dict[tuple[ColumnRef, bool], list[Value]] = {}
    for role in reading.roles:
        if role.name != "value":
            continue
        target = reading.best(_preferred(reading, role.mention.of("value")))
        if not reading.reachable(target.table):
            reading.drop(role)
            continue
        place = (ColumnRef(target.table, target.column), role.negative)
        if role.joined and (place[0], True) in chosen:
            place = (place[0], True)  # "without cancelled and returned": the not holds for the list
        chosen.setdefault(place, []).append(target.value)
    return [_is(ref, tuple(dict.fromkeys(values)), negative) for (ref, negative), values in chosen.items()]


def _is(ref: ColumnRef, values: tuple[Value, ...], negative: bool) -> Filter:
    if len(values) == 1:
        return Filter(ref, "!=" if negative else "=", values)
    return Filter(ref, "not in" if negative else "in", values)


def _preferred(reading: Reading, targets: list[Target]) -> list[Target]:
    """Prefer the column that the prompt names, when a value is in several."""
    named = {
        (t.table, t.column)
        for role in reading.roles
        for t in role.mention.of("column")
        if role.mention.kind == "column"
    }
    return [t for t in targets if (t.table, t.column) in named] or targets


def _comparisons(reading: Reading) -> list[Filter]:
    found = []
    for role in reading.roles:
        if role.name == "compare" and role.comparison and role.mention.kind == "column":
            column = reading.column_of(role.mention, numeric=True)
            if reading.reachable(column.table):
                found.append(Filter(column.ref, role.comparison.op, role.comparison.values))
            else:
                reading.drop(role)
    used = {id(role.comparison) for role in reading.roles}
    for comparison in reading.clauses.comparisons:
        if id(comparison) not in used:
            reading.unused.append(reading.text[comparison.start : comparison.end].strip())
    return found


def _periods(reading: Reading) -> list[Filter]:
    period = reading.clauses.period
    if period is None:
        return []
    column = reading.time_column()
    if column is None:
        reading.unused.append("the time")
        reading.notes.append(
            f"No date belongs to {reading.catalog.table(reading.base).label}, so the time was left out."
        )
        return []
    if column.is_year:
        return _year_filter(column, period)
    return period_filter(reading, column, period)


def period_filter(reading: Reading, column: Column, period: Period) -> list[Filter]:
    """Return the filter of a period on a date column. Relative periods count from the end of the data."""
    if period.last:
        reading.notes.append(
            f"Counted back from {reading.data_end(column)}, the last {column.label} in the data."
        )
        period = period.resolve(reading.data_end(column))
    if period.months and reading.compares:
        period = _latest(reading, column, period)
    if period.months:
        return [Filter(column.ref, "in", period.months, grain="month_of_year")]
    years = period.years
    if years and years[-1] - years[0] + 1 > len(years):
        return [Filter(column.ref, "in", years, grain="year")]
    if years:
        return [Filter(column.ref, "during", (f"{years[0]}-01-01", f"{years[-1] + 1}-01-01"))]
    bounds = tuple(day.isoformat() if day else None for day in (period.start, period.end))
    return [Filter(column.ref, "during", bounds)]


def _latest(reading: Reading, column: Column, period: Period) -> Period:
    """Return the last time in the data that months of no year in particular began, and say so."""
    end = reading.data_end(column)
    start = datetime.date(end.year, period.months[0], 1)
    start = start if start <= end else start.replace(year=end.year - 1)
    after = shift(start, "month", len(period.months))
    reading.notes.append(
        f"No year is named, so it is the last one in the data: {period_words(start, after)}."
    )
    return Period(start, after)


def _year_filter(column: Column, period: Period) -> list[Filter]:
    if period.years:
        return [Filter(column.ref, "in", period.years)]
    found = []
    if period.start:
        found.append(Filter(column.ref, ">=", (period.start.year,)))
    if period.end:
        last = period.end.year - (period.end.month == 1 and period.end.day == 1)
        found.append(Filter(column.ref, "<=", (last,)))
    if len(found) == 2 and found[0].values == found[1].values:
        return [Filter(column.ref, "=", found[0].values)]
    return found
