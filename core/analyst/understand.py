"""Understanding: from the words of a prompt and a catalog to a QuerySpec, and to what was left over."""

from __future__ import annotations

from dataclasses import dataclass

from . import link, roles, words
from .build import build
from .catalog import Catalog
from .clauses import Clauses
from .errors import QuestionNotUnderstood
from .implied import implied
from .prompt import Prompt
from .reading import Reading
from .restate import formulas, restate
from .spec import Kind, QuerySpec

_PHRASES = (
    r"\b(?:please|pls|plz|kindly|hey|hi|hello|thanks?(?: you)?)\b",
    r"\b(?:what|which) (?:stands? out|is (?:unusual|interesting|special|going on|wrong)|happened"
    r"|are the (?:main |key )?(?:drivers|findings|insights|patterns))\b",
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
    index = index or link.Index(catalog)
    clauses = Clauses.of(prompt, kind, index.kind_of)
    for phrase in _PHRASES:
        while prompt.take(phrase):
            pass
    left = prompt.left()
    mentions = link.link(left, index)
    top_end = clauses.top.end if clauses.top else None
    assigned = roles.assign(left, mentions, clauses.comparisons, catalog, top_end)
    main = implied(assigned, clauses, catalog, index)
    if not mentions and not main:
        raise QuestionNotUnderstood(
            "No word of the request names a table, a column or a value of this database.",
            f"Ask about {words.listed([table.label for table in catalog.tables[:6]], 'or')}.",
        )
    _refuse_unknown_names(left, mentions, catalog)
    reading = Reading(catalog, kind, clauses, [*assigned, *([main] if main else [])], prompt.text)
    if main:
        reading.notes.append(f"The request names nothing to measure, so I looked at {main.mention.text}.")
    spec = build(reading)
    ignored = _ignored(left, mentions, prompt) + reading.unused
    _refuse_a_guess(ignored, [m for m in mentions if m.text not in reading.unused], clauses)
    notes = [f"I read {m.text!r} as {_meaning(m)!r}." for m in mentions if m.guessed]
    return Understanding(
        spec,
        restate(spec, catalog),
        tuple(dict.fromkeys(ignored)),
        (*notes, *reading.notes, *formulas(spec, catalog)),
    )


def _refuse_a_guess(ignored: list[str], used: list[link.Mention], clauses: Clauses) -> None:
    """Raise when at least as many words are ignored as used: the answer would be to another question."""
    named = sum(mention.last - mention.first + 1 for mention in used)
    understood = named + sum(map(bool, (clauses.period, clauses.grain, clauses.top, clauses.change)))
    if ignored and len(ignored) >= understood:
        known = words.listed(_quote([mention.text for mention in used]))
        raise QuestionNotUnderstood(
            f"Too little of the request is about this database: nothing is known of "
            f"{words.listed(_quote(ignored))}{f', only of {known}' if known else ''}.",
            "Name what to measure and by what, in the words of the tables and columns.",
        )


_COUNTED = {"many", "number", "count"}


def _refuse_unknown_names(left: list[words.Token], mentions: list[link.Mention], catalog: Catalog) -> None:
    """Raise when what to group by or to count is unknown: an answer without it would be another answer."""
    used = {number for mention in mentions for number in range(mention.first, mention.last + 1)}
    for place, token in enumerate(left):
        if place in used or not token.word[0].isalpha() or token.word in link.STOP_WORDS:
            continue
        before = [other.word for other in left[max(0, place - 2) : place] if other.word not in ("of", "the")]
        if before and before[-1] in ("by", "per", "each", "every"):
            kinds = [column.label for table in catalog.tables for column in table.categories]
            near = words.listed(list(dict.fromkeys(kinds))[:8], "or")
            raise QuestionNotUnderstood(
                f"There is no {token.text!r} in this database to group by.",
                f"Group by {near}." if near else "",
            )
        if before and before[-1] in _COUNTED:
            names = words.listed([words.plural(table.label) for table in catalog.tables[:8]], "or")
            raise QuestionNotUnderstood(
                f"There are no {token.text!r} in this database to count.", f"Count {names}."
            )


def _straight(text: str) -> str:
    return text.translate(str.maketrans("‘’“”\u00a0", "''\"\" "))


def _ignored(left: list[words.Token], mentions: list[link.Mention], prompt: Prompt) -> list[str]:
    used = {number for mention in mentions for number in range(mention.first, mention.last + 1)}
    return [
        prompt.text[token.start : token.end].strip("\"'")
        for number, token in enumerate(left)
        if number not in used and token.word not in link.STOP_WORDS and token.word[0] not in _SIGNS
    ]


_SIGNS = ",;:?!/+-–—<>="


def _quote(texts: list[str]) -> list[str]:
    return [repr(text) for text in dict.fromkeys(texts)]


def _meaning(mention: link.Mention) -> str:
    target = mention.targets[0]
    return target.value or words.label(target.column or target.table)
