"""What is asked and what comes of it: charts, files, findings, errors, stopping; nothing typed is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import openpyxl
from driving import Headway, Tab
from playwright.sync_api import Page, expect


def ask(page: Page, prompt: str) -> str:
    """Send a prompt in a new chat and return the id of its session."""
    page.get_by_label("Prompt").fill(prompt)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("session="))
    return page.url.partition("session=")[2]


def test_a_chart_is_drawn_and_redrawn_in_the_dark(tab: Callable[..., Tab]) -> None:
    page = tab().open()
    ask(page, "Monthly revenue by region as a line chart")
    expect(page.locator(".run-title")).to_have_text("Completed")
    expect(page.locator(".understood")).to_contain_text("revenue by month and region")
    canvas = page.locator(".vega canvas")
    expect(canvas).to_be_visible()
    light = canvas.screenshot()
    page.get_by_role("button", name="Toggle theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.wait_for_function(
        "before => document.documentElement.style.colorScheme === 'dark' && before", arg=True
    )
    assert canvas.screenshot() != light
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(canvas).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_the_downloaded_excel_file_has_the_rows_of_the_database(
    server: Headway, tab: Callable[..., Tab], tmp_path: Path
) -> None:
    page = tab().open()
    ask(page, "Export orders of December 2023 to Excel")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert saved.suffix == ".xlsx"
    with closing(openpyxl.load_workbook(saved, read_only=True)) as workbook:
        header, *rows = workbook.active.iter_rows(values_only=True)
    database = next(Path(server.folder).rglob("*.duckdb"))
    with duckdb.connect(str(database), read_only=True) as shop:
        found = shop.execute(
            "SELECT * FROM orders WHERE order_date BETWEEN '2023-12-01' AND '2023-12-31' ORDER BY order_id"
        )
        assert [name for name, *_ in found.description] == list(header)
        expected = found.fetchall()
    plain = [tuple(str(value)[:10] for value in row) for row in rows]
    assert sorted(plain) == sorted(tuple(str(value)[:10] for value in row) for row in expected)
    expect(page.locator(".file-facts")).to_contain_text(f"XLSX · {len(expected):,} rows")


def test_findings_come_with_their_numbers(tab: Callable[..., Tab]) -> None:
    page = tab().open()
    ask(page, "What stands out in returns?")
    expect(page.locator(".findings li").first).to_be_visible()
    page.get_by_text("The numbers").first.click()
    expect(page.locator(".proof[open] dl").first).to_be_visible()
    expect(page.locator(".proof[open] pre").first).to_contain_text("SELECT")


def test_a_request_that_fails_says_why_and_offers_what_works(
    server: Headway, tab: Callable[..., Tab]
) -> None:
    page = tab().open()
    session_id = ask(page, "break this")
    card = page.locator(".trouble")
    expect(card).to_contain_text("there is no <b>column</b> 'x'")
    expect(card).to_contain_text("Ask for a column that there is.")
    card.get_by_role("button", name="Try again").click()
    expect(page.locator(".turn")).to_have_count(2)
    server.let_go(session_id)
    page.locator(".trouble").last.get_by_role("button", name="Hold on").click()
    expect(page.locator(".bubble").last).to_contain_text("Hold on")
    expect(page.locator(".understood")).to_have_text("It was let go")


def test_a_run_can_be_stopped(tab: Callable[..., Tab]) -> None:
    page = tab().open()
    ask(page, "hold until stopped")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".run-title")).to_have_text("Stopped")
    expect(page.locator(".stopped")).to_be_visible()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()


def test_the_kind_of_answer_can_be_chosen(server: Headway, tab: Callable[..., Tab]) -> None:
    page = tab().open()
    page.get_by_role("radio", name="Held").check(force=True)
    session_id = ask(page, "Monthly revenue by region")
    server.let_go(session_id)
    expect(page.locator(".understood")).to_have_text("It was let go")


def test_a_refused_prompt_stays_in_the_composer_with_the_reason(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    refusing = tab()
    page = refusing.open()
    prompt = "far too long " * 400  # more than the server takes
    page.get_by_label("Prompt").evaluate(
        "field => { field.maxLength = 9000 }"
    )  # else the page would not let it
    page.get_by_label("Prompt").fill(prompt)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("4000")
    expect(page.get_by_label("Prompt")).to_have_value(prompt)
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    refusing.forgive("400")


def test_a_draft_outlives_other_chats_and_reloads(
    server: Headway, tab: Callable[..., Tab], session_id: str
) -> None:
    server.call("POST", "sessions", {"title": "Elsewhere"})
    page = tab().open()
    page.get_by_label("Prompt").fill("half a thought")
    page.locator(".row-open", has_text="Elsewhere").first.click()
    expect(page.get_by_label("Prompt")).to_have_value("")
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_label("Prompt")).to_have_value("half a thought")
    page.reload()
    expect(page.get_by_label("Prompt")).to_have_value("half a thought")
