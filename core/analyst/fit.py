"""Fitting: what a chart cannot show at once is brought together in the database, never cut off silently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from .catalog import Catalog
from .restate import dim_words
from .spec import Dim, Filter, Grain, Measure, QuerySpec

MARKS = 5_000
SERIES = 10
BARS = 40
_COARSER: dict[Grain, Grain] = {
    "hour": "day",
    "day": "week",
    "week": "month",
    "month": "quarter",
    "quarter": "year",
}
_GRID = (60, 40)

Ask = Callable[[QuerySpec], list[tuple[Any, ...]]]
"""Runs a spec and returns its rows."""


def fit(
    spec: QuerySpec, catalog: Catalog, ask: Ask, count: Callable[[QuerySpec], int]
) -> tuple[QuerySpec, list[str]]:
    """Return the spec changed so that a chart can show it, and what was changed, in words.

    ``count`` returns how many rows a spec gives.
    """
    if spec.chart == "scatter" and not spec.dims:
        return _as_grid(spec, count)
    notes: list[str] = []
    for place, most in ((1, SERIES), (0, BARS)):
        if place < len(spec.dims) and not spec.limit:
            spec, note = _biggest(spec, catalog, ask, place, most)
            notes += note
    while count(spec) > MARKS:
        dim = next((d for d in spec.dims if d.grain in _COARSER), None)
        if dim is None:
            spec = msgspec.structs.replace(spec, limit=MARKS, order=spec.order or "measure")
            notes.append(f"Only the {MARKS:,} highest are shown.")
            break
        coarser = msgspec.structs.replace(dim, grain=_COARSER[dim.grain])  # type: ignore[index]
        spec = msgspec.structs.replace(spec, dims=tuple(coarser if d is dim else d for d in spec.dims))
        notes.append(f"By {coarser.grain} instead of {dim.grain}: more than {MARKS:,} points otherwise.")
    return spec, notes


def _biggest(
    spec: QuerySpec, catalog: Catalog, ask: Ask, place: int, most: int
) -> tuple[QuerySpec, list[str]]:
    """Keep the biggest groups of a dimension that has too many to tell apart."""
    dim = spec.dims[place]
    column = catalog.column(dim.column)
    if dim.grain or dim.bins or column.distinct <= most or column.is_year or not spec.measures:
        return spec, []
    ranking = msgspec.structs.replace(
        spec, dims=(dim,), order="measure", descending=True, limit=most, share=False
    )
    ranking = msgspec.structs.replace(ranking, measures=spec.measures[:1], having=())
    if len(spec.dims) == 1:
        order = spec.order or "measure"
        return (
            msgspec.structs.replace(spec, limit=most, order=order),
            [f"The {most} {'highest' if spec.descending else 'lowest'} of {column.distinct:,} are shown."],
        )
    values = tuple(row[0] for row in ask(ranking))
    kept = Filter(dim.column, "in", values)
    note = f"The {most} biggest of {column.distinct:,} are shown ({dim_words(dim, catalog)})."
    return msgspec.structs.replace(spec, filters=(*spec.filters, kept)), [note]


def _as_grid(spec: QuerySpec, count: Callable[[QuerySpec], int]) -> tuple[QuerySpec, list[str]]:
    number = count(spec)
    if number <= MARKS:
        return spec, []
    dims = tuple(Dim(ref, bins=bins) for ref, bins in zip(spec.columns, _GRID, strict=True))
    rows = Measure("count", label="rows")
    note = f"{number:,} points, brought together in a grid: the bigger, the more."
    return msgspec.structs.replace(spec, dims=dims, columns=(), measures=(rows,)), [note]
