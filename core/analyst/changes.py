"""What changed: a period against the one before and the same a year before, as a whole and by each kind."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from .catalog import Column, as_date
from .periods import floor, shift
from .restate import dim_words, period_words
from .spec import Dim, Filter, Measure
from .study import Finding, Study, number, percent, points

_TOLD = 3  # groups of a kind that are told in words; the values have all of them
_KEPT = 40


@dataclass(frozen=True)
class Window:
    """A stretch of time, half-open, and what it is to the period under study."""

    role: str
    start: datetime.date
    end: datetime.date

    @property
    def when(self) -> str:
        """Its name: ``in March 2024``, ``in Q1 2024``, ``in the time from 2024-03-01 to 2024-03-12``."""
        quarter = floor(self.start, "quarter")
        if (self.start, self.end) == (quarter, shift(quarter, "quarter", 1)):
            return f"in Q{quarter.month // 3 + 1} {quarter.year}"
        words = period_words(self.start, self.end)
        return f"in the time {words}" if words.startswith("from") else words


def checks(study: Study) -> dict[str, Callable[[Study], Iterator[Finding]]]:
    """Return what to look into, by name: the whole, then the kinds that the request names, or all."""
    kinds = study.named or study.kinds()
    by_kind = {f"by {_kind(study, column)}": partial(_by_kind, column=column) for column in kinds}
    return {"the whole": _whole, **(by_kind if len(windows(study)) > 1 else {})}


def windows(study: Study) -> list[Window]:
    """Return the period under study, the one before and the same a year before, as far as data goes back.

    A period that the data ends in is compared with as many days. Of two whole years, the second is compared
    with the first.
    """
    during = next(f for f in study.filters if f.op == "during" and study.date and f.column == study.date.ref)
    start, end = (as_date(value) for value in during.values)
    first, last = study.known()
    if start is None:
        return []
    ended = last + datetime.timedelta(days=1)
    unit, length = _unit(start, end or ended)
    if (unit, length) == ("year", 2):
        start, length = shift(start, "year", 1), 1
    now = Window("value", start, min(end or ended, ended))
    found = [now]
    for role, by, times in (("before", unit, length), ("year_before", "year", 1)):
        other = Window(role, shift(now.start, by, -times), shift(now.end, by, -times))
        if other.start >= first and other.start != found[-1].start:
            found.append(other)
    return found


def _unit(start: datetime.date, end: datetime.date) -> tuple[str, int]:
    """Return a stretch of time as a number of years, months or days."""
    if start.day == end.day == 1:
        months = 12 * (end.year - start.year) + end.month - start.month
        return ("year", months // 12) if start.month == end.month else ("month", months)
    return "day", (end - start).days


def _numbers(study: Study, all_windows: list[Window]) -> tuple[list[Measure], Filter]:
    """Return the number under study once for each window, and a filter that lets all of them in."""
    ref = study.time("day").column

    def during(window: Window) -> Filter:
        return Filter(ref, "during", (window.start.isoformat(), window.end.isoformat()))

    whole = Window("", min(w.start for w in all_windows), max(w.end for w in all_windows))
    return [_restricted(study.focused, during(window)) for window in all_windows], during(whole)


def _restricted(measure: Measure, condition: Filter) -> Measure:
    over = _restricted(measure.over, condition) if measure.over else None
    return msgspec.structs.replace(measure, where=(*measure.where, condition), over=over)


def _whole(study: Study) -> Iterator[Finding]:
    found = windows(study)
    if not found:
        return
    numbers, whole = _numbers(study, found)
    rows, sql = study.ask((), numbers, (whole,))
    values = {window.role: float(value or 0) for window, value in zip(found, rows[0], strict=True)}
    now = values["value"]
    told = [_against(study, now, values[window.role], window) for window in found[1:]]
    nothing = f"the data begins on {study.known()[0]}, so there is nothing to compare it with"
    compared = ", and ".join(told) or nothing
    when = found[0].when
    text = f"{when[0].upper()}{when[1:]} the {study.about} was {_shown(study, now)}: {compared}."
    yield Finding(text, {"period": when, **values}, sql, 1.0)


def _against(study: Study, now: float, before: float, window: Window) -> str:
    move = now - before
    if not move:
        return f"the same as {window.when}"
    part = f" ({percent(abs(move) / abs(before))})" if before and not study.is_rate else ""
    more = "more" if move > 0 else "less"
    return f"{_moved(study, move)}{part} {more} than {window.when} ({_shown(study, before)})"


def _by_kind(study: Study, column: Column) -> Iterator[Finding]:
    """Tell which groups moved most against the period before."""
    found = windows(study)
    numbers, whole = _numbers(study, found)
    rows, sql = study.ask((Dim(column.ref),), numbers, (whole,))
    groups = [
        {"group": str(name)} | {w.role: float(v or 0) for w, v in zip(found, parts, strict=True)}
        for name, *parts in rows
        if name is not None
    ]
    groups.sort(key=lambda group: -abs(_move(group, found[1])))
    if not groups or not _move(groups[0], found[1]):
        return
    then = "; then " if len(groups) > 1 else ""
    others = ", ".join(_told(study, group, found[1]) for group in groups[1:_TOLD])
    text = (
        f"By {_kind(study, column)}, {_told(study, groups[0], found[1])} moved most against "
        f"{found[1].when.removeprefix('in ')}{then}{others}."
    )
    values = {"column": column.label, "group": groups[0]["group"], "groups": groups[:_KEPT]}
    yield Finding(text, values, sql, _weight(groups, found[1]))


def _kind(study: Study, column: Column) -> str:
    return dim_words(Dim(column.ref), study.catalog)


def _move(group: dict[str, Any], window: Window) -> float:
    return float(group["value"] - group[window.role])


def _told(study: Study, group: dict[str, Any], window: Window) -> str:
    move, before = _move(group, window), group[window.role]
    sign = "+" if move >= 0 else "−"
    part = f", {sign}{percent(abs(move) / abs(before))}" if before and not study.is_rate else ""
    return f"{group['group']} ({sign}{_moved(study, move)}{part}, to {_shown(study, group['value'])})"


def _shown(study: Study, value: float) -> str:
    return percent(value) if study.is_rate else number(value)


def _moved(study: Study, move: float) -> str:
    return points(abs(move)) if study.is_rate else number(abs(move))


def _weight(groups: list[dict[str, Any]], window: Window) -> float:
    """Return more for a kind whose groups move apart than for one whose groups move alike."""
    was = float(sum(abs(group[window.role]) for group in groups)) or 1.0
    change = sum(_move(group, window) for group in groups) / was
    apart: float = sum(abs(_move(group, window) - change * group[window.role]) for group in groups) / was
    return float(min(0.3 + apart, 0.95))
