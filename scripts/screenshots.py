"""Make the pictures of the README anew: ``python scripts/screenshots.py [FOLDER]``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from browser import find_browser
from playwright.sync_api import Browser, Page, sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
CHART = "Monthly revenue by region as a line chart"
FILE = "Export orders of 2023 to Excel"
TEXT = "What stands out in returns?"
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 780}


def main(folder: Path) -> None:
    """Start a server with an empty log, ask it the three kinds of requests, and take the pictures."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as logs, sync_playwright() as playwright:
        server = subprocess.Popen(
            [sys.executable, "-m", "headway", "serve", "--port", "0", "--store", f"json:{logs}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        address = next(word for line in server.stdout for word in line.split() if word.startswith("http://"))
        try:
            browser = playwright.chromium.launch(executable_path=find_browser())
            take(browser, address, folder)
            browser.close()
        finally:
            server.terminate()
            server.wait()


def take(browser: Browser, address: str, folder: Path) -> None:
    """Take all pictures."""
    page = opened(browser, address, WIDE, "light")
    page.screenshot(path=folder / "welcome.png")
    ask(page, FILE)
    page.locator('.run[data-status="running"]').first.wait_for()
    page.get_by_text("rows written").first.wait_for()
    page.screenshot(path=folder / "running.png")
    done(page)
    page.screenshot(path=folder / "file.png")
    again(page, CHART)
    page.locator("canvas, svg.marks").first.wait_for()
    page.screenshot(path=folder / "chart.png")
    again(page, TEXT)
    page.screenshot(path=folder / "findings.png")
    session = page.url
    dark = opened(browser, session, WIDE, "dark")
    done(dark)
    dark.screenshot(path=folder / "findings-dark.png")
    narrow = opened(browser, session, NARROW, "light")
    done(narrow)
    narrow.screenshot(path=folder / "narrow.png")


def opened(browser: Browser, address: str, size: dict[str, int], scheme: str) -> Page:
    """Open a page and wait until it can be used."""
    page = browser.new_context(
        viewport=size, device_scale_factor=2 if size is NARROW else 1, color_scheme=scheme
    ).new_page()
    page.goto(address)
    page.locator("textarea").wait_for()
    page.wait_for_load_state("networkidle")
    return page


def ask(page: Page, prompt: str) -> None:
    """Send a prompt."""
    page.locator("textarea").fill(prompt)
    page.keyboard.press("Enter")


def again(page: Page, prompt: str) -> None:
    """Ask in a new session and wait for the end."""
    page.get_by_role("button", name="New chat").click()
    ask(page, prompt)
    done(page)


def done(page: Page) -> None:
    """Wait until the run in sight has ended and nothing moves any more."""
    page.locator('.run[data-status="completed"]').first.wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)  # animations


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
