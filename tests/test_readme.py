"""What README and CONTRIBUTING show works: every block is run."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from browser import find_browser
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

# An optional comment line that says how the block is run, then the block.
BLOCK = re.compile(
    r"(?:^<!-- run: (?P<how>[^\n]*) -->\n)?^```(?P<language>[^\n]*)\n(?P<code>.*?)^```$", re.M | re.S
)
SECONDS = 60  # a block that takes longer hangs


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    how: str
    code: str
    address: str = ""  # of the server it runs beside

    def __str__(self) -> str:
        return f"line {self.line}, {self.language or 'no language'}, {self.how or 'alone'}"


def blocks(text: str) -> list[Block]:
    return [
        Block(text.count("\n", 0, match.start()) + 1, match["language"], match["how"] or "", match["code"])
        for match in BLOCK.finditer(text)
    ]


def run(command: list[str], folder: Path) -> str:
    """Run a command as a reader would in a terminal with the environment active; its output."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONWARNINGS": "error", **more}


def run_bash(block: Block, folder: Path) -> None:
    run(["bash", "-euo", "pipefail", "-c", block.code], folder)


# A cell of a notebook may await at its top level, a module may not: the flag lets both run.
CELL = """
import ast, asyncio, inspect, pathlib
text = pathlib.Path("block.py").read_text(encoding="utf-8")
code = compile(text, "block.py", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
result = eval(code, {"__name__": "__main__"})
inspect.iscoroutine(result) and asyncio.run(result)
"""


def run_python(block: Block, folder: Path) -> None:
    (folder / "block.py").write_text(block.code, encoding="utf-8")
    run([sys.executable, "-c", CELL], folder)


def run_make(block: Block, folder: Path) -> None:
    """Look whether make knows what the block says; what it does then is the rest of the tests."""
    targets = re.findall(r"^make (.+)$", block.code, flags=re.M)
    assert targets, "no line that starts with make"
    for target in targets:
        run(["make", "-n", "-C", str(ROOT), *shlex.split(target, comments=True)], folder)


def run_until_it_serves(block: Block, folder: Path) -> None:
    """Start the server that the block describes, get its page, stop it as a service manager would."""
    port = free_port()
    with serving(["bash", "-euo", "pipefail", "-c", f"exec {block.code}"], folder, port):
        pass


# Chrome lets no page that a test answers for speak to this machine's WebSockets.
LOCAL = "--disable-features=LocalNetworkAccessChecks"


def run_html(block: Block, folder: Path) -> None:
    """Open the block as a page of the server: every element gets its definition, and no script fails."""
    problems: list[str] = []
    url = f"http://{block.address}/readme.html"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=[LOCAL])
        page = browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.route(url, lambda route: route.fulfill(body=block.code, content_type="text/html"))
        page.goto(url)  # until loaded, and modules run before that
        problems += page.evaluate(
            "[...document.querySelectorAll(':not(:defined)')].map(x => `<${x.localName}>`)"
        )
        browser.close()
    assert problems == []


def run_json(block: Block, folder: Path) -> None:
    json.loads(block.code)


def show(block: Block, folder: Path) -> None:
    """Do nothing: a drawing or an output is read, not run."""


RUNNERS: dict[tuple[str, str], Callable[[Block, Path], None]] = {
    ("bash", ""): run_bash,
    ("bash", "make -n"): run_make,
    ("bash", "until it serves"): run_until_it_serves,
    ("bash", "beside a server"): run_bash,
    ("python", ""): run_python,
    ("python", "beside a server"): run_python,
    ("html", "beside a server"): run_html,
    ("json", ""): run_json,
    ("text", ""): show,
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def serving(command: list[str], folder: Path, port: int) -> Iterator[str]:
    """Run a server until the block ends; yield its address, and see that it stops cleanly."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(HEADWAY_PORT=str(port), PYTHONWARNINGS="", PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            said = []
            for line in server.stdout:  # a server says its address when it listens
                said.append(line)
                if f":{port}" in line:
                    break
            else:
                pytest.fail(f"{command} ended without saying its address:\n{''.join(said)}")
            with urllib.request.urlopen(f"http://localhost:{port}/healthz", timeout=SECONDS) as answer:
                assert answer.status == 200
            yield f"localhost:{port}"
        finally:
            server.send_signal(signal.SIGTERM)
            rest, _ = server.communicate(timeout=SECONDS)
    assert server.returncode == 0, f"{command} stopped with {server.returncode}:\n{''.join(said)}{rest}"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    """The address of a server with the sample database."""
    folder = tmp_path_factory.mktemp("server")
    with serving(["headway", "serve"], folder, free_port()) as address:
        yield address


@pytest.mark.parametrize("block", blocks(README), ids=str)
def test_a_readme_block_runs(block, request, tmp_path):
    runner = RUNNERS.get((block.language, block.how))
    assert runner, f"README {block}: say how it is run, one of {sorted(RUNNERS)}"
    if block.how == "beside a server":
        address = request.getfixturevalue("server")
        block = replace(block, code=block.code.replace("localhost:8001", address), address=address)
    runner(block, tmp_path)


def test_every_fence_of_the_readme_is_a_block():
    fences = re.findall(r"^ *(?:```|~~~)", README, flags=re.M)
    assert len(fences) == 2 * len(blocks(README)), "a fence that is indented, or not closed, is not run"


@pytest.mark.parametrize(
    ("how", "rules"),
    [
        ("make serve", [".venv/made", ".venv/installed", "serve"]),
        ("make test", [".venv/made", ".venv/installed-tests", "test"]),
    ],
    ids=["serve", "test"],
)
def test_the_lines_without_make_are_those_of_the_makefile(how, rules):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(PYTHON)", "python3")
    recipes = dict(re.findall(r"^([.\w/-]+):.*\n((?:\t.*\n)+)", makefile, flags=re.M))
    lines = [line.strip().removesuffix(" $(ARGS)") for rule in rules for line in recipes[rule].splitlines()]
    (shown,) = [block.code.splitlines() for block in blocks(CONTRIBUTING) if block.how == how]
    assert shown == [line for line in lines if line[0] != "@"]


def test_ci_calls_make_test_and_nothing_more():
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert lines == ["#!/bin/sh", "set -eu", 'cd "$(dirname "$0")/.."', "exec make test"]
