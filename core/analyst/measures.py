"""Measures: the numbers that a reading asks for."""

from __future__ import annotations

import msgspec

from . import words
from .catalog import Column
from .reading import Reading
from .roles import Role
from .spec import Aggregate, ColumnRef, Dim, Filter, Having, Measure, refs_of

_AVERAGED = {
    "price", "cost", "rate", "age", "score", "rating", "percent", "percentage", "temperature", "height",
    "weight", "length", "duration", "delay", "salary", "discount", "ratio", "latitude", "longitude",
    "speed", "size", "level", "grade",
}  # fmt: skip


def measures(reading: Reading) -> list[Measure]:
    """Return the measures that the prompt names; none for plain rows."""
    found: list[Measure] = []
    for number, role in enumerate([] if reading.raw else reading.roles):
        measure = _measure(reading, role, number)
        if measure and not _adds_up(reading, measure):
            reading.drop(role)
        elif measure and measure not in found:
            found.append(measure)
    return found


def _adds_up(reading: Reading, measure: Measure) -> bool:
    """Whether keys lead from the base to all that a measure reads, without meeting any row of it twice."""
    ways = [reading.catalog.path(reading.base, ref.table) for ref in refs_of(measure)]
    distinct = measure.agg == "count_distinct"
    return all(way is not None and (distinct or not any(join.many for join in way)) for way in ways)


def having(reading: Reading, dims: list[Dim], numbers: list[Measure]) -> list[Having]:
    """Return conditions on numbers of a group; a measure that only they need is added to ``numbers``."""
    found: list[Having] = []
    for role in reading.named("compare"):
        if role.mention.kind == "column" or role.comparison is None:
            continue
        target = role.mention.targets[0]
        measure = target.measure or _count_of(reading, role, target.table)
        if not dims or measure is None or role.comparison.op in ("between", "!="):
            reading.drop(role)
            continue
        if measure not in numbers:
            numbers.append(measure)
        value = float(role.comparison.values[0])
        found.append(Having(numbers.index(measure), role.comparison.op, value))  # type: ignore[arg-type]
    return found


def aggregate_for(column: Column) -> Aggregate:
    """Return how a number is summed up when the prompt does not say: prices are averaged, amounts added."""
    return "mean" if set(words.name_words(column.name)) & _AVERAGED else "sum"


def _measure(reading: Reading, role: Role, number: int) -> Measure | None:
    """Return the measure of a role; None when it is for something else."""
    mention, target = role.mention, role.mention.targets[0]
    if target.kind == "concept" and role.name in ("measure", "order"):
        return _concept(reading, role)
    if role.name == "count" and target.kind == "table":
        return _count_of(reading, role, target.table)
    if role.name == "count":
        column = reading.column_of(mention)
        return Measure("count_distinct", column.ref, label=column.label)
    if role.name == "rate":
        return _rate(reading, role)
    if role.name == "measure" and (role.agg or not reading.pairs):
        column = reading.column_of(mention, numeric=True)
        measure = Measure(role.agg or aggregate_for(column), column.ref, label=column.label)
        return _average(reading, measure) if role.agg == "mean" else measure
    listed = role.name == "subject" and role.joined
    if listed and any(other.name == "measure" for other in reading.roles[:number]):
        return _count_of(reading, role, target.table)  # "revenue and orders by month"
    return None


def _concept(reading: Reading, role: Role) -> Measure | None:
    target = role.mention.targets[0]
    if target.table != reading.base or target.measure is None:
        reading.drop(role)
        return None
    if target.measure.over or role.agg not in ("mean", "median"):
        return target.measure
    measure = msgspec.structs.replace(target.measure, agg=role.agg)
    return _average(reading, measure) if role.agg == "mean" else measure


def _average(reading: Reading, measure: Measure) -> Measure:
    """Return the average per thing that the prompt names ("revenue per customer"), else per row."""
    for role in reading.named("per"):
        table = reading.catalog.table(role.mention.targets[0].table)
        way = reading.catalog.path(reading.base, table.name)
        if way and table.primary_key and not any(join.many for join in way):
            over = Measure("count_distinct", ColumnRef(table.name, table.primary_key))
            label = f"average {measure.label} per {words.singular(table.label)}"
            return msgspec.structs.replace(measure, agg="sum", over=over, label=label)
        if way != ():  # the base itself: the average per row is what was asked
            reading.drop(role)
    return measure


def _rate(reading: Reading, role: Role) -> Measure:
    """Return the share of the base's rows that have a value: "return rate"."""
    value = reading.best(role.mention.of("value"))
    where = (Filter(ColumnRef(value.table, value.column), "=", (value.value,)),)
    label = f"{role.mention.text.lower().removesuffix('s')} rate"
    return Measure("count", where=where, over=Measure("count"), label=label)


def _count_of(reading: Reading, role: Role, table: str) -> Measure | None:
    """Return the number of a table's rows: of the base itself, or of the keys that the base has of it."""
    found = reading.catalog.table(table)
    if table == reading.base:
        return Measure("count", label=found.label)
    keys = [
        k.child for k in reading.catalog.keys if k.child.table == reading.base and k.parent.table == table
    ]
    if not keys and found.primary_key:
        keys = [ColumnRef(table, found.primary_key)]
    if not keys:
        reading.drop(role)
        return None
    return Measure("count_distinct", keys[0], label=found.label)
