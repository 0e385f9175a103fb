"""The notebooks run to their end, and one is live in a real JupyterLab."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from browser import find_browser
from nbclient import NotebookClient
from playwright.sync_api import Page, sync_playwright

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
BIN = str(Path(sys.executable).parent)


@pytest.fixture
def surroundings(tmp_path, monkeypatch) -> Path:
    """Run kernels in an empty folder, with nothing of this machine's Jupyter set-up."""
    for name in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / "jupyter" / name.lower()))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("PATH", BIN + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def dashboard(surroundings, monkeypatch) -> Iterator[str]:
    """Give the address of a running dashboard with the sample data."""
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "headway",
            "serve",
            "--port",
            "0",
            "--store",
            f"json:{surroundings / 'server'}",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    address = next(word for line in server.stdout for word in line.split() if word.startswith("http://"))
    monkeypatch.setenv("HEADWAY_URL", address)
    yield address
    server.terminate()
    assert server.wait(20) == 0
    server.stdout.close()


def run_notebook(name: str, folder: Path) -> nbformat.NotebookNode:
    """Execute a notebook in a kernel of its own and return it with its outputs."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def texts(notebook: nbformat.NotebookNode) -> str:
    """Return all that the cells printed and gave back."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in outputs
    )


def test_log_and_watch_leaves_every_run_in_the_log(surroundings):
    said = texts(run_notebook("01_log_and_watch", surroundings))
    assert str(sum(n for n in range(2, 60_000) if all(n % d for d in range(2, int(n**0.5) + 1)))) in said
    titles = {}
    for path in (surroundings / "logs").glob("*_progress.json"):
        entries = json.loads(path.read_text("utf-8"))
        titles[(entries[0].get("data") or {}).get("title")] = entries[-1].get("status", "running")
    assert titles == {
        "Primes": "completed",
        "In a thread": "completed",
        "Awaiting": "completed",
        None: "running",  # the plain session: it has a notification and no terminal entry
    }


def test_watch_a_server_follows_a_request_to_its_chart(dashboard, surroundings):
    notebook = run_notebook("02_watch_a_server", surroundings)
    said = texts(notebook)
    for step in (
        "Scanning databases",
        "Analyzing data",
        "Fetching relevant data",
        "Generating visualization",
    ):
        assert step in said
    views = [o.data for cell in notebook.cells for o in cell.get("outputs", []) if "data" in o]
    assert any("application/vnd.jupyter.widget-view+json" in data for data in views)


def test_a_request_type_of_ones_own_is_asked_like_the_others(surroundings):
    said = texts(run_notebook("03_your_own_request_type", surroundings))
    assert "['chart', 'file', 'text', 'forecast']" in said
    assert "Month 3 from now" in said


BUSY = """\
import headway
with headway.run("Busy", plan=["Counting", "Waiting"]) as run:
    run.step("Counting", "in a plain loop")
    n = 0
    while not __import__("os").path.exists("seen"):   # the kernel is busy until the browser has seen the step
        n += 1
        if n % 200_000 == 0:
            run.update(message=f"{n:,} turns")
    run.step("Waiting")
"""
THREAD = """\
import os, threading, time
def work():
    with headway.run("Thread", plan=["Working", "Resting"]) as run:
        run.step("Working", "in the background")
        while not os.path.exists("seen-thread"):
            time.sleep(0.01)
        run.step("Resting")
threading.Thread(target=work).start()
"""
AWAIT = """\
import asyncio
with headway.run("Await", plan=["Hoping", "Having"]) as run:
    run.step("Hoping", "while the cell awaits")
    while not os.path.exists("seen-await"):
        await asyncio.sleep(0.01)
    run.step("Having")
"""


@pytest.fixture
def lab(surroundings) -> Iterator[str]:
    """Give the address of a real JupyterLab on the notebook ``live.ipynb``."""
    cells = [nbformat.v4.new_code_cell(source) for source in (BUSY, THREAD, AWAIT)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), surroundings / "live.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(surroundings.parent / "lab.log", "w") as log:
        server = subprocess.Popen(
            [
                sys.executable,
                *("-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
                *("--IdentityProvider.token=", f"--ServerApp.root_dir={surroundings}"),
                *("--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        yield f"http://127.0.0.1:{port}/lab/tree/live.ipynb"
        server.terminate()
        server.wait(30)


def test_steps_appear_in_jupyterlab_while_the_kernel_is_busy_awaits_or_works_in_a_thread(lab, surroundings):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page()
        outside: list[str] = []
        page.on("request", lambda request: outside.append(request.url) if _leaves(request.url) else None)
        _open(page, lab)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        for text, mark in (
            ("turns", "seen"),
            ("in the background", "seen-thread"),
            ("while the cell awaits", "seen-await"),
        ):
            page.get_by_text(text).first.wait_for(timeout=60_000)
            (surroundings / mark).touch()
        for step in ("Waiting", "Resting", "Having"):
            page.get_by_text(step, exact=True).first.wait_for(timeout=30_000)
        page.wait_for_function(_COMPLETED, timeout=30_000)
        browser.close()
    assert outside == []


_COMPLETED = """() => [...document.querySelectorAll(".jp-OutputArea-output *")]
  .filter(el => el.shadowRoot?.querySelector(".run[data-status=completed]")).length === 3"""


def _leaves(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))


def _open(page: Page, address: str) -> None:
    """Load the notebook, once the server answers and the kernel is ready."""
    for _ in range(200):
        try:
            page.goto(address)
            break
        except Exception as error:  # the server is not listening yet
            if "ERR_CONNECTION_REFUSED" not in str(error):
                raise
            page.wait_for_timeout(100)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
