"""The page is used before Panel's scripts are there, and nothing is lost when its components take over."""

from __future__ import annotations

from collections.abc import Callable

from driving import Headway, Tab, steps
from playwright.sync_api import Route, expect


def test_what_is_done_before_panel_is_there_is_kept_when_it_comes(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    server.post(session_id, *steps(f"{session_id}.1", range(1, 2), 3, prompt="From before"))
    server.call("PATCH", f"sessions/{session_id}", {"title": "From before"})
    held: list[Route] = []
    page = tab().page
    page.route("**/panel.min.js*", lambda route: held.append(route))
    page.goto(server.url, wait_until="commit")
    page.locator(".row-open", has_text="From before").first.click()
    expect(page.locator(".bubble")).to_contain_text("From before")
    page.get_by_label("Prompt").fill("hold it")
    page.keyboard.press("Enter")
    expect(page.locator(".turn")).to_have_count(2)
    page.get_by_label("Prompt").fill("half a sentence")
    assert page.evaluate("window.Panel === undefined")
    for route in held:
        route.continue_()
    expect(page.get_by_role("button", name="Toggle theme")).to_be_visible()
    expect(page.locator("#headway-shape")).to_have_count(0)
    expect(page.get_by_label("Prompt")).to_be_focused()
    page.keyboard.type(", and its end")
    expect(page.get_by_label("Prompt")).to_have_value("half a sentence, and its end")
    expect(page.locator(".turn")).to_have_count(2)
    expect(page).to_have_url(f"{server.url}/?session={session_id}")
    server.let_go(session_id)
    expect(page.locator(".understood")).to_have_text("It was let go")
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    page.go_back()
    expect(page.locator(".turn")).to_have_count(2)
