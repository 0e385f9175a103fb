"""Checks between groups: who differs from the rest, who holds most, who drives a change, what is missing."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from typing import Any

from . import words
from .catalog import Column, as_date
from .periods import shift
from .restate import dim_words, period_words
from .spec import Dim, Filter
from .study import Finding, Study, number, percent, points

_SURE = 4.0  # standard deviations: with some hundred groups compared, chance alone stays below


def size(study: Study) -> Iterator[Finding]:
    """Tell how many rows are in focus."""
    if study.focus is None:
        return
    rows, sql = study.ask((), (study.rows, study.focused))
    everything, found = rows[0]
    if everything:
        part = percent(found / everything)
        text = f"{found:,} of {everything:,} {words.plural(study.base.label)} ({part}) have {_focus(study)}."
        yield Finding(text, {"rows": found, "of": everything, "share": found / everything}, sql, 1.0)


def _focus(study: Study) -> str:
    if study.focus is None:
        return ""
    column = study.catalog.column(study.focus.column)
    return f"{column.label} {words.listed([str(v) for v in study.focus.values], 'or')}"


def rates(study: Study) -> Iterator[Finding]:
    """Tell, for each kind, the group whose rate of focus differs most from the others'."""
    if study.focus is None:
        return
    for column in study.kinds():
        rows, sql = study.ask((Dim(column.ref),), (study.rows, study.focused))
        groups = [(str(name), n, k) for name, n, k in rows if name is not None and n >= 30]
        everything, found = sum(n for _, n, _ in groups), sum(k for _, _, k in groups)
        if len(groups) < 2 or not 0 < found < everything:
            continue
        yield from _odd_rate(study, column, groups, sql)


def _odd_rate(
    study: Study, column: Column, groups: list[tuple[str, int, int]], sql: str
) -> Iterator[Finding]:
    everything, found = sum(n for _, n, _ in groups), sum(k for _, _, k in groups)

    def excess(group: tuple[str, int, int]) -> float:
        _, n, k = group
        others = (found - k) / max(everything - n, 1)
        return k - n * others

    name, n, k = max(groups, key=lambda group: abs(excess(group)))
    others = (found - k) / max(everything - n, 1)
    spread = math.sqrt(max(others * (1 - others), 1e-9) / n)
    if abs(k / n - others) / spread < _SURE or abs(k / n - others) < 0.15 * others:
        return
    ratio = (k / n) / others if others else float("inf")
    compared = (
        f"{ratio:.1f} times"
        if ratio >= 1.5
        else f"{points(abs(k / n - others))} {'above' if k / n > others else 'below'}"
    )
    kind = dim_words(Dim(column.ref), study.catalog)
    text = (
        f"The {study.rate} is {percent(k / n)} for {kind} {name}, {compared} "
        f"the {percent(others)} of the others ({k:,} of {n:,} {words.plural(study.base.label)})."
    )
    values = {"column": column.label, "group": name, "rate": k / n, "others": others, "rows": n, "found": k}
    yield Finding(text, values, sql, min(abs(excess((name, n, k))) / max(found, 1) + 0.25, 0.95))


def concentration(study: Study) -> Iterator[Finding]:
    """Tell when a few of many named things (products, customers) make up much of the number."""
    if study.measure.agg not in ("sum", "count") or study.measure.over:
        return
    for table in study.catalog.tables:
        way = study.catalog.path(study.base.name, table.name)
        if not way or any(join.many for join in way) or table.primary_key is None or table.rows < 30:
            continue
        rows, sql = study.ask(
            (Dim(study.catalog.table(table.name).column(table.primary_key).ref),), (study.focused,)
        )
        amounts = sorted((float(row[1] or 0) for row in rows), reverse=True)
        total, few = sum(amounts), max(1, round(len(amounts) * 0.1))
        share = sum(amounts[:few]) / total if total > 0 else 0
        if share >= 0.35 and len(amounts) >= 30:
            things = words.plural(table.label)
            tenth = f"A tenth of the {things} ({few:,} of {len(amounts):,})"
            text = f"{tenth} accounts for {percent(share)} of the {study.things}."
            values = {"table": table.label, "top": few, "of": len(amounts), "share": share}
            yield Finding(text, values, sql, min(share * 0.6, 0.5))


def drivers(study: Study) -> Iterator[Finding]:
    """Tell which group, of all kinds, accounts for most of the change against the year before."""
    windows = _windows(study)
    if windows is None or study.measure.over or study.measure.agg not in ("sum", "count"):
        return
    before, after, named = windows
    found: list[Finding] = []
    for column in study.kinds():
        # A kind whose groups overlap (an order with items of two categories) does not add up to the whole.
        if any(join.many for join in study.catalog.path(study.base.name, column.table) or ()):
            continue
        old, _ = study.ask((Dim(column.ref),), (study.focused,), (before,))
        new, sql = study.ask((Dim(column.ref),), (study.focused,), (after,))
        found += _driver(study, column, (dict(old), dict(new)), named, sql)
    yield from sorted(found, key=lambda finding: -finding.effect)[:1]


def _windows(study: Study) -> tuple[Filter, Filter, str] | None:
    """Return filters for two years that follow each other, and the later one's name; None without.

    The year of the request, where it names one (or less than one), else the last twelve months of the data.
    """
    if study.date is None or study.grain not in ("month", "week"):
        return None
    low, high = study.span()
    end = high + datetime.timedelta(days=1)
    start = shift(end, "year", -1)
    first = as_date(study.date.low)
    named = "in the last 12 months"
    if low > start or (low == start and any(f.op == "during" for f in study.filters)):
        start, named = low, period_words(low, end)
    if first is None or shift(start, "year", -1) < first:
        return None
    span = [(shift(day, "year", -1).isoformat(), day.isoformat()) for day in (start, end)]
    before = Filter(study.date.ref, "during", (span[0][0], span[1][0]))
    return before, Filter(study.date.ref, "during", (span[0][1], span[1][1])), named


def _driver(
    study: Study, column: Column, parts: tuple[dict[Any, Any], dict[Any, Any]], named: str, sql: str
) -> Iterator[Finding]:
    """Tell the group that moves clearly more than its size in the year before explains, if there is one."""
    old, new = parts
    was, now = (sum(float(value or 0) for value in part.values()) for part in parts)
    moves = {name: float(new.get(name) or 0) - float(old.get(name) or 0) for name in old.keys() | new.keys()}
    change = now - was
    if not was or abs(change) < 0.03 * was:
        return
    name = max(moves, key=lambda group: moves[group] / change)
    part, usual = moves[name] / change, float(old.get(name) or 0) / was
    if part < usual + 0.2:
        return
    verb = "rose" if change > 0 else "fell"
    alone = f"accounts for {percent(part)} of that" if part <= 1 else f"{verb} by {number(abs(moves[name]))}"
    text = (
        f"The {study.about} {verb} {named} by {number(abs(change))} ({percent(abs(change) / was)}) "
        f"to {number(now)}, against a year before; {column.label} {name} alone {alone}."
    )
    values = {
        "column": column.label,
        "group": str(name),
        "change": change,
        "before": was,
        "after": now,
        "part": part,
    }
    yield Finding(text, values, sql, min(0.3 + 0.4 * (part - usual) * min(abs(change) / was * 4, 1), 0.9))


def missing(study: Study) -> Iterator[Finding]:
    """Tell which columns of the base lack values."""
    for column in study.base.columns:
        share = column.nulls / study.base.rows if study.base.rows else 0
        if 0.01 <= share < 1:
            rows, sql = study.ask((), (study.rows,), (Filter(column.ref, "is null"),))
            things = words.plural(study.base.label)
            text = f"{column.label.capitalize()} is missing in {rows[0][0]:,} {things} ({percent(share)})."
            yield Finding(
                text, {"column": column.label, "missing": rows[0][0], "share": share}, sql, 0.15 + 0.3 * share
            )
