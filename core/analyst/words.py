"""Words: splitting prompts and names into words, and bringing words to one form."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

# Words that mean the same in most databases. The first of a group stands for all of it.
_SYNONYMS = (
    ("customer", "client", "buyer", "shopper"),
    ("product", "article", "goods", "merchandise"),
    ("order", "purchase"),
    ("employee", "staff", "worker"),
    ("country", "nation"),
    ("city", "town"),
    ("category", "categories", "genre"),
    ("segment", "tier"),
    ("price", "cost"),
    ("quantity", "qty", "units"),
    ("department", "dept"),
    ("salary", "wage", "pay"),
    ("phone", "telephone"),
    ("supplier", "vendor"),
    ("signup", "registration", "signed", "joined", "registered"),
    ("cancelled", "canceled", "cancellation"),
    ("returned", "refunded"),
    ("number", "num", "nr"),
    ("name", "title"),
    ("sex", "gender"),
)

_ABBREVIATIONS = {
    "dept": "department", "qty": "quantity", "cust": "customer", "prod": "product", "cat": "category",
    "desc": "description", "amt": "amount", "addr": "address", "num": "number", "emp": "employee",
    "dt": "date", "ctry": "country", "mgr": "manager", "acct": "account", "yr": "year", "avg": "average",
}  # fmt: skip


@dataclass(frozen=True)
class Token:
    """A word of a prompt: as written, in lower case, and where."""

    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The word in lower case."""
        return self.text.lower()

    @property
    def stem(self) -> str:
        """The word's stem; see `stem`."""
        return stem(self.word)


# A number may have separators, currency and percent; a date may be ISO; a word may have ' or _ in it.
_TOKEN = re.compile(
    r"\d{4}-\d\d(?:-\d\d)?\b|[$€£]?\d[\d,.]*\d(?:[kKmM]\b|%)?|[$€£]?\d(?:[kKmM]\b|%)?"
    r"|[^\W\d_](?:['’&]?\w)*|<=|>=|!=|<>|[<>=]|[,;:?!/+\-–—]|\"[^\"]+\"|“[^”]+”|'[^']+'"
)


def tokens(text: str) -> list[Token]:
    """Return the words, numbers and signs of a prompt in order. A quoted text is one token."""
    return [Token(match[0], match.start(), match.end()) for match in _TOKEN.finditer(text)]


def name_words(name: str) -> list[str]:
    """Split a name into lower-case words, be it ``unitPrice``, ``unit_price`` or ``Unit Price``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = re.findall(r"[^\W_]+", spaced)
    return [_ABBREVIATIONS.get(word.lower(), word.lower()) for word in words]


def label(name: str) -> str:
    """Return a name as people read it: ``order_date`` -> ``order date``."""
    return " ".join(name_words(name)) or name


@functools.cache
def stem(word: str) -> str:
    """Return the stem of a lower-case English word; words that mean the same share it."""
    found = _synonyms().get(word)
    if found:
        return found
    root = _english(word)
    return _synonyms().get(root, root)


@functools.cache
def _english(word: str) -> str:
    import snowballstemmer

    return str(snowballstemmer.stemmer("english").stemWord(word))


@functools.cache
def _synonyms() -> dict[str, str]:
    known = {}
    for first, *others in _SYNONYMS:
        for word in (first, *others):
            known[word] = known[_english(word)] = _english(first)
    return known


def plural(noun: str) -> str:
    """Return the plural of an English noun phrase; plurals stay as they are."""
    if noun.endswith("s") and not noun.endswith("ss"):
        return noun
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    return noun + ("es" if re.search(r"(s|x|ch|sh)$", noun) else "s")


def singular(noun: str) -> str:
    """Return the singular of an English noun phrase; singulars stay as they are."""
    if re.search(r"[^aeiou]ies$", noun):
        return noun[:-3] + "y"
    if re.search(r"(s|x|ch|sh)es$", noun):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) else noun


def capital(text: str) -> str:
    """Return a text with its first letter in upper case and the others as they are."""
    return text[:1].upper() + text[1:]


def listed(parts: list[str], last: str = "and") -> str:
    """Return ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def count(number: int, noun: str) -> str:
    """Return ``1 table``, ``3 tables``, ``148,312 rows``."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"
