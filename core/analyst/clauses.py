"""Clauses: all that the grammar understands of a prompt, before any word is looked up in the database."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import grammar, periods
from .prompt import Prompt
from .spec import Chart, Format, Kind

_CHANGE = (
    r"chang(?:e[ds]?|ing)|happen(?:ed|s)?|develop(?:ed|s|ing|ment)?|evol(?:ved?|ving|ution)|mov(?:ed?|ing)"
    r"|shift(?:ed)?|(?:went|go(?:ne|ing)?) (?:up|down)|r(?:ose|ises?|isen|ising)|f(?:ell|alls?|allen|alling)"
    r"|drop(?:s|ped|ping)?|(?:in|de)creas(?:e[ds]?|ing)|declin(?:e[ds]?|ing)|gr(?:ew|own?|ows|owing|owth)"
)


@dataclass(frozen=True)
class Clauses:
    """What the grammar alone understood."""

    chart: Chart | None
    side_by_side: bool
    format: Format | None
    top: grammar.Top | None
    quality: grammar.Quality | None
    descending: bool | None
    axis: Literal["", "dim", "measure"]
    comparisons: list[grammar.Comparison]
    period: periods.Period | None
    grain: grammar.TimeGrain | None
    share: bool
    relation: bool
    spread: bool
    contrast: bool
    change: bool

    @classmethod
    def of(cls, prompt: Prompt, kind: Kind, kind_of: Callable[[str], str]) -> Clauses:
        """Take every clause out of a prompt; the order matters: "since 2020" compares no number.

        ``kind_of`` says what words name in the database, "date" for a column of dates; empty for others.
        """
        side_by_side = _says(prompt.text, r"(?:grouped|clustered) (?:bar|column)s?|side[ -]by[ -]side")
        chart, file_format = grammar.take_chart(prompt, kind_of), grammar.take_format(prompt)
        descending, axis = grammar.take_direction(prompt), grammar.take_axis(prompt)
        period = periods.take_period(prompt)
        ranked = grammar.take_quality(prompt, kind_of)
        quality, top = ranked or (None, grammar.take_top(prompt))
        comparisons = grammar.take_comparisons(prompt)
        change = _says(prompt.text, _CHANGE)
        if kind == "text":
            _take_change(prompt, kind_of)
        grain = grammar.take_grain(prompt, kind_of)
        return cls(
            chart, side_by_side, file_format, top, quality, descending, axis, comparisons, period, grain,
            share=_says(prompt.rest, r"shares?|percentage|proportion|percent|breakdown|make ?up|composition"),
            relation=chart == "scatter"
            or _says(prompt.rest, r"relation(?:ship)?|correlat\w+|against|depend\w*"),
            spread=_says(prompt.text, r"distribution|histogram|spread|distributed"),
            change=change,
            contrast=_says(prompt.text, r"compare[ds]?|comparison|versus|vs|difference"),
        )  # fmt: skip


def _take_change(prompt: Prompt, kind_of: Callable[[str], str]) -> None:
    """Take out the words of change, save those that the database knows, such as a status."""
    for match in re.finditer(rf"\b(?:{_CHANGE})\b", prompt.rest):
        if not kind_of(match[0]):
            prompt.cross_out(*match.span())


def _says(text: str, words: str) -> bool:
    return re.search(rf"\b(?:{words})\b", text) is not None
