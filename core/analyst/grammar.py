"""Clauses that mean the same on every database: chart type, format, top-N, grain, order, comparisons."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from .prompt import Prompt
from .spec import Chart, Format, Grain, Operator

_NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "fifty": 50, "hundred": 100,
}  # fmt: skip

_CHARTS: dict[str, Chart] = {
    "line": "line", "bar": "bar", "column": "bar", "pie": "pie", "donut": "pie", "doughnut": "pie",
    "scatter": "scatter", "area": "area", "histogram": "histogram", "time series": "line", "heat": "heatmap",
}  # fmt: skip

_FORMATS: dict[str, Format] = {
    "excel": "xlsx", "xlsx": "xlsx", "spreadsheet": "xlsx", "workbook": "xlsx",
    "csv": "csv", "parquet": "parquet", "json": "json",
}  # fmt: skip

_ADVERBS: dict[str, Grain] = {
    "yearly": "year", "annual": "year", "annually": "year", "quarterly": "quarter", "monthly": "month",
    "weekly": "week", "daily": "day", "hourly": "hour",
}  # fmt: skip

_OPERATORS: dict[Operator, str] = {
    ">=": r"at least|no less than|not less than|minimum of|>=|from",
    "<=": r"at most|no more than|not more than|up to|maximum of|<=",
    ">": r"(?:more|greater|higher|larger|bigger|older|longer) than|over|above|exceed(?:s|ing)?|>",
    "<": r"(?:less|fewer|lower|smaller|cheaper|younger|shorter) than|under|below|<",
    "!=": r"not equal to|different from|!=|<>",
    "=": r"exactly|equals?(?: to)?|=",
}

_AMOUNT = (
    rf"[$€£]?\s?(\d[\d,]*(?:\.\d+)?|{'|'.join(_NUMBER_WORDS)})\s?(k|m|thousand|million)?\b"
    r"(?:\s?(?:%|percent|dollars?|euros?|usd|eur|€|\$))?"
)


@dataclass(frozen=True)
class Comparison:
    """A comparison with a number, not yet of a column, and where it stands in the prompt."""

    op: Operator
    values: tuple[float, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Top:
    """So many of the highest or lowest, and where the words that follow begin."""

    count: int
    descending: bool
    end: int


def take_chart(prompt: Prompt, kind_of: Callable[[str], str]) -> Chart | None:
    """Take out the chart type and its words; words such as ``plot`` alone are left.

    ``kind_of`` says what a word is in the database: where it has lines, "line of products" names no chart.
    """
    names, noun = "|".join(_CHARTS), r"[\s-]?(?:charts?|graphs?|plots?|diagrams?|maps?)"
    lead = r"\b(?:(?:as|in|with|using|into|on)\s+)?(?:(?:an?|the)\s+)?"
    kind = r"(?:(?:stacked|grouped|clustered|horizontal|vertical|simple|side[ -]by[ -]side)\s+)"
    if found := prompt.take(rf"{lead}{kind}*({names}){noun}\b"):
        return _CHARTS[found[1]]
    for pattern in (
        r"\b(histogram|scatter)s?\b(?: of\b)?",
        rf"\b(?:as|with|using)\s+(?:an?\s+)?{kind}*({names})s?\b",
        rf"{lead}{kind}+({names})s?\b",
        rf"^\W*(?:(?:show|draw|plot|give|make|create|me|us|an?|the)\s+)*({names})s?\s+(?:of|for|with)\b",
        rf"[,;:]\s*({names})s?\W*$",
    ):
        match = re.search(pattern, prompt.rest)
        if match and not kind_of(match[1]):
            prompt.cross_out(*match.span())
            return _CHARTS[match[1]]
    return None


def take_format(prompt: Prompt) -> Format | None:
    """Take out the file format and its words."""
    found = prompt.take(
        rf"\b(?:(?:as|to|in|into|for)\s+)?(?:(?:a|an|the)\s+)?\.?({'|'.join(_FORMATS)})(?:\s+(?:files?|sheets?|format|workbook))*\b"
    )
    return _FORMATS[found[1]] if found else None


def take_top(prompt: Prompt) -> Top | None:
    """Take out "top 10", "the five best", "bottom 3", "10 most expensive"; "best" alone means ten."""
    number = rf"(\d+|{'|'.join(_NUMBER_WORDS)})"
    high, low = r"top|best|leading|highest|largest|biggest|most", r"bottom|worst|lowest|smallest|least"
    for pattern, groups in (
        (rf"\b(?:the\s+)?(?:({high})|({low}))[\s-]+{number}\b(?!\s*(?:%|percent))", (1, 2, 3)),
        (rf"\b(?:the\s+)?{number}\s+(?:({high})|({low}))\b", (2, 3, 1)),
        (r"\b(?:the\s+)?(?:(top|best)|(bottom|worst))\b", (1, 2, 0)),
    ):
        if match := prompt.take(pattern):
            text = match[groups[2]] if groups[2] else "10"
            count = int(text) if text.isdigit() else _NUMBER_WORDS[text]
            return Top(max(count, 1), match[groups[0]] is not None, match.end())
    return None


@dataclass(frozen=True)
class Quality:
    """What a superlative is about: price, date or size; and its word."""

    name: Literal["price", "date", "size"]
    word: str


_QUALITIES: tuple[tuple[Literal["price", "date", "size"], bool, str], ...] = (
    ("price", False, r"cheapest|least expensive|most affordable|lowest[ -]priced?"),
    ("price", True, r"(?:most )?expensive|priciest|dearest|costliest|most costly|highest[ -]priced?"),
    ("date", True, r"newest|latest|most recent|youngest"),
    ("date", False, r"oldest|earliest"),
    ("size", True, r"largest|biggest"),
    ("size", False, r"smallest"),
)


def take_quality(prompt: Prompt, kind_of: Callable[[str], str]) -> tuple[Quality, Top] | None:
    """Take out "the 20 most expensive", "newest", "5 largest"; without a number, ten are meant.

    "Largest" has to be said of a table's rows; "largest price" asks for a number. ``kind_of`` says what a
    word is in the database.
    """
    number = rf"(\d+|{'|'.join(_NUMBER_WORDS)})"
    for name, descending, quality in _QUALITIES:
        match = re.search(
            rf"\b(?:the )?(?:top )?(?:{number} )?({quality})(?: {number})?\b(?!\s+than)(?=\W*(\w*))",
            prompt.rest,
        )
        if match and not kind_of(match[2]) and (name != "size" or kind_of(match[4]) == "table"):
            prompt.cross_out(match.start(), match.end())
            text = match[1] or match[3] or "10"
            count = int(text) if text.isdigit() else _NUMBER_WORDS[text]
            return Quality(name, match[2]), Top(max(count, 1), descending, match.end())
    return None


@dataclass(frozen=True)
class TimeGrain:
    """A grain of time, and its word; ``auto`` when only a development over time was asked for."""

    grain: Grain | Literal["auto"]
    word: str


def take_grain(prompt: Prompt, kind_of: Callable[[str], str]) -> TimeGrain | None:
    """Take out the grain of time, leaving the "by" before it for the words that follow it.

    ``kind_of`` says what words name in the database: "published year" is a grain of the date "published".
    """
    if match := prompt.take(
        r"\b(day of (?:the )?week|week ?days?|month of (?:the )?year|calendar month|seasonality)\b"
    ):
        return TimeGrain("weekday" if "week" in match[1] else "month_of_year", match[1])
    if match := prompt.take(rf"\b({'|'.join(_ADVERBS)})\b"):
        return TimeGrain(_ADVERBS[match[1]], match[1])
    units = "|".join(unit for unit in get_args(Grain) if unit not in ("weekday", "month_of_year"))
    if match := prompt.take(rf"\b({units}) (?:by|over|to) \1\b"):
        return TimeGrain(match[1], match[1])  # type: ignore[arg-type]
    if found := _take_grain_of_date(prompt, units, kind_of):
        return found
    lead = (
        r"(?:\b(?:which|what|by|per|each|every|and|over|across|with|the|of|a|in)|,|/)\s*"
        r"(?:(?:the|each|every|calendar)\s+)?"
    )
    if match := prompt.take(rf"{lead}({units})s?\b(?!\s*(?:=|is|of|of birth|end|start)\b)", 1):
        return TimeGrain(match[1], match[1])  # type: ignore[arg-type]
    if match := prompt.take(
        r"\b((?:over|through|across) (?:the )?(?:time|years)|trends?(?:ing)?|develop(?:ed|s|ing|ment)?"
        r"|evol(?:ved?|ves|ving|ution)"
        r"|timeline|time series|progress(?:ed|ion)|changed?(?= over)|grow(?:n|th|ing)?|grew)\b"
    ):
        return TimeGrain("auto", match[1])
    return None


def _take_grain_of_date(prompt: Prompt, units: str, kind_of: Callable[[str], str]) -> TimeGrain | None:
    """Take out the grain that follows the name of a date: "published year", "sold on month"."""
    for match in re.finditer(rf"(?=\b((?:[^\W\d]\w*\s+){{1,3}})({units})s?\b(?!\s*(?:=|is)\b))", prompt.rest):
        names = [" ".join(match[1].split()[-count:]) for count in (3, 2, 1)]
        whole = any(kind_of(f"{name} {match[2]}") for name in names)  # a column may be called "birth year"
        if not whole and any(kind_of(name) == "date" for name in names):
            prompt.cross_out(*match.span(2))
            return TimeGrain(match[2], match[2])  # type: ignore[arg-type]
    return None


_HIGH, _LOW = "high|largest|highest|most", "low|smallest|lowest|least"
_DESCENDING = r"\b(?:in )?(?:a )?(?:descending|desc|decreasing)(?: order)?\b"
_ASCENDING = r"\b(?:in )?(?:an? )?(?:ascending|asc|increasing|alphabetical|alphabetically)(?: order)?\b"


def take_direction(prompt: Prompt) -> bool | None:
    """Take out the direction of the order; True = descending; None = not said."""
    if prompt.take(rf"{_DESCENDING}|\b(?:from )?(?:{_HIGH}) to (?:{_LOW})\b|\b(?:{_HIGH}) first\b"):
        return True
    if prompt.take(rf"{_ASCENDING}|\b(?:from )?(?:{_LOW}) to (?:{_HIGH})\b|\b(?:{_LOW}) first\b"):
        return False
    return None


def take_axis(prompt: Prompt) -> Literal["", "dim", "measure"]:
    """Take out the axis that the order is by ("sorted by the x-axis"); the first dimension lies along x."""
    match = prompt.take(r"\b(?:by\s+|of\s+)?(?:the\s+)?([xy])(?:[\s-]?axis)?\b")
    if match is None:
        return ""
    return "dim" if match[1] == "x" else "measure"


def take_comparisons(prompt: Prompt) -> list[Comparison]:
    """Take out every comparison with a number, such as "over 1,000", "between 5 and 10", ">= 3"."""
    found = []
    while match := prompt.take(rf"\bbetween\s+{_AMOUNT}\s+and\s+{_AMOUNT}"):
        values = (_number(match[1], match[2]), _number(match[3], match[4]))
        found.append(Comparison("between", values, *match.span()))
    for op, pattern in _OPERATORS.items():
        words = rf"(?:\b(?:is|are|was|were|of|has|have|with|that is)\s+)*(?:(?<!\w)(?:{pattern}))\s*{_AMOUNT}"
        while match := prompt.take(words):
            found.append(Comparison(op, (_number(match[1], match[2]),), *match.span()))
    for match in re.finditer(
        rf"\b{_AMOUNT}\s+(?:or|and) (more|above|over|higher|less|fewer|below|lower)\b", prompt.rest
    ):
        prompt.cross_out(*match.span())
        op = ">=" if match[3] in ("more", "above", "over", "higher") else "<="
        found.append(Comparison(op, (_number(match[1], match[2]),), *match.span()))
    return sorted(found, key=lambda comparison: comparison.start)


def _number(digits: str, unit: str | None) -> float:
    number = float(_NUMBER_WORDS.get(digits) or digits.replace(",", ""))
    value = number * {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}.get(unit or "", 1)
    return int(value) if value == int(value) else value
