"""Roles: what each mention is for in its sentence — to group by, to measure, to count, to filter, to list."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from .catalog import Catalog
from .grammar import Comparison
from .link import Mention
from .spec import Aggregate
from .words import Token

RoleName = Literal["dim", "measure", "count", "value", "rate", "column", "subject", "order", "compare", "per"]

_BY = {"by", "per", "each", "every", "across", "grouped", "split", "among", "depending", "against", "within"}
_AGGREGATES: dict[str, Aggregate] = {
    "average": "mean", "mean": "mean", "avg": "mean", "total": "sum", "sum": "sum", "overall": "sum",
    "median": "median", "typical": "median", "minimum": "min", "min": "min", "lowest": "min",
    "smallest": "min", "cheapest": "min", "least": "min", "maximum": "max", "max": "max",
    "highest": "max", "largest": "max", "biggest": "max", "most": "max", "fewest": "min",
    "count": "count", "number": "count", "many": "count",
}  # fmt: skip
_NOT = {"not", "except", "excluding", "exclude", "without", "non", "excl"}
_SUPERLATIVES = {"highest", "largest", "biggest", "most", "lowest", "smallest", "least", "fewest"}
_ORDER = {"sorted", "sort", "ordered", "ranked"}
_LIST = {"and", ",", "&", "/", "the", "a", "or"}
_END_OF_LIST = {
    "of",
    "in",
    "from",
    "for",
    "where",
    "with",
    "on",
    "to",
    "as",
    "that",
    "who",
    "whose",
    "is",
    "are",
    "has",
    "have",
    ":",
    "?",
    ";",
}
_IS = {
    "is",
    "are",
    "was",
    "were",
    "=",
    "equals",
    "equal",
    "of",
    "in",
    ":",
    "to",
    "being",
    "like",
    "as",
    "not",
}
_VERSUS = {"vs", "versus", "against"}
_RATE = {"rate", "rates", "ratio", "quota"}
_NUMBERS = {"measure", "count", "rate", "compare"}
_PART = {"share", "percentage", "proportion", "percent", "fraction", "rate"}


@dataclass(frozen=True)
class Role:
    """A mention and what it is for."""

    name: RoleName
    mention: Mention
    agg: Aggregate | None = None
    distinct: bool = False
    negative: bool = False
    superlative: bool = False
    joined: bool = False
    """It stands in a list with the mention before it ("revenue and orders")."""
    versus: bool = False
    """It is a number set against the number before it ("price against quantity")."""
    comparison: Comparison | None = None


@dataclass
class _Cue:
    """What the words so far say about the next mention."""

    name: Literal["", "by", "order"] = ""
    per: bool = False
    agg: Aggregate | None = None
    distinct: bool = False
    negative: bool = False
    superlative: bool = False
    joined: bool = False
    versus: bool = False


def assign(
    words: list[Token],
    mentions: list[Mention],
    comparisons: list[Comparison],
    catalog: Catalog,
    top_end: int | None,
) -> list[Role]:
    """Return a role for every mention, in order; ``top_end`` is where the words after "top 10" begin."""
    compared = _compared(words, mentions, comparisons, catalog)
    roles: list[Role] = []
    cue, position, starts = _Cue(), 0, {mention.first: mention for mention in mentions}
    skipped = _paired_columns(words, mentions, compared)
    while position < len(words):
        mention = starts.get(position)
        if mention is None:
            if words[position].word in _VERSUS and roles and _is_number(roles[-1]):
                cue = _Cue(versus=True)
            elif words[position].word in _VERSUS and roles and roles[-1].name == "measure":
                cue = _Cue(joined=True)  # "revenue vs orders"
            else:
                _hear(words, position, starts, cue)
            position += 1
            continue
        listed_from = cue.name
        if mention in compared:
            roles.append(Role("compare", mention, comparison=compared[mention], joined=cue.joined))
        elif mention not in skipped or cue.name == "by":
            after_top = top_end is not None and 0 <= words[position].start - top_end <= 2
            ranked = top_end is not None and words[position].start >= top_end and not cue.per and bool(roles)
            by_measure = ranked and not any(role.name in _NUMBERS for role in roles)
            role = _role(mention, cue, words, after_top, by_measure, catalog)
            averaged = bool(roles) and roles[-1].agg == "mean" and roles[-1].name == "measure"
            if cue.per and averaged and role.name == "dim" and mention.kind == "table":
                role = replace(role, name="per")
            roles.append(role)
        position = mention.last + 1
        following = words[position].word if position < len(words) else ""
        lists_on = following in _LIST
        cue = _Cue(listed_from, agg=cue.agg if lists_on else None, joined=lists_on)
    return roles


def _is_number(role: Role) -> bool:
    return role.name == "measure" and role.mention.kind == "column" and role.agg is None


def _hear(words: list[Token], position: int, starts: dict[int, Mention], cue: _Cue) -> None:
    """Let a word change what is expected of the next mention."""
    word = words[position].word
    if word in _ORDER:
        cue.name = "order"
    elif word == "by" and position and words[position - 1].word.endswith(("ed", "made", "sold", "bought")):
        cue.name = ""  # "placed by customers"
    elif word in _BY or (word in ("which", "what") and position + 1 in starts):
        cue.name = cue.name if cue.name == "order" and word == "by" else "by"
        cue.agg, cue.per = None, word == "per"
    elif word in _AGGREGATES and not (
        _AGGREGATES[word] == "count" and cue.agg in ("mean", "median", "min", "max")
    ):
        cue.agg, cue.superlative = _AGGREGATES[word], word in _SUPERLATIVES
        cue.name = "" if cue.name == "by" else cue.name
    elif word in ("distinct", "unique", "different"):
        cue.distinct = True
    elif word in _NOT:
        cue.negative = True
    elif word in _END_OF_LIST:
        cue.name = "" if word != "the" else cue.name
    elif word == "than" and position and words[position - 1].word == "other":
        cue.negative = True
    if word not in _LIST:
        cue.joined = False


def _role(
    mention: Mention, cue: _Cue, words: list[Token], after_top: bool, by_measure: bool, catalog: Catalog
) -> Role:
    agg = cue.agg
    plain = Role("column", mention, agg, cue.distinct, cue.negative, cue.superlative, cue.joined, cue.versus)
    target = mention.targets[0]
    following = words[mention.last + 1].word if mention.last + 1 < len(words) else ""
    before = [token.word for token in words[max(0, mention.first - 2) : mention.first]]
    if cue.name == "order":
        return replace(plain, name="order")
    if mention.of("value") and (following in _RATE or (set(before) & _PART and "of" in before)):
        return replace(plain, name="rate")
    if target.kind == "value":
        return replace(plain, name="value")
    if target.kind == "concept":
        return replace(plain, name="measure")
    if target.kind == "table":
        if agg == "count" or cue.superlative:
            return replace(plain, name="count", agg="count")
        return replace(plain, name="dim" if cue.name == "by" or after_top else "subject")
    column = next(
        (c for t in mention.of("column") if (c := catalog.table(t.table).column(t.column)).measurable), None
    )
    if agg == "count" and column is not None:
        return replace(plain, name="measure", agg=None)  # "number of attendance": the column has the numbers
    if agg == "count" or (cue.distinct and cue.name != "by"):
        return replace(plain, name="count")
    if (
        column is not None
        and (cue.name != "by" or by_measure or not _discrete(column.integer, column.distinct))
        and not (cue.name == "by" and column.distinct == 0)
    ):
        return replace(plain, name="measure")
    return replace(plain, name="dim" if cue.name == "by" or after_top else "column")


def _discrete(integer: bool, distinct: int) -> bool:
    return integer and distinct <= 30


def _paired_columns(
    words: list[Token], mentions: list[Mention], compared: dict[Mention, Comparison]
) -> set[Mention]:
    """Return the column mentions that only name the column of a value: "status returned", "Europe region"."""
    paired: set[Mention] = set()
    for left, right in itertools.pairwise(mentions):
        between = [token.word for token in words[left.last + 1 : right.first]]
        for column, value, allowed in ((left, right, _IS), (right, left, set())):
            if column in compared or (value.kind != "value" and not value.of("value")):
                continue
            places = {(t.table, t.column) for t in column.of("column")} if column.kind == "column" else set()
            if all(word in allowed for word in between) and places & {
                (t.table, t.column) for t in value.of("value")
            }:
                paired.add(column)
    return paired


def _compared(
    words: list[Token], mentions: list[Mention], comparisons: list[Comparison], catalog: Catalog
) -> dict[Mention, Comparison]:
    """Return which mention each comparison is about: the number column right before it, else right after."""
    found: dict[Mention, Comparison] = {}
    for comparison in comparisons:
        for mention in _near(words, mentions, comparison):
            if mention not in found and _comparable(mention, catalog):
                found[mention] = comparison
                break
    return found


def _near(words: list[Token], mentions: list[Mention], comparison: Comparison) -> Iterator[Mention]:
    before = [m for m in mentions if words[m.last].end <= comparison.start]
    after = [m for m in mentions if words[m.first].start >= comparison.end]
    gap = [t for t in words if before and words[before[-1].last].end <= t.start < comparison.start]
    close_after = after and words[after[0].first].start - comparison.end <= 2
    if before and len(gap) <= 2 and before[-1].kind != "table":
        yield before[-1]
    if close_after:
        yield after[0]
    yield from reversed([m for m in before if m.kind != "table"])


def _comparable(mention: Mention, catalog: Catalog) -> bool:
    if mention.kind in ("concept", "table"):
        return True
    columns = [catalog.table(t.table).column(t.column) for t in mention.of("column")]
    return any(column.type == "number" for column in columns)
