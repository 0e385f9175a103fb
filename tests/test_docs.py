"""What README and CONTRIBUTING say is true: their blocks run, and what exists is mentioned."""

import argparse
import importlib
import inspect
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import param
import pytest

import headway
from headway.dashboard.cli import parser
from headway.dashboard.routes import ROUTES

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
import ast, asyncio, inspect, sys
code = compile(open("block.py").read(), "block.py", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
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
        run(["make", "-n", "-C", str(ROOT), *target.split()], folder)


def run_until_it_serves(block: Block, folder: Path) -> None:
    """Start the server that the block describes, get its page, stop it as a service manager would."""
    port = free_port()
    with serving(["bash", "-euo", "pipefail", "-c", f"exec {block.code}"], folder, port):
        pass


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
        block = Block(block.line, block.language, block.how, block.code.replace("localhost:8001", address))
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


@pytest.mark.parametrize("name", headway.__all__)
def test_a_public_name_is_there_and_documented(name):
    thing = getattr(headway, name)
    assert not callable(thing) or inspect.getdoc(thing), f"headway.{name} has no docstring"
    assert re.search(rf"\b{name}\b", README), f"README does not mention headway.{name}"


def test_all_lists_every_public_name():
    public = {name for name, value in vars(headway).items() if name[0] != "_" and not inspect.ismodule(value)}
    assert public - {"annotations"} == set(headway.__all__)


def forms(text: str) -> set[str]:
    """Return the paths in *text* with `{}` for whatever their variable parts are called."""
    return set(re.findall(r"/[\w/{}.-]*[\w{}]", re.sub(r"\{\w+\}", "{}", text)))


@pytest.mark.parametrize("pattern", [route[0] for route in ROUTES])
def test_a_route_is_mentioned(pattern):
    path = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "{}", pattern).replace("\\", "").removesuffix("$")
    assert path in forms(README), f"README does not mention {path} ({pattern})"


def options() -> dict[str, str]:
    """Return every option of the command line that is a setting too, with its command."""
    (commands,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return {
        "HEADWAY_" + flag[2:].upper().replace("-", "_"): f"headway {name} {flag}"
        for name, command in commands.choices.items()
        for action in command._actions
        for flag in action.option_strings
        if flag[:2] == "--" and flag != "--help"
    }


def settings() -> set[str]:
    """Return every HEADWAY_ variable that the product's code names."""
    files = [path for folder in ("core", "dashboard") for path in (ROOT / folder).rglob("*.py")]
    return {
        name
        for path in files
        for name in re.findall(r"HEADWAY_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("name", sorted(settings() | set(options())))
def test_a_setting_is_mentioned(name):
    assert re.search(rf"\b{name}\b", README), (
        f"README does not mention {name} ({options().get(name, 'in the code')})"
    )


def own_components() -> list[type[param.Parameterized]]:
    """Return the classes with parameters that our modules define."""
    names = [path.stem for path in sorted((ROOT / "dashboard/components").glob("[!_]*.py"))]
    modules = [importlib.import_module(f"headway.dashboard.components.{name}") for name in names]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, param.Parameterized)
        and value.__module__ == module.__name__
    ]


def test_every_parameter_of_a_component_says_what_it_is():
    silent = [
        f"{component.__name__}.{name}"
        for component in own_components()
        for name, value in vars(component).items()
        if isinstance(value, param.Parameter) and name != "name" and not value.doc
    ]
    assert silent == []
