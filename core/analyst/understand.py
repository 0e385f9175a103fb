"""Understanding: from the words of a prompt and a catalog to a QuerySpec, and to what was left over."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import grammar, link, periods, roles, words
from .build import Builder
from .catalog import Catalog
from .errors import QuestionNotUnderstood
from .prompt import Prompt
from .restate import restate
from .spec import Kind, QuerySpec

_PHRASES = (
    r"\b(?:please|kindly|hey|hi|hello|thanks?(?: you)?)\b",
    r"\b(?:what|which) (?:stands? out|is (?:unusual|interesting|special|going on|wrong)|happened|are the (?:main |key )?"
    r"(?:drivers|findings|insights|patterns))\b",
    r"\b(?:line|bar|pie) by line\b",
    r"\b(?:to|as|into|in) (?:a |an )?files?\b",
)


@dataclass(frozen=True)
class Understanding:
    """What was made of a prompt.

    Attributes
    ----------
    spec
        The query.
    text
        The query in plain words: "Sum of revenue by month and region, as a line chart".
    ignored
        The words of the prompt that the query does not stand on.
    notes
        Choices a person should know of, such as a corrected spelling.
    """

    spec: QuerySpec
    text: str
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def understand(text: str, catalog: Catalog, kind: Kind, index: link.Index | None = None) -> Understanding:
    """Return the query that a prompt asks for.

    Raises
    ------
    QuestionNotUnderstood
        No word leads to the database, or too few of them. It carries no examples; the caller knows the rest.
    """
    prompt = Prompt(_straight(text))
    clauses = Clauses.of(prompt)
    for phrase in _PHRASES:
        while prompt.take(phrase):
            pass
    left = prompt.left()
    mentions = link.link(left, index or link.Index(catalog))
    if not mentions:
        raise QuestionNotUnderstood(
            "No word of the request names a table, a column or a value of this database.",
            f"Ask about {words.listed([table.label for table in catalog.tables[:6]], 'or')}.",
        )
    top_end = clauses.top.end if clauses.top else None
    assigned = roles.assign(left, mentions, clauses.comparisons, catalog, top_end)
    builder = Builder(catalog, kind, clauses, assigned, prompt.text)
    spec = builder.build()
    ignored = _ignored(left, mentions, prompt) + builder.unused
    understood = len(mentions) - len(builder.unused) + bool(clauses.period) + bool(clauses.grain)
    if len(ignored) >= 2 and len(ignored) > understood + 1:
        raise QuestionNotUnderstood(
            f"Too little of the request is about this database: nothing is known of {words.listed(_quote(ignored))}.",
            "Name what to measure and by what, in the words of the tables and columns.",
        )
    notes = [f"I read {m.text!r} as {_meaning(m)!r}." for m in mentions if m.guessed]
    return Understanding(
        spec, restate(spec, catalog), tuple(dict.fromkeys(ignored)), (*notes, *builder.notes)
    )


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
            relation=bool(re.search(r"\b(relation(?:ship)?|correlat\w+|against|scatter|depend\w*)\b", prompt.rest)),
            spread=bool(re.search(r"\b(distribution|histogram|spread|distributed)\b", prompt.text)),
            contrast=bool(re.search(r"\b(compare[ds]?|comparison|versus|vs\.?|difference)\b", prompt.text)),
        )  # fmt: skip


def _straight(text: str) -> str:
    return text.translate(str.maketrans("‘’“”\u00a0", "''\"\" "))


def _ignored(left: list[words.Token], mentions: list[link.Mention], prompt: Prompt) -> list[str]:
    used = {number for mention in mentions for number in range(mention.first, mention.last + 1)}
    return [
        prompt.text[token.start : token.end].strip("\"'")
        for number, token in enumerate(left)
        if number not in used and token.word not in link.STOP_WORDS and token.word[0].isalnum() or token.word[0] == '"'
        and number not in used
    ]  # fmt: skip


def _quote(texts: list[str]) -> list[str]:
    return [repr(text) for text in dict.fromkeys(texts)]


def _meaning(mention: link.Mention) -> str:
    target = mention.targets[0]
    return target.value or words.label(target.column or target.table)
