"""Clauses: all that the grammar understands of a prompt, before any word is looked up in the database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import grammar, periods
from .prompt import Prompt


@dataclass(frozen=True)
class Clauses:
    """What the grammar alone understood."""

    chart: grammar.Chart | None
    format: grammar.Format | None
    top: grammar.Top | None
    descending: bool | None
    comparisons: list[grammar.Comparison]
    period: periods.Period | None
    grain: grammar.TimeGrain | None
    share: bool
    relation: bool
    spread: bool
    contrast: bool

    @classmethod
    def of(cls, prompt: Prompt) -> Clauses:
        """Take every clause out of a prompt. The order matters: "over 2000" is no year, "since 2020" no number."""
        chart, file_format = grammar.take_chart(prompt), grammar.take_format(prompt)
        descending = grammar.take_direction(prompt)
        period = periods.take_period(prompt)
        top = grammar.take_top(prompt)
        comparisons = grammar.take_comparisons(prompt)
        return cls(
            chart, file_format, top, descending, comparisons, period, grammar.take_grain(prompt),
            share=bool(re.search(r"\b(share|percentage|proportion|percent|breakdown|make ?up|composition)\b", prompt.rest)),
            relation=chart == "scatter" or bool(re.search(r"\b(relation(?:ship)?|correlat\w+|against|scatter|depend\w*)\b", prompt.rest)),
            spread=bool(re.search(r"\b(distribution|histogram|spread|distributed)\b", prompt.text)),
            contrast=bool(re.search(r"\b(compare[ds]?|comparison|versus|vs\.?|difference)\b", prompt.text)),
        )  # fmt: skip
