"""What a prompt leaves open: the number to show, the grain of time, the chart, the order."""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

from .catalog import Catalog, Column, as_date
from .dims import bins_of, label_dim
from .reading import Reading
from .restate import gives_dates
from .roles import Role
from .spec import Chart, Dim, Filter, Grain, Measure, QuerySpec

_MOST_SLICES = 12


def complete(reading: Reading, spec: QuerySpec) -> QuerySpec:
    """Return the spec with what the prompt left open filled in."""
    if reading.raw:
        return _ordered(reading, msgspec.structs.replace(spec, chart=None))
    if len(spec.columns) == 2 and not spec.dims:
        return msgspec.structs.replace(spec, measures=(), chart="scatter")
    spec = msgspec.structs.replace(spec, columns=())
    spec = _counting_kinds(reading, spec)
    spec = _with_time(reading, spec)
    spec = _with_histogram(reading, spec)
    spec = _with_contrast(reading, spec)
    if not spec.measures and (spec.dims or spec.kind != "text"):
        base = reading.catalog.table(spec.base)
        spec = msgspec.structs.replace(spec, measures=(Measure("count", label=base.label),))
    spec = _with_dim(reading, spec)
    share = (
        reading.clauses.share and bool(spec.dims) and len(spec.measures) == 1 and not spec.measures[0].over
    )
    compare = reading.compares and any(f.op == "during" and f.values[0] for f in spec.filters)
    spec = msgspec.structs.replace(spec, share=share, compare=compare)
    return _ordered(reading, _with_chart(spec, reading.catalog))


def _counting_kinds(reading: Reading, spec: QuerySpec) -> QuerySpec:
    """Turn "how many builders by builder" into rows by builder: each is one builder, which tells nothing."""
    rows = Measure("count", label=reading.base_table.label)
    dims = {dim.column for dim in spec.dims}
    alone = spec.kind == "chart" and not spec.dims and not reading.clauses.grain and len(spec.measures) == 1
    kinds = [m.column for m in spec.measures if m.agg == "count_distinct" and m.column and not m.over]
    kinds = [ref for ref in kinds if ref in dims or (alone and not reading.catalog.column(ref).is_key)]
    if not kinds:
        return spec
    numbers = tuple(rows if m.agg == "count_distinct" and m.column in kinds else m for m in spec.measures)
    return msgspec.structs.replace(spec, measures=numbers, dims=spec.dims or (Dim(kinds[0]),))


def _with_time(reading: Reading, spec: QuerySpec) -> QuerySpec:
    """Add the dimension of time that a grain, or a date among the dimensions, asks for."""
    grain = reading.clauses.grain
    named = next(
        (
            c
            for r in reading.roles
            if r.name == "dim" and r.mention.kind == "column" and (c := reading.column_of(r.mention)).temporal
        ),
        None,
    )
    if grain is None and named is None:
        return spec
    column = reading.time_column()
    if column is None:
        reading.unused.append(grain.word if grain else "time")
        return spec
    if column.is_year:
        return msgspec.structs.replace(
            spec, dims=(Dim(column.ref), *(d for d in spec.dims if d.column != column.ref))
        )
    wanted = grain.grain if grain and grain.grain != "auto" else natural_grain(column, spec.filters)
    return msgspec.structs.replace(spec, dims=(Dim(column.ref, grain=wanted), *spec.dims))


def natural_grain(column: Column, filters: tuple[Filter, ...]) -> Grain:
    """Return a grain that gives some ten to two hundred points over the time that is left."""
    low, high = as_date(column.low), as_date(column.high)
    for condition in filters:
        if condition.column == column.ref and condition.op == "during":
            low = max(filter(None, (low, as_date(condition.values[0]))), default=low)
            high = min(filter(None, (high, as_date(condition.values[1]))), default=high)
    span = high - low if low and high else datetime.timedelta(365)
    if span.days > 15 * 366:
        return "year"
    if span.days > 150:
        return "month"
    return "week" if span.days > 62 else "day"


def _with_histogram(reading: Reading, spec: QuerySpec) -> QuerySpec:
    """Turn "distribution of price" into counts of rows by bins of the price."""
    numbers = [
        m for m in spec.measures if m.agg in ("sum", "mean") and m.column and not m.times and not m.over
    ]
    wanted = spec.chart == "histogram" or (reading.clauses.spread and not spec.dims)
    if not wanted or not numbers or numbers[0].column is None:
        return spec
    column = reading.catalog.column(numbers[0].column)
    rows = Measure("count", label=reading.catalog.table(column.table).label)
    return msgspec.structs.replace(
        spec,
        base=column.table,
        dims=(Dim(column.ref, bins=bins_of(column)),),
        measures=(rows,),
        chart="histogram",
    )


def _with_contrast(reading: Reading, spec: QuerySpec) -> QuerySpec:
    """Group by what is compared: "Europe and Asia", "2023 vs 2024"."""
    dims = {dim.column for dim in spec.dims}
    for condition in spec.filters:
        several = condition.op == "in" and len(condition.values) > 1 and condition.column not in dims
        if several and condition.grain in (None, "year") and (reading.clauses.contrast or not spec.dims):
            return msgspec.structs.replace(
                spec, dims=(*spec.dims, Dim(condition.column, grain=condition.grain))
            )
    period = reading.clauses.period
    column = reading.time_column() if period and len(period.years) > 1 and reading.clauses.contrast else None
    if column and not any(dim.grain for dim in spec.dims) and column.temporal:
        return msgspec.structs.replace(spec, dims=(*spec.dims, Dim(column.ref, grain="year")))
    return spec


def _with_dim(reading: Reading, spec: QuerySpec) -> QuerySpec:
    """Give a chart without a dimension one: time where the rows have it, else the first kind of the rows."""
    ranked = reading.clauses.top is not None
    tables = [role.mention.targets[0].table for role in reading.roles if role.name == "subject"]
    if ranked and not spec.dims and tables and reading.reachable(tables[0]):
        return msgspec.structs.replace(spec, dims=(label_dim(reading.catalog, tables[0]),))
    if spec.dims or spec.kind != "chart":
        return spec
    column = reading.time_column()
    fixed = {condition.column for condition in spec.filters if condition.op == "="}
    if column is not None and spec.chart != "pie":
        dim = (
            Dim(column.ref) if column.is_year else Dim(column.ref, grain=natural_grain(column, spec.filters))
        )
    else:
        kinds = [c for c in reading.catalog.table(spec.base).categories if c.ref not in fixed]
        if not kinds:
            return spec
        dim = Dim(kinds[0].ref)
    return msgspec.structs.replace(spec, dims=(dim,))


def _with_chart(spec: QuerySpec, catalog: Catalog) -> QuerySpec:
    # Dates have no length to draw, and a heat map needs two groups.
    dates = bool(spec.measures) and gives_dates(spec.measures[0], catalog)
    asked = spec.chart and not dates and (spec.chart != "heatmap" or len(spec.dims) > 1)
    if spec.kind != "chart" or asked:
        return spec
    first = spec.dims[0] if spec.dims else None
    chart: Chart = "scatter" if dates else "bar"
    if first and (
        first.grain in ("year", "quarter", "month", "week", "day", "hour")
        or catalog.column(first.column).is_year
    ):
        chart = "line"
    elif (
        spec.share
        and len(spec.dims) == 1
        and 2 <= catalog.column(spec.dims[0].column).distinct <= _MOST_SLICES
    ):
        chart = "pie"
    return msgspec.structs.replace(spec, chart=chart)


def _ordered(reading: Reading, spec: QuerySpec) -> QuerySpec:
    """Add order and limit: ranked requests by the first measure, others as they say."""
    top, descending = reading.clauses.top, reading.clauses.descending
    superlative = next((role for role in reading.roles if role.superlative), None)
    asked = next((role for role in reading.roles if role.name == "order"), None)
    axis = reading.clauses.axis or (_axis(reading, asked) if asked else "")
    if axis or descending is not None:
        down = axis != "dim" if descending is None else descending
        spec = msgspec.structs.replace(spec, order=axis or "measure", descending=down)
    elif superlative and spec.dims:
        spec = msgspec.structs.replace(spec, order="measure", descending=superlative.agg != "min")
    if top:
        ranking = reading.ranking
        down = ranking.descending if ranking else top.descending
        by = ranking.column if ranking and reading.raw else None
        order = spec.order or "measure"
        spec = msgspec.structs.replace(spec, order=order, descending=down, limit=top.count, order_by=by)
    return spec


def _axis(reading: Reading, role: Role) -> Literal["dim", "measure"]:
    """Return what "sorted by" a mention sorts by: the groups when it names one, else the numbers."""
    by_dim = role.mention.kind == "column" and not reading.column_of(role.mention).measurable
    return "dim" if by_dim else "measure"
