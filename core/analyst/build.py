"""From a reading to a QuerySpec."""

from __future__ import annotations

from . import conditions, defaults, dims, measures, rankings
from .joins import with_joins
from .reading import Reading
from .spec import QuerySpec


def build(reading: Reading) -> QuerySpec:
    """Return the spec of a reading, complete: keys lead from its base to all it reads."""
    reading.ranking = rankings.ranking(reading)
    reading.base = reading.ranking.base if reading.ranking else _base(reading)
    groups = dims.dims(reading)
    numbers = measures.measures(reading)
    if reading.ranking and not reading.raw:
        label = dims.label_dim(reading.catalog, reading.ranking.table)
        groups, numbers = [label, *(dim for dim in groups if dim != label)], [reading.ranking.measure]
    having = measures.having(reading, groups, numbers)
    spec = QuerySpec(
        kind=reading.kind,
        base=reading.base,
        dims=tuple(groups),
        measures=tuple(numbers),
        columns=tuple(dims.columns(reading)),
        filters=tuple(conditions.filters(reading)),
        having=tuple(having),
        chart=reading.clauses.chart,
        side_by_side=reading.clauses.side_by_side,
        format=reading.clauses.format,
    )
    return with_joins(reading.catalog, defaults.complete(reading, spec))


def _base(reading: Reading) -> str:
    """Choose the table whose rows are measured, counted or listed."""
    if reading.raw:
        return _first_table(reading, "subject", "column", "measure", "value", "compare", "order")
    for role in reading.named("measure", "order", "compare"):
        if role.mention.kind == "concept":
            return role.mention.targets[0].table
    for role in reading.named("count", "compare"):
        if role.mention.kind == "table":
            return role.mention.targets[0].table
    for role in reading.named("rate"):
        return reading.best(role.mention.of("value")).table
    measured = [
        reading.column_of(role.mention, numeric=role.name == "measure").table
        for role in reading.named("measure", "count")
    ]
    if measured:
        return _finest(reading, measured)
    return _first_table(reading, "subject", "value", "compare", "dim", "column", "order")


def _finest(reading: Reading, tables: list[str]) -> str:
    """Return the first of the tables whose rows each meet one row of every other; else the first of all."""
    for table in tables:
        ways = [reading.catalog.path(table, other) for other in tables]
        if all(way is not None and not any(join.many for join in way) for way in ways):
            return table
    return tables[0]


def _first_table(reading: Reading, *names: str) -> str:
    for name in names:
        for role in reading.named(name):
            if name != "compare" or role.mention.kind != "table":
                return reading.best(role.mention.targets).table
    return reading.roles[0].mention.targets[0].table
