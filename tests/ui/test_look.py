"""How it looks: light and dark, 360 px to 4K, calm for who wants it calm, and text is only ever text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from driving import Headway, Tab, steps
from playwright.sync_api import Page, expect

HOSTILE = "<img src=x onerror=\"document.body.dataset.hacked='yes'\"><b>bold</b>‮&amp;"
SIDEWAYS = "() => document.scrollingElement.scrollWidth > innerWidth"


def background(page: Page) -> str:
    return page.locator(".box").evaluate("box => getComputedStyle(box).backgroundColor")


@pytest.mark.parametrize(("scheme", "colour"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(28, 31, 38)")])
def test_the_first_visit_follows_the_system(tab: Callable[..., Tab], scheme: str, colour: str) -> None:
    page = tab(color_scheme=scheme).open()
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=scheme)
    assert background(page) == colour


def test_nothing_overflows_at_360_px(server: Headway, tab: Callable[..., Tab], session_id: str) -> None:
    long = "a very long word: " + "x" * 300
    error = {"error": {"message": long, "hint": long, "examples": [long]}}
    entries = steps(f"{session_id}.1", range(1, 3), 3, prompt=long, status="error", data=error)
    server.post(session_id, *[entry | {"message": long} for entry in entries])
    page = tab(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).open(session_id)
    expect(page.locator(".trouble")).to_be_visible()
    assert not page.evaluate(SIDEWAYS)
    inside = page.locator(".conversation, .bubble, .run, .trouble, .box").evaluate_all(
        "all => all.every(one => one.getBoundingClientRect().right <= innerWidth)"
    )
    assert inside
    expect(page.locator(".sessions")).to_be_hidden()
    page.get_by_role("button", name="Open drawer").click()
    page.get_by_role("button", name="New chat").click()
    expect(page.locator(".sessions")).to_be_hidden()
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    assert not page.evaluate(SIDEWAYS)


def test_at_4k_the_column_stays_readable(tab: Callable[..., Tab]) -> None:
    page = tab(viewport={"width": 3840, "height": 2160}).open()
    width = page.locator(".box").evaluate("box => box.getBoundingClientRect().width")
    assert 700 < width < 1300
    assert not page.evaluate(SIDEWAYS)


def test_text_is_shown_as_text_wherever_it_comes_from(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    artifact = {
        "artifact_id": "0" * 32, "kind": "file", "name": HOSTILE, "media_type": "text/csv", "bytes": 1,
    }  # fmt: skip
    first, last = steps(f"{session_id}.1", range(1, 3), 2, prompt=HOSTILE)
    first["data"]["plan"] = [HOSTILE, "Step 2"]
    found = {"understood": HOSTILE, "ignored": [HOSTILE], "artifacts": [artifact]}
    server.post(
        session_id,
        first | {"step": HOSTILE, "message": HOSTILE},
        last | {"status": "completed", "data": found},
    )
    failed = {"error": {"message": HOSTILE, "hint": HOSTILE, "examples": [HOSTILE]}}
    server.post(session_id, *steps(f"{session_id}.2", range(1, 2), 1, prompt="x", status="error"))
    entries = steps(f"{session_id}.3", range(1, 3), 2, prompt=HOSTILE, status="error", data=failed)
    server.post(session_id, *entries)
    server.call("PATCH", f"sessions/{session_id}", {"title": HOSTILE})
    page = tab().open(session_id)
    expect(page.locator(".turn")).to_have_count(3)
    for shown in (".bubble", ".understood", ".ignored", ".file-facts strong"):
        expect(page.locator(shown).first).to_contain_text("<b>bold</b>")
    for shown in (".trouble p", ".trouble .note", ".trouble .example"):
        expect(page.locator(".turn").last.locator(shown).first).to_contain_text("<b>bold</b>")
    expect(page.locator(".row-title", has_text="<b>bold</b>")).to_be_visible()
    page.locator(".run-fold").first.click()
    expect(page.locator(".row .message").first).to_contain_text("<b>bold</b>")
    assert page.locator(".conversation img, .conversation b, .sessions img, .sessions b").count() == 0
    assert page.evaluate("document.body.dataset.hacked") is None


def test_nothing_moves_for_who_wants_less_motion(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    server.post(session_id, *steps(f"{session_id}.1", range(1, 3), 3, prompt="Calm"))
    page = tab(reduced_motion="reduce").open(session_id)
    expect(page.locator(".row[aria-current=step]")).to_be_visible()
    moving = page.evaluate("""() => {
      const inner = element => (element.shadowRoot ? all(element.shadowRoot) : [])
      const all = root => [...root.querySelectorAll("*")].flatMap(element => [element, ...inner(element)])
      const ours = all(document).filter(element => element.closest(".conversation, .sessions"))
      return ours.flatMap(element => element.getAnimations()).length
    }""")
    assert moving == 0


def test_the_reader_who_scrolled_up_is_left_alone(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    for number in range(1, 16):
        run = steps(f"{session_id}.{number}", range(1, 2), 1, prompt=f"Prompt {number}", status="completed")
        server.post(session_id, *run)
    page = tab().open(session_id)
    expect(page.locator(".bubble").last).to_be_in_viewport()
    page.locator(".scroller").hover()
    page.mouse.wheel(0, -4000)
    expect(page.locator(".bubble").first).to_be_in_viewport()
    server.post(session_id, *steps(f"{session_id}.99", range(1, 4), 5, prompt="The latest"))
    expect(page.locator(".turn")).to_have_count(16)
    expect(page.locator(".bubble").first).to_be_in_viewport()
    page.get_by_role("button", name="Jump to the latest").click()
    expect(page.locator(".bubble").last).to_be_in_viewport()
    server.post(session_id, *steps(f"{session_id}.99", range(4, 6), 5, status="completed"))
    expect(page.locator(".run-title").last).to_have_text("Completed")
    expect(page.locator(".run").last).to_be_in_viewport()
