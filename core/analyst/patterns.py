"""Checks along time: trends, seasons, changes of level, single periods that stand out."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import stats
from .catalog import Column
from .restate import dim_words
from .spec import Dim
from .study import Finding, Study, number, percent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_CHANCE = 0.001


def over_time(study: Study) -> Iterator[Finding]:
    """Tell trend, season, shift and outliers of the number under study."""
    periods = study.periods()
    if len(periods) < 12:
        return
    rows, sql = study.ask((study.time(),), (study.focused,))
    series = _series(periods, rows)
    if not series.any():
        return
    yield from _trend(study, periods, series, sql)
    if study.grain == "month" and len(periods) >= 24:
        yield from _season(study, periods, series, sql)
    yield from _outliers(study, periods, series, sql)


def _series(
    periods: list[datetime.date], rows: list[tuple[Any, ...]], place: int = 1
) -> npt.NDArray[np.float64]:
    import numpy as np

    known = {row[0]: float(row[place] or 0) for row in rows}
    return np.array([known.get(period, 0.0) for period in periods])


def _trend(study: Study, periods: list[datetime.date], series: Any, sql: str) -> Iterator[Finding]:
    line = stats.trend(series)
    end = line.start + line.slope * (len(series) - 1)
    base = max(abs(line.start), 0.05 * abs(float(series.mean())))
    change = (end - line.start) / base
    # Within one year, a season looks like a trend.
    if line.p > _CHANCE or abs(change) < 0.1 or periods[-1] - periods[0] < datetime.timedelta(700):
        return
    per = f"a {study.grain}"
    text = (
        f"The {study.about} {'rises' if change > 0 else 'falls'} steadily: from about {number(line.start)} "
        f"to about {number(end)} {per} between {study.when(periods[0])} and {study.when(periods[-1])} "
        f"({change:+.0%})."
    )
    values = {"start": line.start, "end": end, "slope": line.slope, "change": change, "p": line.p}
    yield Finding(text, values, sql, min(0.35 + 0.25 * min(abs(change), 1.5), 0.7))


def _season(study: Study, periods: list[datetime.date], series: Any, sql: str) -> Iterator[Finding]:
    import numpy as np

    explained, effects = stats.season(series, np.array([period.month for period in periods]))
    high, low = max(effects, key=effects.__getitem__), min(effects, key=effects.__getitem__)
    swing = (effects[high] - effects[low]) / max(abs(float(series.mean())), 1e-9)
    if explained < 0.4 or swing < 0.15:
        return
    mean = float(series.mean())
    text = (
        f"The {study.about} follows the year: {calendar.month_name[high]} is usually "
        f"{percent(effects[high] / mean)} above and {calendar.month_name[low]} "
        f"{percent(-effects[low] / mean)} below the average month."
    )
    values = {
        "explained": explained,
        "high": high,
        "low": low,
        "effects": {str(k): v for k, v in effects.items()},
    }
    yield Finding(text, values, sql, min(0.25 + 0.35 * min(swing, 1) * explained, 0.65))


def _outliers(study: Study, periods: list[datetime.date], series: Any, sql: str) -> Iterator[Finding]:
    import numpy as np

    found = stats.outliers(series, np.array([period.month for period in periods]))
    if not found or len(found) > len(periods) // 8:
        return  # nothing, or so many that the pattern is another one
    place, usual = found[0]
    value = float(series[place])
    if abs(value - usual) < 0.15 * abs(usual):
        return
    when = study.when(periods[place])
    others = f" ({len(found) - 1} more such)" if len(found) > 1 else ""
    text = (
        f"{when[0].upper()}{when[1:]} stands out: the {study.about} is "
        f"{number(value)}, where about {number(usual)} is usual{others}."
    )
    values = {"period": periods[place].isoformat(), "value": value, "usual": usual, "outliers": len(found)}
    yield Finding(text, values, sql, min(0.3 + 0.3 * abs(value - usual) / max(abs(usual), 1e-9), 0.8))


def rate_shifts(study: Study) -> Iterator[Finding]:
    """Tell when the rate of focus changed for good: for all rows, and for the group that changed most."""
    periods = study.periods()
    if study.focus is None or len(periods) < 12:
        return
    rows, sql = study.ask((study.time(),), (study.rows, study.focused))
    yield from _shift(study, periods, _ratio(_series(periods, rows, 2), _series(periods, rows, 1)), "", sql)
    best: tuple[float, Column, str, Any, str] | None = None
    for column in study.kinds():
        rows, sql = study.ask((study.time(), Dim(column.ref)), (study.rows, study.focused))
        for name in {row[1] for row in rows if row[1] is not None}:
            own = [(row[0], row[2], row[3]) for row in rows if row[1] == name]
            if sum(row[1] for row in own) < 30 * len(periods):
                continue
            series = _ratio(_series(periods, own, 2), _series(periods, own, 1))
            found = stats.shift(series)
            if found and found.explains > 0.6:
                moved = abs(found.after - found.before)
                if best is None or moved > best[0]:
                    best = (moved, column, str(name), series, sql)
    if best:
        _, column, name, series, sql = best
        yield from _shift(
            study, periods, series, f" for {dim_words(Dim(column.ref), study.catalog)} {name}", sql
        )


def _ratio(part: Any, whole: Any) -> Any:
    import numpy as np

    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _shift(
    study: Study, periods: list[datetime.date], series: Any, which: str, sql: str
) -> Iterator[Finding]:
    found = stats.shift(series)
    if found is None or found.explains < 0.6:
        return
    moved = found.after - found.before
    if abs(moved) < max(0.01, 0.25 * found.before):
        return
    text = (
        f"Since {study.when(periods[found.place])}, the {study.rate}{which} is {percent(found.after)}; "
        f"before, it was {percent(found.before)}."
    )
    values = {
        "since": periods[found.place].isoformat(), "before": found.before, "after": found.after,
        "explains": found.explains, "group": which.removeprefix(" for "),
    }  # fmt: skip
    yield Finding(text, values, sql, min(0.6 + abs(moved), 0.98))


def mix(study: Study) -> Iterator[Finding]:
    """Tell which group's share of the number changed most from the first whole year to the last."""
    whole = study.periods()
    if (
        study.grain != "month"
        or len(whole) < 24
        or study.measure.over
        or study.measure.agg not in ("sum", "count")
    ):
        return
    first, last = whole[:12], whole[-12:]
    for column in study.kinds():
        if any(join.many for join in study.catalog.path(study.base.name, column.table) or ()):
            continue
        rows, sql = study.ask((study.time(), Dim(column.ref)), (study.focused,))
        shares = [_shares(rows, set(part)) for part in (first, last)]
        moves = {
            name: shares[1].get(name, 0) - shares[0].get(name, 0)
            for name in shares[0].keys() | shares[1].keys()
        }
        name = max(moves, key=lambda group: abs(moves[group]), default=None)
        if name is None or abs(moves[name]) < 0.05:
            continue
        was, now = shares[0].get(name, 0), shares[1].get(name, 0)
        text = (
            f"The share of {column.label} {name} in the {study.things} went from {percent(was)} "
            f"in the first 12 months to {percent(now)} in the last 12."
        )
        values = {"column": column.label, "group": str(name), "before": was, "after": now}
        yield Finding(text, values, sql, min(0.3 + 1.5 * abs(moves[name]), 0.85))


def _shares(rows: list[tuple[Any, ...]], periods: set[datetime.date]) -> dict[Any, float]:
    sums: dict[Any, float] = {}
    for period, name, value in rows:
        if period in periods and name is not None:
            sums[name] = sums.get(name, 0) + float(value or 0)
    total = sum(sums.values())
    return {name: value / total for name, value in sums.items()} if total else {}
