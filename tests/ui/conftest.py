"""Fixtures of the browser tests: a real server, real Chromium, and no other host."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import find_browser
from driving import Headway, Tab
from playwright.sync_api import Browser, BrowserContext, sync_playwright


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headway]:
    running = Headway(tmp_path_factory.mktemp("server"))
    yield running
    running.kill(signal.SIGTERM)
    assert "Traceback" not in running.log(), running.log()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # A module's: as long as Playwright lives, no other event loop can start in the main thread.
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def tab(
    browser: Browser, server: Headway, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Tab]]:
    """Give a function that opens a tab of a browser of its own; at the end all are looked at."""
    contexts: list[BrowserContext] = []
    tabs: list[Tab] = []

    def make(server: Headway = server, **options: Any) -> Tab:
        options = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light", **options}
        contexts.append(browser.new_context(**options))
        tabs.append(Tab(contexts[-1].new_page(), server))
        return tabs[-1]

    failed = request.session.testsfailed
    yield make
    for number, made in enumerate(tabs):
        if request.session.testsfailed > failed or made.problems or made.strangers:
            made.page.screenshot(path=tmp_path / f"tab-{number}.png")
    for context in contexts:
        context.close()
    assert [(made.problems, made.strangers) for made in tabs] == [([], [])] * len(tabs), f"see {tmp_path}"


@pytest.fixture
def session_id() -> str:
    return str(uuid.uuid4())
