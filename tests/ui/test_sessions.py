"""The session list: live, with dots that clear everywhere; rename, delete and undo; by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable

from driving import Headway, Tab, steps
from playwright.sync_api import Page, expect


def titled(server: Headway, session_id: str, title: str, **last: object) -> None:
    """Make a session with a run in it; *last* are fields of its last entry."""
    server.post(session_id, *steps(f"{session_id}.1", range(1, 3), 3, prompt=title, **last))
    server.call("PATCH", f"sessions/{session_id}", {"title": title})


def row(page: Page, title: str) -> object:
    return page.locator(".session", has=page.locator(".row-title", has_text=re.compile(f"^{title}$")))


def test_a_dot_comes_when_work_ends_unseen_and_goes_on_all_pages_when_it_is_read(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    titled(server, session_id, "Dotted")
    pages = [tab().open(), tab().open()]
    for page in pages:
        expect(row(page, "Dotted")).to_have_attribute("data-state", "working")
    server.post(session_id, *steps(f"{session_id}.1", range(3, 4), 3, status="completed"))
    for page in pages:
        expect(row(page, "Dotted")).to_have_attribute("data-state", "unread")
        expect(page).to_have_title(re.compile(r"^\(\d+\) Headway$"))
    pages[1].locator(".row-open", has_text="Dotted").click()
    for page in pages:
        expect(row(page, "Dotted")).to_have_attribute("data-state", "read")
    expect(pages[1]).to_have_title(re.compile("Dotted · Headway$"))
    assert server.call("GET", f"sessions/{session_id}")["has_notification"] is False


def test_what_ends_before_the_eyes_of_the_reader_leaves_no_dot(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    titled(server, session_id, "Watched")
    page = tab().open(session_id)
    expect(page.locator(".run-time")).to_contain_text("2 of 3")
    server.post(session_id, *steps(f"{session_id}.1", range(3, 4), 3, status="completed"))
    expect(row(page, "Watched")).to_have_attribute("data-state", "read")
    expect(page.locator(".run-title")).to_have_text("Completed")
    page.get_by_role("button", name="New chat").click()
    expect(row(page, "Watched")).to_have_attribute("data-state", "read")
    assert server.call("GET", f"sessions/{session_id}")["has_notification"] is False


def test_new_work_hides_the_dot_of_the_last_until_it_has_ended(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    titled(server, session_id, "Busy again", status="completed")
    page = tab().open()
    expect(row(page, "Busy again")).to_have_attribute("data-state", "unread")
    server.post(session_id, *steps(f"{session_id}.2", range(1, 2), 2))
    expect(row(page, "Busy again")).to_have_attribute("data-state", "working")
    expect(row(page, "Busy again").locator(".sr")).to_have_text(", working")
    expect(row(page, "Busy again")).to_contain_text("Working…")
    assert server.call("GET", f"sessions/{session_id}")["has_notification"] is True
    server.post(session_id, *steps(f"{session_id}.2", range(2, 3), 2, status="completed"))
    expect(row(page, "Busy again")).to_have_attribute("data-state", "unread")


def test_a_session_that_nobody_named_goes_by_its_id(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    server.post(session_id, *steps(None, range(1, 2), 2))
    page = tab().open(session_id)
    expect(row(page, session_id)).to_be_visible()
    expect(page).to_have_title(re.compile(f"{session_id} · Headway$"))


def test_enter_in_the_title_neither_opens_the_session_nor_reads_it(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    titled(server, f"{session_id}-1", "In sight", status="completed")
    titled(server, f"{session_id}-2", "Left unread", status="completed")
    page = tab().open(f"{session_id}-1")
    page.locator(".row-open", has_text="Left unread").focus()
    page.keyboard.press("F2")
    page.keyboard.type("Still unread")
    page.keyboard.press("Enter")
    expect(page.locator(".row-open", has_text="Still unread")).to_be_focused()
    expect(page).to_have_title(re.compile("In sight · Headway$"))
    expect(row(page, "Still unread")).to_have_attribute("data-state", "unread")
    assert page.url.endswith(f"session={session_id}-1")


def test_a_session_that_failed_is_marked(server: Headway, tab: Callable[..., Tab], session_id: str) -> None:
    titled(server, session_id, "Failing", status="error")
    page = tab().open(session_id)
    expect(row(page, "Failing")).to_have_attribute("data-state", "failed")
    expect(row(page, "Failing")).to_contain_text("Did not finish")


def test_a_new_title_is_seen_in_the_other_browser(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    titled(server, session_id, "Old title", status="completed")
    page, other = tab().open(session_id), tab().open()
    row(page, "Old title").hover()
    row(page, "Old title").get_by_role("button", name="Rename").click()
    page.keyboard.type("New <b>title</b>")
    page.keyboard.press("Enter")
    for each in (page, other):
        expect(each.locator(".row-title", has_text="New <b>title</b>")).to_be_visible()
    assert server.call("GET", f"sessions/{session_id}")["title"] == "New <b>title</b>"


def test_a_deleted_session_can_be_brought_back_and_is_deleted_when_the_page_is_left(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    titled(server, session_id, "Regretted", status="completed")
    leaving = tab()
    page = leaving.open(session_id)
    row(page, "Regretted").hover()
    row(page, "Regretted").get_by_role("button", name="Delete").click()
    expect(row(page, "Regretted")).to_have_count(0)
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "Regretted")).to_be_visible()
    page.locator(".row-open", has_text="Regretted").press("Delete")
    expect(page.get_by_text("Deleted “Regretted”")).to_be_visible()
    page.goto(server.url)
    gone = "async id => (await fetch(`api/sessions/${id}`)).status === 404"
    page.wait_for_function(gone, arg=session_id)
    expect(row(page, "Regretted")).to_have_count(0)
    leaving.forgive("404")


def test_everything_can_be_done_by_keyboard(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    titled(server, f"{session_id}-1", "Lower", status="completed")
    titled(server, f"{session_id}-2", "Upper", status="completed")
    page = tab().open()
    expect(page.get_by_label("Prompt")).to_be_focused()
    expect(row(page, "Upper")).to_be_visible()
    page.locator(".row-open", has_text="Upper").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".row-open", has_text="Lower")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".bubble")).to_contain_text("Lower")
    page.locator(".row-open", has_text="Lower").focus()
    page.keyboard.press("F2")
    page.keyboard.type("Renamed")
    page.keyboard.press("Escape")
    expect(row(page, "Lower")).to_be_visible()
    page.keyboard.press("F2")
    page.keyboard.type("Renamed")
    page.keyboard.press("Enter")
    expect(row(page, "Renamed")).to_be_visible()
    expect(page.locator(".row-open", has_text="Renamed")).to_be_focused()
    page.keyboard.press("Delete")
    expect(row(page, "Renamed")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.get_by_label("Prompt")).to_be_focused()
    page.keyboard.type("a/b")
    expect(page.get_by_label("Prompt")).to_have_value("a/b")
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="Auto")).to_be_focused()
    page.locator(".new").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Prompt")).to_be_focused()
    page.locator(".new").focus()
    page.keyboard.press("Control+k")
    expect(page.get_by_label("Prompt")).to_be_focused()


def test_older_sessions_come_on_request(tab: Callable[..., Tab], tmp_path_factory: object) -> None:
    crowd = Headway(tmp_path_factory.mktemp("crowd"))
    for number in range(60):
        crowd.post(f"session-{number:03}", *steps(None, range(1, 2), 1))
    crowded = tab(crowd)
    page = crowded.open()
    expect(page.locator(".session")).to_have_count(50)
    page.get_by_role("button", name="Show older").click()
    expect(page.locator(".session")).to_have_count(60)
    expect(page.get_by_role("button", name="Show older")).to_be_hidden()
    page.close()
    crowd.kill()
