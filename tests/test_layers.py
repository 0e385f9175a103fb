"""The house stands straight: who may import whom, what stays light, how long a file may grow."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# design.md, section 5: a module imports only from lines above its own, and none from its own line.
FLOORS = """
headway.errors
headway.analyst.errors headway.analyst.spec headway.analyst.words headway.analyst.source headway.analyst.stats
headway.analyst.prompt headway.analyst.catalog
headway.analyst.periods headway.analyst.grammar headway.analyst.concepts headway.analyst.restate
headway.analyst.profile headway.analyst.joins headway.analyst.expressions
headway.analyst.duckdb_source headway.analyst.sqlite_source headway.analyst.ibis_source
headway.analyst.clauses headway.analyst.compile headway.analyst.link
headway.analyst.samples headway.analyst.scan headway.analyst.figure
headway.analyst.charts headway.analyst.fit headway.analyst.database headway.analyst.roles
headway.analyst.study
headway.analyst.changes headway.analyst.contrasts headway.analyst.files headway.analyst.patterns
headway.analyst.reading
headway.analyst.implied headway.analyst.rankings headway.analyst.conditions headway.analyst.dims
headway.analyst.measures headway.analyst.findings
headway.analyst.defaults
headway.analyst.build
headway.analyst.understand
headway.analyst.examples
headway.analyst
headway.bounds
headway.entry headway.plans headway.redact headway.hub headway.answers
headway.artifacts
headway.estimate headway.session headway.incoming headway.updates
headway.stores.batch headway.stores.index
headway.stores.commit
headway.stores.memory
headway.stores.json_files.changes headway.stores.json_files.checkpoints headway.stores.json_files.disk
headway.stores.json_files.lock headway.stores.json_files.watch
headway.stores.json_files.array_text headway.stores.json_files.catalog headway.stores.json_files.journal
headway.stores.json_files.records headway.stores.json_files.replay
headway.stores.json_files.lines headway.stores.json_files.mending
headway.stores.json_files.archive
headway.stores.json_files.logs
headway.stores.json_files.opening
headway.stores.json_files.ledger headway.stores.json_files.reader
headway.stores.json_files.commits
headway.stores.json_files.store
headway.stores.json_files
headway.stores.redis_streams headway.stores.redis_streams.change headway.stores.redis_streams.keys
headway.stores.redis_streams.rows headway.stores.redis_streams.scripts
headway.stores.redis_streams.records headway.stores.redis_streams.server
headway.stores.redis_streams.logs headway.stores.redis_streams.rings
headway.stores.redis_streams.store
headway.stores.sql headway.stores.sql.doorbell headway.stores.sql.pool headway.stores.sql.listener
headway.stores.sql.rows headway.stores.sql.statements
headway.stores.sql.commit
headway.stores.sql.store
headway.stores.sql.sqlite headway.stores.sql.postgresql
headway.stores headway.recent
headway.testing.making
headway.testing.contract headway.testing.model
headway.testing.durable
headway.testing
headway.leases
headway.recorder
headway.reader
headway.logger
headway.live_run headway.retention headway.transfer
headway.orphans headway.stopping
headway.views.terminal headway.views.widget
headway.views.notebook
headway.views
headway.tracking
headway.requests.request
headway.requests.asking
headway.requests.chart headway.requests.file headway.requests.text
headway.requests
headway.runs
headway
headway.dashboard.guard headway.dashboard.headers headway.dashboard.client headway.dashboard.rates
headway.dashboard.options headway.dashboard.cli_remote headway.dashboard.cli_copy
headway.dashboard.runtime
headway.dashboard.components.remote headway.dashboard.components.progress_log
headway.dashboard.components.chat headway.dashboard.components.session_list
headway.dashboard.components
headway.dashboard.routes.streams headway.dashboard.routes.coalesce
headway.dashboard.routes.base headway.dashboard.routes.feed headway.dashboard.routes.components
headway.dashboard.routes.frames headway.dashboard.routes.farewell
headway.dashboard.routes.fanout
headway.dashboard.routes.rest headway.dashboard.routes.ws headway.dashboard.routes.sse
headway.dashboard.routes.files headway.dashboard.routes.door
headway.dashboard.routes
headway.dashboard
headway.dashboard.app headway.dashboard.listening headway.dashboard.secret_key headway.dashboard.workers
headway.dashboard.server
headway.dashboard.cli
headway.__main__
"""

HEAVY = {
    "duckdb",
    "ibis",
    "pandas",
    "numpy",
    "pyarrow",
    "xlsxwriter",
    "rich",
    "anywidget",
    "IPython",
}
# Imported only by the function that shows it: a widget's class cannot be made without its libraries.
LAZY = {"headway.views.widget"}
# One file by design: the page, a notebook and a foreign page load the same ESM (design.md, section 5).
WHOLE = {"core/views/progress.js"}
DASHBOARD_ONLY = {"panel", "panel_material_ui", "bokeh", "tornado", "param"}


def modules() -> dict[str, Path]:
    """Return every module of the package by its import name."""
    found = {}
    for folder, package in (("core", "headway"), ("dashboard", "headway.dashboard")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join((package, *parts)).removesuffix(".__init__")
            found[name] = path
    return found


MODULES = modules()
# `python -m headway` stands in core's folder and on top of the house: it is the command line.
CORE = {
    name: path
    for name, path in MODULES.items()
    if path.is_relative_to(ROOT / "core") and name != "headway.__main__"
}


def lines_of(violations: list[str]) -> str:
    return "\n".join(["", *violations])


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(name: str) -> Iterator[tuple[str, int]]:
    """Yield (imported module, line) of every import of module *name*: in functions and for typing too."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:  # `from .stores import memory` imports the module, not a name in it
                inner = f"{base}.{alias.name}"
                yield (inner if inner in MODULES else base), node.lineno


def where(name: str, line: int) -> str:
    return f"{MODULES[name].relative_to(ROOT)}:{line}"


def test_every_module_has_its_line_and_every_line_its_module():
    listed = FLOORS.split()
    assert sorted(listed) == sorted(set(listed)), "a module stands on one line only"
    wrong = [f"{name} has no line in FLOORS" for name in MODULES if name not in listed]
    wrong += [f"{name} in FLOORS is no module" for name in listed if name not in MODULES]
    assert not wrong, lines_of(wrong)


def test_a_module_imports_only_from_lines_above_its_own():
    # Lines are strictly above each other, so an import cycle cannot pass either.
    floor = {name: n for n, line in enumerate(FLOORS.splitlines()) for name in line.split()}
    wrong = [
        f"{where(name, line)}: {name} imports {imported}, which is not above it"
        for name in MODULES
        for imported, line in imports(name)
        if imported in floor and imported != name and floor[imported] >= floor.get(name, len(floor))
    ]
    assert not wrong, lines_of(wrong)


def test_core_knows_no_panel_and_no_tornado():
    wrong = [
        f"{where(name, line)}: {imported}"
        for name in CORE
        for imported, line in imports(name)
        if imported.split(".")[0] in DASHBOARD_ONLY or imported.startswith("headway.dashboard")
    ]
    assert not wrong, lines_of(wrong)


def test_core_imports_its_own_modules_relatively():
    wrong = [
        where(name, node.lineno)
        for name, path in CORE.items()
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Import) and any(a.name.split(".")[0] == "headway" for a in node.names))
        or (isinstance(node, ast.ImportFrom) and not node.level and node.module.split(".")[0] == "headway")
    ]
    assert not wrong, lines_of(wrong)


def test_core_imports_heavy_libraries_only_inside_functions():
    wrong = [
        f"{where(name, node.lineno)}: {ast.unparse(node)}"
        for name, path in CORE.items()
        for node in at_import_time(tree(path))
        if top_names(node) & HEAVY and name not in LAZY
    ]
    assert not wrong, lines_of(wrong)


def at_import_time(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports that run when the module is imported: not those in functions or for typing."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from at_import_time(child)


def top_names(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Return the top-level packages that an import statement names; none for a relative one."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return set() if node.level else {(node.module or "").split(".")[0]}


def test_nothing_imports_the_folders_by_their_own_names():
    # `import core` works from the root and gives second classes: core.Entry is not headway.Entry.
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in python_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom) and top_names(node) & {"core", "dashboard"}
    ]
    assert not wrong, lines_of(wrong)


def python_files() -> list[Path]:
    folders = ("core", "dashboard", "tests", "benchmarks", "scripts")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("module", ["headway", "headway.requests", "headway.analyst"])
def test_importing_the_core_is_light(module):
    code = f"import {module}, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {name.split(".")[0] for name in loaded.split()} & (HEAVY | DASHBOARD_ONLY) == set()


def test_no_file_is_longer_than_300_lines():
    views = [path for folder in ("core", "dashboard") for path in (ROOT / folder).rglob("*") if is_view(path)]
    long = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path in python_files() + views
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
        and path.relative_to(ROOT).as_posix() not in WHOLE
    ]
    assert not long, lines_of(long)


def is_view(path: Path) -> bool:
    return path.suffix in {".js", ".css"}


def test_no_function_is_longer_than_40_lines():
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {lines} lines"
        for path in python_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (lines := body_lines(node)) > 40
    ]
    assert not long, lines_of(long)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines from ``def`` to the end, without the docstring: explaining costs nothing."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or 0) - docstring.lineno + 1
    return lines
