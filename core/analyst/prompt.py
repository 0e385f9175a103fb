"""Prompt: the text of a request, with what has been understood of it crossed out piece by piece."""

from __future__ import annotations

import re

from .words import Token, tokens

_GONE = "\0"


class Prompt:
    """The text of a request in lower case; whoever understands a part takes it out.

    Attributes
    ----------
    text : str
        As it was written, in lower case and with plain quotes; positions never change.
    rest : str
        The same, with what was taken replaced by as many NUL characters.
    """

    def __init__(self, text: str) -> None:
        self.text = text.lower() if len(text.lower()) == len(text) else text
        self.rest = self.text

    def take(self, pattern: str, group: int | str = 0) -> re.Match[str] | None:
        """Take out the first match of a pattern, or only one of its groups; return the match."""
        match = re.search(pattern, self.rest)
        if match:
            self.cross_out(*match.span(group))
        return match

    def cross_out(self, start: int, end: int) -> None:
        """Take out a stretch of text."""
        self.rest = self.rest[:start] + _GONE * (end - start) + self.rest[end:]

    def left(self) -> list[Token]:
        """Return the words and signs that nobody has taken."""
        return tokens(self.rest)
