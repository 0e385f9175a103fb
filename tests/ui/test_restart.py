"""A server that dies: nothing acknowledged is lost, and an open page comes back by itself."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest
from driving import Headway, Tab, steps
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headway]:
    mortal = Headway(tmp_path_factory.mktemp("mortal"))
    yield mortal
    mortal.kill(signal.SIGTERM)


def test_after_a_kill_the_log_the_results_and_the_dot_are_there_and_the_page_comes_back(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    dotted = f"{session_id}-dotted"
    server.post(dotted, *steps(f"{dotted}.1", range(1, 4), 3, prompt="Unseen", status="completed"))
    watching = tab()
    page = watching.open()
    page.get_by_label("Prompt").fill("Monthly revenue by region as a line chart")
    page.keyboard.press("Enter")
    expect(page.locator(".vega canvas")).to_be_visible()
    page.get_by_label("Prompt").fill("Export orders of December 2023 to Excel")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    page.get_by_label("Prompt").fill("hold on")
    page.keyboard.press("Enter")
    expect(page.locator(".turn")).to_have_count(3)
    page.get_by_label("Prompt").fill("not yet sent")
    here = page.url
    server.kill()
    expect(page.locator(".banner")).to_contain_text("cannot be reached")
    with page.expect_navigation():
        server.start()
    page.locator("textarea").wait_for()
    assert page.url == here
    expect(page.get_by_label("Prompt")).to_have_value("not yet sent")
    expect(page.locator(".turn")).to_have_count(3)
    interrupted = "Interrupted: the server stopped while this was under way"
    expect(page.locator(".trouble > div")).to_have_text(f"{interrupted}Try again")
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    page.locator(".chart-card").scroll_into_view_if_needed()
    expect(page.locator(".vega canvas")).to_be_visible()
    expect(page.locator(".session[data-state=unread]")).to_contain_text("Unseen")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    watching.forgive("ERR_CONNECTION|WebSocket|Failed to fetch|ERR_EMPTY_RESPONSE|Lost websocket")
