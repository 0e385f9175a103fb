"""Rankings: by which number or date "expensive products", "newest customers", "largest orders" are ranked."""

from __future__ import annotations

from .catalog import Column, Table
from .concepts import revenue
from .reading import Ranking, Reading
from .spec import Measure

_COLUMNS = {
    "price": ("price", "cost", "fee", "fare", "rent", "amount", "total"),
    "size": ("revenue", "sales", "turnover", "total", "amount", "value", "size", "population", "area",
             "capacity", "budget"),
}  # fmt: skip
_NUMBERS = ("measure", "count", "rate", "order")


def ranking(reading: Reading) -> Ranking | None:
    """Return what the request ranks and by what; None when it ranks nothing, or by a number that it names."""
    clauses = reading.clauses
    quality = clauses.quality.name if clauses.quality else "size"
    table = _ranked(reading)
    if clauses.top is None or table is None or reading.named(*_NUMBERS) or clauses.grain:
        found = None
    elif clauses.quality is None and len(reading.named("dim")) > 1:
        found = None
    else:
        found = _by(reading, table, quality, clauses.top.descending)
    if found is None and clauses.quality:
        reading.unused.append(clauses.quality.word)
    for role in reading.named("subject"):
        if found and role.mention.targets[0].table != found.table:  # "orders of the newest customers"
            reading.drop(role)
    return found


def _ranked(reading: Reading) -> Table | None:
    """Return the table that follows the superlative, else one that is named at all, else a value's."""
    named = [*reading.named("dim"), *reading.named("subject")]
    named = [role for role in named if role.mention.kind == "table"]
    if not named and reading.clauses.quality:
        named = reading.named("value")
    if not named:
        return None
    return reading.catalog.table(reading.best(named[0].mention.targets).table)


def _by(reading: Reading, table: Table, quality: str, descending: bool) -> Ranking | None:
    column = _dated(table) if quality == "date" else _named(table, _COLUMNS[quality])
    highest = descending
    word = reading.clauses.quality.word if reading.clauses.quality else ""
    if word in ("oldest", "youngest") and (age := _named(table, ("age",))):
        column, highest = age, not descending  # the oldest has the highest age and the earliest date
    if column is not None:
        measure = Measure("max" if highest else "min", column.ref, label=column.label)
        return Ranking(table.name, table.name, measure, highest, column.ref)
    found = revenue(reading.catalog) if quality != "date" else None
    way = reading.catalog.path(found[0], table.name) if found else None
    if found is None or way is None or any(join.many for join in way):
        return None
    return Ranking(table.name, found[0], found[1], descending)


def _dated(table: Table) -> Column | None:
    return table.date or next((column for column in table.columns if column.is_year), None)


def _named(table: Table, names: tuple[str, ...]) -> Column | None:
    """Return the number column that is called most like one of the names, the first of them first."""
    for name in names:
        for column in table.columns:
            if column.measurable and name in column.label.split():
                return column
    return None
