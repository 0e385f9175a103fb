"""docs/promises.md tells of every proof, and of nothing else; every broken Headway is run by one."""

from __future__ import annotations

import re
from pathlib import Path

from .conftest import BEGIN, END, PROMISES

HERE = Path(__file__).parent


def test_every_proof_is_a_row_of_the_promises() -> None:
    told = set(re.findall(r"`(test_\w+\.py)` \|$", PROMISES.read_text(encoding="utf-8"), re.MULTILINE))
    assert told == {path.name for path in HERE.glob("test_*.py")} - {Path(__file__).name}


def test_there_is_a_place_for_the_figures() -> None:
    text = PROMISES.read_text(encoding="utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1)


def test_every_app_is_used() -> None:
    users = "".join(path.read_text(encoding="utf-8") for path in HERE.rglob("*.py"))
    apps = [path.stem for path in (HERE / "apps").glob("*.py")]
    assert [name for name in apps if f'"{name}"' not in users and f"import {name}" not in users] == []
