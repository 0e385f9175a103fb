"""Findings: what stands out in the rows of a request, each with its numbers and the SQL that gave them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from . import changes, contrasts, patterns
from .catalog import Catalog
from .compile import compile_spec, query
from .restate import dim_words, measure_words
from .source import Source, read
from .spec import QuerySpec
from .study import Finding, Study, number, percent

MOST = 8

Check = Callable[[Study], Iterator[Finding]]

CHECKS: dict[str, Check] = {
    "size": contrasts.size,
    "rates by group": contrasts.rates,
    "shifts": patterns.rate_shifts,
    "trend and season": patterns.over_time,
    "changing shares": patterns.mix,
    "drivers of change": contrasts.drivers,
    "concentration": contrasts.concentration,
    "missing values": contrasts.missing,
}


def findings(
    spec: QuerySpec,
    catalog: Catalog,
    source: Source,
    progress: Callable[[int, int, str, str], None],
    check: Callable[[], None],
) -> list[Finding]:
    """Return at most eight findings, the answer to a plain question first, then the strongest.

    ``progress`` is called after each of the checks; ``check`` before each query, and may raise to stop.
    """
    answers = [*_answer(spec, catalog, source)] if spec.measures and not spec.compare else []
    study = Study(spec, catalog, source, check)
    checks = changes.checks(study) if spec.compare else CHECKS
    found: list[Finding] = []
    for done, (name, run) in enumerate(checks.items(), 1):
        found += run(study)
        progress(done, len(checks), "checks", f"{name.capitalize()}: {len(found)} findings so far")
    strongest = sorted(found, key=lambda finding: -finding.effect)
    return [*answers, *_varied(strongest)][:MOST]


def _varied(found: list[Finding]) -> list[Finding]:
    """Return the findings without those that say of the same group what a stronger one has said twice."""
    told: dict[str, int] = {}
    kept = []
    for finding in found:
        group = str(finding.values.get("group") or "").rpartition(" ")[2]
        if not group or told.get(group, 0) < 2:
            kept.append(finding)
        told[group] = told.get(group, 0) + 1
    return kept


def _answer(spec: QuerySpec, catalog: Catalog, source: Source) -> Iterator[Finding]:
    """Answer what was asked for itself: one number, or the highest and lowest group."""
    asked = msgspec.structs.replace(spec, order=spec.order or "measure", share=False)
    compiled = query(compile_spec(asked, catalog, source.dialect), source)
    rows: list[dict[str, Any]] = read(source, compiled).to_pylist()
    name = measure_words(spec.measures[0], catalog)
    if rows and not spec.dims:
        value = next(iter(rows[0].values()))
        shown = "none" if value is None else _shown(float(value), spec)
        yield Finding(f"{name}: {shown}.", {"value": value and float(value)}, compiled.sql, 1.0)
        return
    place = len(spec.dims)
    ranked = [list(row.values()) for row in rows if list(row.values())[place] is not None]
    if not ranked:
        return
    if spec.limit and spec.measures[0].agg in ("min", "max"):
        yield _list(name, ranked, place, compiled.sql)
        return
    first, last = ranked[0], ranked[-1]
    kind = " and ".join(dim_words(dim, catalog) for dim in spec.dims)
    what = name[0].lower() + name[1:]
    best, worst = (" / ".join(str(v) for v in row[:place]) for row in (first, last))
    extreme = "highest" if asked.descending else "lowest"
    text = f"{best} has the {extreme} {what}: {_shown(float(first[place]), spec)}"
    if len(ranked) > 1:
        text += (
            f"; {worst} the {'lowest' if asked.descending else 'highest'}: {_shown(float(last[place]), spec)}"
        )
        text += f" ({len(ranked):,} {kind} groups)"
    values = {
        "highest": best,
        "value": float(first[place]),
        "lowest": worst,
        "lowest_value": float(last[place]),
    }
    yield Finding(f"{text}.", values | {"groups": len(ranked)}, compiled.sql, 1.0)


def _list(name: str, ranked: list[list[Any]], place: int, sql: str) -> Finding:
    """Return the ranked things one by one, each with its number or date."""
    things = [(" / ".join(str(v) for v in row[:place]), row[place]) for row in ranked]
    shown = [
        f"{thing} ({number(float(value)) if isinstance(value, int | float) else value})"
        for thing, value in things
    ]
    values = {thing: value if isinstance(value, int | float) else str(value) for thing, value in things}
    return Finding(f"{name}: {', '.join(shown)}.", values, sql, 1.0)


def _shown(value: float, spec: QuerySpec) -> str:
    measure = spec.measures[0]
    return percent(value) if measure.over and measure.agg == "count" else number(value)
