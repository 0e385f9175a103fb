"""The same parts on other pages: Panel's own server, a page of one's own, a plain web page."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest
from driving import HERE, Headway, Tab, steps
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headway]:
    """Give a `panel serve` of two pages, below a prefix, with our routes as a plugin."""
    arguments = [
        "-m", "panel", "serve", str(HERE / "whole.py"), str(HERE / "part.py"), "--plugins",
        "headway.dashboard.routes", "--port", "{port}", "--prefix", "below/this",
        "--allow-websocket-origin", "localhost:{port}",
    ]  # fmt: skip
    running = Headway(tmp_path_factory.mktemp("panel"), arguments, "/below/this/whole")
    yield running
    running.kill(signal.SIGTERM)


def test_the_page_works_under_panel_serve_and_a_prefix(tab: Callable[..., Tab]) -> None:
    page = tab().open()
    page.get_by_label("Prompt").fill("Monthly revenue by region as a line chart")
    page.keyboard.press("Enter")
    expect(page.locator(".vega canvas")).to_be_visible()
    page.reload()
    expect(page.locator(".vega canvas")).to_be_visible()


def test_progress_log_in_a_page_of_ones_own_calls_back_when_the_run_ends(
    server: Headway, tab: Callable[..., Tab]
) -> None:
    server.post("part", *steps("part.1", range(1, 2), 2, prompt="Part of a page"))
    page = tab().page
    page.goto(f"{server.url}/below/this/part")
    expect(page.locator(".run-title")).to_have_text("Step 1")
    server.post("part", *steps("part.1", range(2, 3), 2, status="completed"))
    expect(page.get_by_text("ended: completed")).to_be_visible()


def test_the_web_component_needs_nothing_around_it(server: Headway, tab: Callable[..., Tab]) -> None:
    server.post("plain", *steps("plain.1", range(1, 3), 3, prompt="Plain"))
    page = tab().page
    page.goto(f"{server.routes}/part")
    page.evaluate("""async () => {
      await import(new URL("headway/progress.js", location))
      const ours = document.createElement("headway-progress")
      ours.setAttribute("session-id", "plain")
      document.body.append(ours)
    }""")
    title = page.locator("headway-progress .run-title")
    expect(title).to_have_text("Step 2")
    server.post("plain", *steps("plain.1", range(3, 4), 3, status="completed"))
    expect(title).to_have_text("Completed")
