"""What exists is documented: public names, routes, settings, parameters."""

import argparse
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import param
import pytest

import headway
from headway.dashboard.cli import parser
from headway.dashboard.routes import ROUTES
from headway.stores import Store

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

# Documented where they are promised: Tornado's hooks, HTTP's verbs, the protocol that every store keeps.
PROMISED = {
    *("initialize", "open", "get", "head", "post", "put", "patch", "delete", "options"),
    *(name for name in vars(Store) if name[0] != "_"),
}


def module_names() -> list[str]:
    """Return the import name of every module of the package, except those that start a program."""
    return [
        ".".join([package, *path.relative_to(ROOT / folder).with_suffix("").parts]).removesuffix(".__init__")
        for folder, package in (("core", "headway"), ("dashboard", "headway.dashboard"))
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.stem != "__main__"
    ]


def own(module: object) -> Iterator[tuple[str, object]]:
    """Yield the public classes and functions that a module defines itself."""
    for name, value in vars(module).items():
        if name[0] != "_" and getattr(value, "__module__", None) == module.__name__:
            if inspect.isclass(value) or inspect.isfunction(value):
                yield name, value


@pytest.mark.parametrize("name", module_names())
def test_everything_public_has_a_docstring(name):
    module = importlib.import_module(name)
    silent = [] if module.__doc__ else ["the module"]
    for thing, value in own(module):
        silent += [] if value.__doc__ else [thing]
        for method, raw in vars(value).items() if inspect.isclass(value) else ():
            called = isinstance(raw, classmethod | staticmethod | property) or inspect.isfunction(raw)
            told = (
                method[0] == "_" or method in PROMISED or method.startswith("test_")
            )  # its name is a promise
            if called and not told:
                # getdoc looks at the base classes too: an override is documented by what it overrides.
                silent += [] if inspect.getdoc(getattr(value, method)) else [f"{thing}.{method}"]
    assert silent == []


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/promises.md", "docs/scaling.md"]
)
def test_the_links_of_a_page_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    here = (ROOT / page).parent
    assert [link for link in links if link and "://" not in link and not (here / link).exists()] == []


def mentioned(name: str) -> bool:
    return re.search(rf"\b{name}\b", README) is not None


@pytest.mark.parametrize("name", headway.__all__)
def test_a_public_name_is_there_and_documented(name):
    thing = getattr(headway, name)
    assert not callable(thing) or inspect.getdoc(thing), f"headway.{name} has no docstring"
    assert mentioned(name), f"README does not mention headway.{name}"


def test_all_lists_every_public_name():
    public = {name for name, value in vars(headway).items() if name[0] != "_" and not inspect.ismodule(value)}
    assert public - {"annotations"} == set(headway.__all__)


def forms(text: str) -> set[str]:
    """Return the paths in *text* with `{}` for whatever their variable parts are called."""
    return set(re.findall(r"/[\w/{}.-]*[\w{}]", re.sub(r"\{\w+\}", "{}", text)))


PANELS_OWN = r"/components/(.*)"  # only guarded by us: nobody calls it by hand


@pytest.mark.parametrize("pattern", [route[0] for route in ROUTES if route[0] != PANELS_OWN])
def test_a_route_is_mentioned(pattern):
    path = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "{}", pattern).replace("\\", "").removesuffix("$")
    assert path in forms(README), f"README does not mention {path} ({pattern})"


def commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found.choices)


@pytest.mark.parametrize("name", commands())
def test_a_command_is_mentioned(name):
    assert f"headway {name}" in README, f"README does not mention `headway {name}`"


def options() -> dict[str, str]:
    """Return the environment variable of every option, with the option it stands for."""
    return {
        "HEADWAY_" + flag[2:].upper().replace("-", "_"): f"headway {name} {flag}"
        for name, command in commands().items()
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
    assert mentioned(name), f"README does not mention {name} ({options().get(name, 'in the code')})"


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
