"""Periods of time in words: "in 2023", "since March 2022", "Q1 2024", "last 6 months"."""

from __future__ import annotations

import calendar
import datetime
import re
from dataclasses import dataclass

from .prompt import Prompt

_NAMES = [name.lower() for name in calendar.month_name[1:]]
_MONTHS = {short: n for n, name in enumerate(_NAMES, 1) for short in (name, name[:3])} | {"sept": 9}
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_ORDINALS = {
    "first": 1,
    "1st": 1,
    "second": 2,
    "2nd": 2,
    "third": 3,
    "3rd": 3,
    "fourth": 4,
    "4th": 4,
    "last": 4,
}
_YEAR = r"(?:1[6-9]|20|21)\d\d"
_POINT = (
    rf"(?:\d{{4}}-\d\d-\d\d|{_YEAR}-(?:0[1-9]|1[0-2])"
    rf"|(?:q[1-4]|(?:{'|'.join(_ORDINALS)}) quarter)(?:,? (?:of )?{_YEAR})"
    rf"|{_YEAR}[ -]?q[1-4]|\d\d?(?:st|nd|rd|th)?(?: of)? {_MONTH},? {_YEAR}"
    rf"|{_MONTH} \d\d?(?:st|nd|rd|th)?,? {_YEAR}"
    rf"|{_MONTH},?(?: of)? {_YEAR}|(?:the year )?{_YEAR})"
)
# No part of a longer number, and no number that something is compared with.
_COMPARED = ("over", "than", "above", "under", "below", "least", "most", "exactly", ">", "<", "=")
_BEFORE = r"(?<![\w.,$€£-])" + "".join(f"(?<!{word} )(?<!{word})" for word in _COMPARED)
_AFTER = r"(?![\w%]|[.,]\d)"
_NUMBERS = {
    "a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "twenty": 20, "": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Period:
    """A stretch of time, half-open: from ``start`` to just before ``end``; None = open.

    ``years`` and ``months`` are separate years or months of any year instead. ``last`` counts back from the
    end of the data: (number, unit, whether the present unit is meant, as in "this month").
    """

    start: datetime.date | None = None
    end: datetime.date | None = None
    years: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    last: tuple[int, str, bool] | None = None

    def resolve(self, data_end: datetime.date) -> Period:
        """Return the period with ``last`` replaced by dates, given the last day of the data."""
        if self.last is None:
            return self
        number, unit, present = self.last
        if present:
            start = floor(data_end, unit)
            return Period(start, shift(start, unit, 1))
        if number == 1 and unit in ("month", "quarter", "year"):
            # "Last year" is the last whole one; data that ends with the year has it in full.
            end = floor(data_end + datetime.timedelta(days=1), unit)
            return Period(shift(end, unit, -1), end)
        end = data_end + datetime.timedelta(days=1)
        return Period(shift(end, unit, -number), end)


def take_period(prompt: Prompt) -> Period | None:
    """Take the period out of a prompt; None when it names none."""
    for attempt in (_take_last, _take_between, _take_years, _take_open, _take_point, _take_part_of_year):
        found = attempt(prompt)
        if found:
            return found
    return None


def _take_last(prompt: Prompt) -> Period | None:
    number = "|".join(word for word in _NUMBERS if word)
    match = prompt.take(
        r"\b(?:(?:in|for|during|over|of|from|within)\s+)?(?:the\s+)?(last|past|previous|this|current|recent)\s+"
        rf"(?:(\d+|{number})\s+)?(year|quarter|month|week|day)s?\b"
    )
    if not match:
        return None
    count = int(match[2]) if (match[2] or "").isdigit() else _NUMBERS[match[2] or ""]
    return Period(last=(count, match[3], match[1] in ("this", "current")))


def _take_between(prompt: Prompt) -> Period | None:
    end = rf"\s*(?:to|and|until|till|through|-|–|—)\s*(?P<b>{_POINT}){_AFTER}"
    match = prompt.take(
        rf"\b(?:between|from|in|during|for)\s+(?:the\s+(?:years|period)\s+)?(?:from\s+)?(?P<a>{_POINT}|{_MONTH}|q[1-4]){end}"
    )
    if match and not (match[0].startswith(("in", "for", "during")) and " and " in match[0]):
        first = match["a"]
        last = _span(match["b"])
        if not re.search(_YEAR, first):
            first = f"{first} {last[0].year}"
        return Period(_span(first)[0], last[1])
    if match:
        # "in 2022 and 2023" names two years; give the text back to the rule for years.
        prompt.rest = prompt.rest[: match.start()] + match[0] + prompt.rest[match.end() :]
    match = prompt.take(rf"{_BEFORE}({_YEAR})\s*(?:to|until|through|-|–|—)\s*({_YEAR}){_AFTER}")
    return Period(_span(match[1])[0], _span(match[2])[1]) if match else None


def _take_years(prompt: Prompt) -> Period | None:
    match = prompt.take(
        rf"(?:\b(?:in|of|for|during|from|between|years?)\s+)*{_BEFORE}({_YEAR}(?:\s*(?:,|and|or|vs\.?|versus|with|to|&)\s*"
        rf"(?:and\s+|in\s+)?{_YEAR})+){_AFTER}"
    )
    return Period(years=tuple(sorted({int(year) for year in re.findall(_YEAR, match[1])}))) if match else None


def _take_open(prompt: Prompt) -> Period | None:
    match = prompt.take(
        r"\b(since|starting(?: (?:in|from))?|after|before|prior to|until|till|up to|through|later than"
        r"|earlier than)\s+"
        rf"(?:the end of\s+)?({_POINT}){_AFTER}"
    ) or prompt.take(rf"\b(from)\s+({_POINT})\s+(?:on|onwards?|onward)\b")
    if not match:
        return None
    start, end = _span(match[2])
    if match[1] in ("after", "later than"):
        return Period(start=end)
    if match[1] in ("before", "prior to", "earlier than"):
        return Period(end=start)
    return Period(end=end) if match[1] in ("until", "till", "up to", "through") else Period(start=start)


def _take_point(prompt: Prompt) -> Period | None:
    match = prompt.take(
        rf"(?:\b(?:in|of|for|during|on|from|within|throughout)\s+(?:the\s+)?)?{_BEFORE}({_POINT}){_AFTER}(?:'s)?"
    )
    return Period(*_span(match[1])) if match else None


def _take_part_of_year(prompt: Prompt) -> Period | None:
    match = prompt.take(rf"\b(?:in|during|for|every)\s+({_MONTH}|q[1-4])\b")
    if not match:
        return None
    if match[1].startswith("q"):
        first = 3 * int(match[1][1]) - 2
        return Period(months=(first, first + 1, first + 2))
    return Period(months=(_month(match[1]),))


def _span(point: str) -> tuple[datetime.date, datetime.date]:
    """Return the first day of a named point in time, and the first day after it."""
    if match := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", point):
        return _days(int(match[1]), int(match[2]), int(match[3]))
    year = int(re.findall(_YEAR, point)[-1])
    if match := re.search(r"q([1-4])|(\w+) quarter", point):
        number = int(match[1] or _ORDINALS[match[2]])
        start = datetime.date(year, 3 * number - 2, 1)
        return start, shift(start, "quarter", 1)
    if match := re.fullmatch(rf"{_YEAR}-(\d\d)", point):
        start = datetime.date(year, int(match[1]), 1)
        return start, shift(start, "month", 1)
    if match := re.search(_MONTH, point):
        month = _month(match[0])
        if day := re.search(r"\b(\d\d?)(?!\d)", point.replace(str(year), "")):
            return _days(year, month, int(day[1]))
        start = datetime.date(year, month, 1)
        return start, shift(start, "month", 1)
    return datetime.date(year, 1, 1), datetime.date(year + 1, 1, 1)


def _days(year: int, month: int, day: int) -> tuple[datetime.date, datetime.date]:
    """Return a day and the next; a day that does not exist is the month's last."""
    month = min(max(month, 1), 12)
    start = datetime.date(year, month, min(max(day, 1), calendar.monthrange(year, month)[1]))
    return start, start + datetime.timedelta(days=1)


def _month(name: str) -> int:
    return _MONTHS.get(name) or _MONTHS[name[:3]]


def floor(day: datetime.date, unit: str) -> datetime.date:
    """Return the first day of the year, quarter, month, week or day that holds a day."""
    if unit == "year":
        return day.replace(month=1, day=1)
    if unit == "quarter":
        return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)
    if unit == "month":
        return day.replace(day=1)
    return day - datetime.timedelta(days=day.weekday()) if unit == "week" else day


def shift(day: datetime.date, unit: str, number: int) -> datetime.date:
    """Return the day a number of units later (or earlier, when negative)."""
    if unit in ("day", "week"):
        return day + datetime.timedelta(days=number * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 + number * {"month": 1, "quarter": 3, "year": 12}[unit]
    year, month = divmod(months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
