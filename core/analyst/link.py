"""Links: which words of a prompt mean which table, column, value or business word of the database.

Ambiguity is kept: a mention has every target its words may mean, the best first. `headway.analyst.understand`
chooses when it knows the rest.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from . import concepts, words
from .catalog import Catalog, Column
from .spec import ColumnRef, Measure
from .words import Token

TargetKind = Literal["table", "column", "value", "concept"]

STOP_WORDS = frozenset(
    """
    showing visualizing visualized categorized bin bins binned interval intervals compute computed calculate
    bars axis
    a an the of in on at to for from with by per and or is are was were be been do does did have has
    had i me my we our us you your it its this that these those there what which who whom whose when
    where why how many much show give list display draw plot chart graph visualize visualise
    visualization make create build generate get find tell see want would like need could can please
    export download save return file sheet as into all any every each only also just about across
    over under between within than then so if not no but more most less least very compare
    comparison versus vs against number count total sum average mean avg median minimum maximum min
    max top bottom best worst highest lowest largest smallest share percentage proportion percent
    rate distribution breakdown split broken down grouped group sorted sort ordered ranked rank
    order first last other except excluding without exclude include including look looks stand
    stands out analyse analyze analysis insight insights finding findings interesting unusual
    anomalies anomaly happening happened happen going explain summarise summarize summary report
    overview pattern patterns trend trends time data information details rows records row record
    table database they their them he she his her one ones using use used based depending according
    which's what's how's let's s t now new value values different distinct unique various column
    columns correlation relationship correlate related amount let overall entire whole full complete
    ever will should might may some set dataset us's good well performing performance figures looking
    doing during up placed made change changed such same both either neither nor until while through
    """.split()
)

_LONGEST = 6  # words of a phrase
_FUZZY = 84  # of 100, and the first letter has to be right; lower lets "March" become a value


@dataclass(frozen=True)
class Target:
    """What some words may mean. ``score`` is 1 for the name itself, less the more it is guessed."""

    kind: TargetKind
    table: str
    column: str = ""
    value: str = ""
    measure: Measure | None = None
    score: float = 1.0


@dataclass(frozen=True)
class Mention:
    """Words of the prompt that mean something of the database; ``first``..``last`` are token numbers."""

    first: int
    last: int
    text: str
    targets: tuple[Target, ...]
    guessed: bool = False
    """The spelling was close, not equal."""

    def of(self, kind: TargetKind) -> list[Target]:
        """Return the targets of one kind, the best first."""
        return [target for target in self.targets if target.kind == kind]

    @property
    def kind(self) -> TargetKind:
        """The kind of the best target."""
        return self.targets[0].kind


class Index:
    """Every phrase that means something in one database."""

    def __init__(self, catalog: Catalog) -> None:
        self._phrases: dict[tuple[str, ...], dict[tuple[str, ...], Target]] = defaultdict(dict)
        self._dates = {c.ref for table in catalog.tables for c in table.columns if c.temporal or c.is_year}
        for table in catalog.tables:
            self._add(words.name_words(table.name), Target("table", table.name), whole=0.9)
            for column in table.columns:
                self._add_column(words.name_words(table.name), column)
        for phrase, (table_name, measure) in concepts.concepts(catalog):
            name = phrase.replace(" ", "_")
            self._add(phrase.split(), Target("concept", table_name, name, measure=measure, score=0.8))

    def _add(self, parts: list[str], target: Target, whole: float = 0.0) -> None:
        """Add a phrase; with ``whole``, its last word alone too, as a weaker link."""
        key = tuple(words.stem(part) for part in parts)
        place = (target.kind, target.table, target.column, target.value)
        known = self._phrases[key].get(place) if key else None
        if key and (known is None or known.score < target.score):
            self._phrases[key][place] = target
        if whole and len(parts) > 1:
            self._add(
                parts[-1:], Target(target.kind, target.table, target.column, score=target.score * whole * 0.7)
            )

    def _add_column(self, table: list[str], column: Column) -> None:
        parts = words.name_words(column.name)
        place = ("column", column.table, column.name)
        self._add(parts, Target(*place))  # type: ignore[arg-type]
        self._add([*table, *parts], Target(*place, score=1.1))  # type: ignore[arg-type]
        self._add([*table[-1:], *parts], Target(*place, score=1.05))  # type: ignore[arg-type]
        singular = [words.stem(word) for word in table]
        if [words.stem(part) for part in parts[: len(table)]] == singular and len(parts) > len(table):
            self._add(parts[len(table) :], Target(*place, score=0.8))  # type: ignore[arg-type]
        elif len(parts) > 1 and not column.is_key:
            # "country" for ship_country, "date" for invoice_date: the noun comes last in English.
            self._add(parts[-1:], Target(*place, score=0.5))  # type: ignore[arg-type]
            self._add(parts[:1], Target(*place, score=0.35))  # type: ignore[arg-type]
        for value in () if column.temporal else column.values:
            parts = [token.word for token in words.tokens(value) if token.word[0].isalnum()]
            if parts and (len(parts) > 1 or not _too_common(parts[0])):
                self._add(parts, Target("value", column.table, column.name, value, score=0.7))

    def find(self, key: tuple[str, ...]) -> tuple[Target, ...]:
        """Return what a phrase of stems means, the best first."""
        return tuple(sorted(self._phrases.get(key, {}).values(), key=lambda target: -target.score))

    def kind_of(self, phrase: str) -> str:
        """Return what kind of thing words name, "date" for a column of dates; empty for nothing."""
        found = self.find(tuple(words.stem(word) for word in words.name_words(phrase)))
        if not found:
            return ""
        return "date" if ColumnRef(found[0].table, found[0].column) in self._dates else found[0].kind

    def close(self, word: str) -> tuple[Target, ...]:
        """Return what a misspelt word most likely means."""
        from rapidfuzz import fuzz, process

        if len(word) < 5:
            return ()
        choices = [
            key[0] for key in self._phrases if len(key) == 1 and len(key[0]) > 3 and key[0][0] == word[0]
        ]
        found = process.extractOne(words.stem(word), choices, scorer=fuzz.ratio, score_cutoff=_FUZZY)
        return self.find((found[0],)) if found else ()


def _too_common(word: str) -> bool:
    return word in STOP_WORDS or len(word) < 2 or word.isdigit()


def link(prompt_tokens: list[Token], index: Index) -> list[Mention]:
    """Return the mentions among the tokens, the longest phrases first, none overlapping, in order."""
    mentions: list[Mention] = []
    taken: set[int] = set()
    for length in range(min(_LONGEST, len(prompt_tokens)), 0, -1):
        for first in range(len(prompt_tokens) - length + 1):
            span = range(first, first + length)
            if taken.isdisjoint(span) and (mention := _mention(prompt_tokens, first, length, index)):
                mentions.append(mention)
                taken.update(span)
    for number, token in enumerate(prompt_tokens):
        if number not in taken and token.word.isalpha() and token.word not in STOP_WORDS:
            targets = index.close(token.word)
            if targets:
                mentions.append(Mention(number, number, token.text, targets, guessed=True))
    return sorted(mentions, key=lambda mention: mention.first)


def _mention(prompt_tokens: list[Token], first: int, length: int, index: Index) -> Mention | None:
    part = prompt_tokens[first : first + length]
    text = " ".join(token.text for token in part)
    if length == 1 and text[0] in "\"'“":
        inner = [token for token in words.tokens(text.strip("\"'“”")) if token.word[0].isalnum()]
        targets = index.find(tuple(token.stem for token in inner))
        return Mention(first, first, text, targets) if targets else None
    # "order" is the noun of a table as well as a stop word; single stop words only count as whole names.
    # People also write names as the database has them: home_team, unitPrice.
    key = tuple(words.stem(word) for token in part for word in words.name_words(token.text) or [token.word])
    targets = index.find(key)
    if not targets and 1 < length <= 3:
        targets = tuple(t for t in index.find((words.stem("".join(t.word for t in part)),)) if t.score >= 0.5)
    if length == 1 and part[0].word in STOP_WORDS and not _before_rate(prompt_tokens, first):
        targets = tuple(target for target in targets if _names_it(target, part[0].word))
    return Mention(first, first + length - 1, text, targets) if targets else None


def _before_rate(prompt_tokens: list[Token], place: int) -> bool:
    """Whether the next word makes a name of this one: "return rate"."""
    return place + 1 < len(prompt_tokens) and prompt_tokens[place + 1].stem == "rate"


def _names_it(target: Target, word: str) -> bool:
    """Whether a stop word is meant as a name: the table ``order``, but not the value ``All``."""
    return (
        target.kind in ("table", "column")
        and target.score >= 0.5
        and word in ("order", "total", "amount", "rank", "time")
    )
