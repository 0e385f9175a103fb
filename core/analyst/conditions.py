"""Conditions: values, comparisons and periods of a prompt as filters of its spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .catalog import Column
from .periods import Period
from .spec import ColumnRef, Filter, Value

if TYPE_CHECKING:
    from .build import Builder


def filters(builder: Builder) -> list[Filter]:
    """Return every filter of the prompt; note what could not be applied."""
    return [*_values(builder), *_comparisons(builder), *_periods(builder)]


def _values(builder: Builder) -> list[Filter]:
    """Return value filters. Values of one column are alternatives: "Germany and France" is either."""
    chosen: dict[tuple[ColumnRef, bool], list[Value]] = {}
    for role in builder.roles:
        if role.name != "value":
            continue
        target = builder.best(_preferred(builder, role.mention.of("value")))
        if not builder.reachable(target.table):
            builder.drop(role)
            continue
        place = (ColumnRef(target.table, target.column), role.negative)
        if role.joined and (place[0], True) in chosen:
            place = (place[0], True)  # "without cancelled and returned": the not holds for the list
        chosen.setdefault(place, []).append(target.value)
    return [
        Filter(ref, ("!=" if negative else "=") if len(set(values)) == 1 else ("not in" if negative else "in"), tuple(dict.fromkeys(values)))
        for (ref, negative), values in chosen.items()
    ]  # fmt: skip


def _preferred(builder: Builder, targets: list) -> list:  # type: ignore[type-arg]
    """Prefer the column that the prompt names, when a value is in several."""
    named = {
        (t.table, t.column)
        for role in builder.roles
        for t in role.mention.of("column")
        if role.mention.kind == "column"
    }
    return [t for t in targets if (t.table, t.column) in named] or targets


def _comparisons(builder: Builder) -> list[Filter]:
    found = []
    for role in builder.roles:
        if role.name == "compare" and role.comparison and role.mention.kind == "column":
            column = builder.column_of(role.mention, numeric=True)
            if builder.reachable(column.table):
                found.append(Filter(column.ref, role.comparison.op, role.comparison.values))
            else:
                builder.drop(role)
    used = {id(role.comparison) for role in builder.roles}
    for comparison in builder.clauses.comparisons:
        if id(comparison) not in used:
            builder.unused.append(builder.text[comparison.start : comparison.end].strip())
    return found


def _periods(builder: Builder) -> list[Filter]:
    period = builder.clauses.period
    if period is None:
        return []
    column = time_column(builder)
    if column is None:
        builder.unused.append("the time")
        builder.notes.append(
            f"No date belongs to {builder.catalog.table(builder.base).label}, so the time was left out."
        )
        return []
    if column.is_year:
        return _year_filter(column, period)
    return period_filter(builder, column, period)


def time_column(builder: Builder) -> Column | None:
    """Return the date column that times of the prompt are about: the one it names, else the base's nearest."""
    for role in builder.roles:
        if role.mention.kind == "column" and role.name in ("dim", "column", "order"):
            column = builder.column_of(role.mention)
            if (column.temporal or column.is_year) and builder.reachable(column.table):
                return column
    table = builder.catalog.table(builder.base)
    return builder.catalog.date_for(builder.base) or next((c for c in table.columns if c.is_year), None)


def period_filter(builder: Builder, column: Column, period: Period) -> list[Filter]:
    """Return the filter of a period on a date column. Relative periods count from the end of the data."""
    if period.last:
        builder.notes.append(
            f"Counted back from {builder.data_end(column)}, the last {column.label} in the data."
        )
        period = period.resolve(builder.data_end(column))
    if period.months:
        return [Filter(column.ref, "in", period.months, grain="month_of_year")]
    years = period.years
    if years and years[-1] - years[0] + 1 > len(years):
        return [Filter(column.ref, "in", years, grain="year")]
    if years:
        return [Filter(column.ref, "during", (f"{years[0]}-01-01", f"{years[-1] + 1}-01-01"))]
    bounds = tuple(day.isoformat() if day else None for day in (period.start, period.end))
    return [Filter(column.ref, "during", bounds)]


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
