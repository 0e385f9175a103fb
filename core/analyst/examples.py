"""Examples: prompts that work on a database, made from its schema and tried before they are shown."""

from __future__ import annotations

import itertools
from typing import get_args

from . import words
from .catalog import Catalog, Table, as_date
from .errors import QuestionNotUnderstood
from .link import Index
from .spec import Kind
from .understand import understand

_KINDS: tuple[Kind, ...] = get_args(Kind)
_EACH = 2


def examples(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Return up to two prompts for each kind, chart, file and text, that are understood to the last word.

    A kind that no prompt was found for is left out.
    """
    index = Index(catalog)
    found: dict[str, tuple[str, ...]] = {}
    for kind in _KINDS:
        candidates = dict.fromkeys(_candidates(kind, catalog, index))
        prompts = (prompt for prompt in candidates if _works(prompt, kind, catalog, index))
        if working := tuple(itertools.islice(prompts, _EACH)):
            found[kind] = working
    return found


def _works(prompt: str, kind: Kind, catalog: Catalog, index: Index) -> bool:
    try:
        return not understand(prompt, catalog, kind, index).ignored
    except QuestionNotUnderstood:
        return False


def _candidates(kind: Kind, catalog: Catalog, index: Index) -> list[str]:
    """Return prompts to try, the most telling first."""
    tables = sorted(
        catalog.tables, key=lambda table: (catalog.date_for(table.name) is None, -_weight(table, catalog))
    )
    found: list[str] = []
    for table in tables:
        noun, year = words.plural(table.label), _year(table, catalog)
        if kind == "chart":
            found += _charts(table, noun, catalog, bool(index.find((words.stem("revenue"),))))
        elif kind == "file":
            found += [f"Export {noun} of {year} to Excel"] if year else []
            found += [f"Export {noun} to Excel"]
        else:
            kinds = [c for c in table.categories if c.name.lower() in ("status", "state", "type")]
            found += [
                f"What stands out in {noun} with {c.label} {c.values[1]}?" for c in kinds if len(c.values) > 1
            ]
            found += [f"What stands out in {noun}?"]
            found += (
                [f"What changed in {noun} in {year + 1}?"] if year and _follows(table, year, catalog) else []
            )
    return found


def _charts(table: Table, noun: str, catalog: Catalog, revenue: bool) -> list[str]:
    near = [
        column.label
        for other in sorted(catalog.tables, key=lambda other: catalog.distance(table.name, other.name))
        if (way := catalog.path(table.name, other.name)) is not None and not any(join.many for join in way)
        for column in other.categories
    ]
    dated = catalog.date_for(table.name) is not None
    found = []
    for kind in near[:4]:
        if dated and revenue:
            found.append(f"Monthly revenue by {kind} as a line chart")
        if dated:
            found.append(f"Number of {noun} per month by {kind} as a line chart")
        found.append(f"Number of {noun} by {kind} as a bar chart")
    return [*found, f"Number of {noun} per month"] if dated else found


def _weight(table: Table, catalog: Catalog) -> float:
    """Tables that things happen in come first: many rows, a date of their own, kinds to compare."""
    return (table.date is not None) * 3 + min(len(table.categories), 3) + 0.1 * len(str(table.rows))


def _follows(table: Table, year: int, catalog: Catalog) -> bool:
    """Whether a table has rows of the year after, too."""
    column = catalog.date_for(table.name)
    end = as_date(column.high) if column else None
    return end is not None and end.year > year


def _year(table: Table, catalog: Catalog) -> int | None:
    column = catalog.date_for(table.name)
    end = as_date(column.high) if column else None
    start = as_date(column.low) if column else None
    if not start or not end:
        return None
    return end.year - 1 if start.year < end.year else end.year
