"""Find the browser that tests, benchmarks and screenshots drive; ``python scripts/browser.py`` installs one.

In this order: the one that ``HEADWAY_BROWSER`` names, an installed Chromium or Chrome, Playwright's own.
When there is none the script installs Debian's package (on Debian, as root or with sudo), else Playwright's.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import debian

COMMANDS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
# In a process of its own: Playwright's synchronous interface refuses to start inside a running event loop.
ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def find_browser() -> str:
    """Return the path of a Chromium or Chrome.

    Raises
    ------
    FileNotFoundError
        There is none, or ``HEADWAY_BROWSER`` names a file that does not exist.
    """
    chosen = os.environ.get("HEADWAY_BROWSER")
    if chosen:
        if not Path(chosen).is_file():
            raise FileNotFoundError(f"HEADWAY_BROWSER is {chosen!r}, which is no file")
        return chosen
    for path in _candidates():
        if Path(path).is_file():
            return path
    raise FileNotFoundError("no Chromium or Chrome: run `python scripts/browser.py`, or set HEADWAY_BROWSER")


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, COMMANDS))
    yield from PLACES
    asked = subprocess.run([sys.executable, "-c", ASK_PLAYWRIGHT], capture_output=True, text=True)
    yield asked.stdout.strip()


def install() -> None:
    """Install a browser: Debian's package where that is possible, else Playwright's own download."""
    if not debian.install("chromium"):
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, stdout=sys.stderr, check=True)


if __name__ == "__main__":
    try:
        found = find_browser()
    except FileNotFoundError:
        if os.environ.get("HEADWAY_BROWSER"):
            raise  # a wrong choice is not mended by installing another browser
        install()
        found = find_browser()
    print(found)
