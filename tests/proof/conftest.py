"""How long the proofs are, and where their figures go.

`make test` runs each in a short form, `make proof` (``pytest tests/proof --long``) in the long one, whose
figures are written into docs/promises.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

PROMISES = Path(__file__).parents[2] / "docs" / "promises.md"
BEGIN, END = "<!-- figures: written by make proof -->\n", "<!-- end of figures -->"

FIGURES = "figures of a proof"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long form of the proofs")


@dataclass
class Proof:
    """A proof's size, and its figures."""

    long: bool
    properties: list[tuple[str, object]]

    def of(self, short: Any, long: Any) -> Any:
        """Return what fits the form that runs."""
        return long if self.long else short

    def found(self, proof: str, **figures: object) -> None:
        """Note what was measured; names are words joined by ``_``."""
        told = (f"{name.replace('_', ' ')} {_shown(value)}" for name, value in figures.items())
        self.properties.append((FIGURES, [proof, ", ".join(told)]))


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Proof:
    """Give the proof's size, and take its figures."""
    return Proof(_is_long(request.config), request.node.user_properties)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    passed = terminalreporter.stats.get("passed", [])  # reports come also from processes of pytest-xdist
    told = [value for report in passed for name, value in report.user_properties if name == FIGURES]
    figures = dict(sorted(told))
    if not figures:
        return
    terminalreporter.section(f"figures of the {'long' if _is_long(config) else 'short'} proofs")
    for proof, words in figures.items():
        terminalreporter.write_line(f"{proof}: {words}")
    if _is_long(config):
        _publish(figures)


def _is_long(config: pytest.Config) -> bool:
    return bool(config.getoption("--long", default=False))


def _publish(figures: dict[str, str]) -> None:
    """Replace the rows of the proofs that ran; a proof that failed has told no figures."""
    text = PROMISES.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    table, _, tail = rest.partition(END)
    rows = dict(re.findall(r"^\| (.+?) \| (.+ \|)$", table, re.MULTILINE))
    del rows["proof"]
    rows |= {name: f"{told} | {datetime.now(UTC):%Y-%m-%d} |" for name, told in figures.items()}
    lines = [
        "| proof | figures | run |",
        "|---|---|---|",
        *(f"| {n} | {row}" for n, row in sorted(rows.items())),
    ]
    PROMISES.write_text(head + BEGIN + "\n".join(lines) + "\n" + END + tail, encoding="utf-8")


def _shown(value: object) -> str:
    return (
        f"{value:.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    )
