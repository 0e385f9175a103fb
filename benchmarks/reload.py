"""What a reader still sees of a run's 100 steps after a reload, in a second browser, after a restart.

Run it: ``python benchmarks/reload.py [--rivals-python PATH] [--seconds 0.2] [--only NAME ...]``; it takes
15 minutes. Panel comes with Headway. The other rivals are installed by hand, in an environment of their
own, because their dependencies may clash with ours: ``pip install chainlit 'sqlalchemy[asyncio]' aiosqlite
gradio streamlit``. Those that are missing are named.

Each product serves the app in `rivals/` that does the same work, 100 batches of 0.2 s, and shows each as a
step in the way that its documentation recommends; `rivals/products.py` says how each is set up, and why.
The middle must last longer than any page takes to load, hence 0.2 s. Chromium asks, and then, on a fresh
server each:

* *whole*: steps shown when nothing happens (the control: with less than 100 the app is unfair), and the
  time *took*, of which 20 s are work;
* *restart*: steps shown when, after that run, the server was killed (-9) and started, and the page opened;
* *reload*: steps shown at the end when the page was reloaded in the middle; *(done)*: batches really done;
* *closed*: batches really done when the tab was closed in the middle;
* *second*: steps shown at the end in a second browser of the same user that opened the conversation's
  address in the middle; "-" where a conversation has no address.

A step counts when its name is visible on the page. Where steps are folded or put away, the reader gets the
one click that brings them back. What an app's author could write on top (tables of their own, threads that
outlive a session) is not counted, for any of them. Telemetry is off by each product's setting, and
Chromium resolves no name but localhost; what the pages asked for elsewhere is listed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

APPS = Path(__file__).parent / "rivals"
sys.path += [str(APPS), str(Path(__file__).parents[1] / "scripts")]

from browser import find_browser  # noqa: E402
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright  # noqa: E402
from products import PRODUCTS, Product  # noqa: E402
from work import BATCHES  # noqa: E402

QUIET = 5.0  # seconds without a batch after which a run is over
STILL = 15.0  # seconds without a change after which a page shows what it will ever show
SETTLE = 3.0  # seconds that a page is left alone after its load (Chainlit signs in and loads again)
PATIENCE = 120.0  # seconds for a server to start, or a run to come to its middle
BOX = "textarea:visible, #chat-input"  # where a reader asks
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"

# The batches whose names are visible on the page, shadow roots included; not Headway's steps to come.
SHOWN = r"""
() => {
  const found = new Set()
  const look = root => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.shadowRoot) look(node.shadowRoot)
      const name = node.nodeType === Node.TEXT_NODE && node.data.match(/^\s*Batch (\d+)\s*$/)
      if (!name || node.parentElement.closest("li.row[data-status=pending]")) continue
      if (node.parentElement.checkVisibility({visibilityProperty: true})) found.add(name[1])
    }
  }
  look(document)
  return found.size
}
"""


class Server:
    """A product's server, on a port and in a folder that outlive the process."""

    def __init__(self, product: Product, python: str, folder: Path, seconds: float) -> None:
        self.product = product
        self.folder = folder
        self.trace = folder / "done"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://localhost:{port}/{product.path}"
        self.command = [python, *product.command.format(app=APPS / product.app, port=port).split()]
        self.settings = product.settings | {
            "PYTHONPATH": str(APPS),
            "RELOAD_DONE": str(self.trace),
            "RELOAD_PORT": str(port),
            "RELOAD_SECONDS": str(seconds),
        }

    def __enter__(self) -> Server:
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=os.environ | self.settings,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(self.answers, f"{self.product.name} to answer")
        return self

    def __exit__(self, *problem: object) -> None:
        """Kill -9, helpers included."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def answers(self) -> bool:
        """Tell whether the server is up."""
        if self.process.poll() is not None:
            raise RuntimeError((self.folder / "output").read_text())
        with contextlib.suppress(OSError), urlopen(self.url, timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def done(self) -> int:
        """Return how many batches were really done so far."""
        return len(self.trace.read_text().splitlines()) if self.trace.exists() else 0

    def must_be_working(self) -> None:
        """Raise if the run was over before a page was there to see it."""
        if self.done() == BATCHES:
            raise RuntimeError(f"{self.product.name}'s page came after the run: give more --seconds")

    def ask(self, page: Page) -> None:
        """Start a run, and return when it is in its middle."""
        page.goto(self.url)
        box = page.locator(BOX).first
        box.wait_for()
        page.wait_for_timeout(SETTLE * 1000)
        box.fill("load the batches")
        box.press("Enter")
        self.begun = time.monotonic()
        wait_for(lambda: self.done() >= BATCHES // 2, f"the middle of the run of {self.product.name}")

    def shown(self, page: Page) -> int:
        """Return how many batches a page comes to show."""
        settled(self.done, QUIET)
        count = settled(lambda: int(page.evaluate(SHOWN)), STILL)
        if count < BATCHES and self.product.click and page.locator(self.product.click).first.is_visible():
            page.locator(self.product.click).first.click()
            count = settled(lambda: int(page.evaluate(SHOWN)), STILL)
        return count


def wait_for(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.02)


def settled(count: Callable[[], int], quiet: float) -> int:
    """Return what a count comes to: all batches, or what it stands at when it has stood still."""
    last, since = count(), time.monotonic()
    while last < BATCHES and time.monotonic() - since < quiet:
        time.sleep(0.1)
        now = count()
        if now != last:
            last, since = now, time.monotonic()
    return last


class Bench:
    """The measurements of one product."""

    def __init__(self, browser: Browser, product: Product, python: str, seconds: float) -> None:
        self.browser = browser
        self.product = product
        self.python = python
        self.seconds = seconds
        self.strangers: set[str] = set()

    def measure(self) -> tuple[object, ...]:
        """Return the row of the table, after the name and version."""
        whole, seconds, restart = self.restart()
        reload, reload_done = self.reload()
        second = self.second() if self.product.has_address else "-"
        return whole, f"{seconds:.0f} s", restart, reload, reload_done, self.closed(), second

    @contextlib.contextmanager
    def fresh(self) -> Iterator[tuple[Server, BrowserContext]]:
        """Yield a server that is not yet started and a browser that nobody has used."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            context = self.browser.new_context()
            context.on("request", self.note)
            yield Server(self.product, self.python, Path(folder), self.seconds), context
            context.close()

    def note(self, request: Request) -> None:
        """Remember a host that is not this machine."""
        host = urlsplit(request.url).hostname
        if host not in (None, "localhost"):
            self.strangers.add(str(host))

    def restart(self) -> tuple[int, float, int]:
        """Return the steps of a run, its seconds, and the steps after kill -9 and a restart."""
        with self.fresh() as (server, context):
            with server:
                page = context.new_page()
                server.ask(page)
                wait_for(lambda: server.done() == BATCHES, "the end of the run")
                seconds = time.monotonic() - server.begun
                whole = server.shown(page)
                page.wait_for_timeout(SETTLE * 1000)
                address = page.evaluate("location.href")
                page.close()
            with server:
                page = context.new_page()
                page.goto(address)
                return whole, seconds, server.shown(page)

    def reload(self) -> tuple[int, int]:
        """Return the steps shown, and those really done, when the page was reloaded in the middle."""
        with self.fresh() as (server, context), server:
            page = context.new_page()
            server.ask(page)
            page.reload()
            server.must_be_working()
            return server.shown(page), server.done()

    def closed(self) -> int:
        """Return the batches really done when the tab was closed in the middle."""
        with self.fresh() as (server, context), server:
            page = context.new_page()
            server.ask(page)
            page.close()
            return settled(server.done, QUIET)

    def second(self) -> int:
        """Return the steps shown in a second browser that came in the middle."""
        with self.fresh() as (server, context), server:
            page = context.new_page()
            server.ask(page)
            other = self.browser.new_context()
            other.add_cookies(context.cookies())  # type: ignore[arg-type]
            later = other.new_page()
            later.goto(page.evaluate("location.href"))
            server.must_be_working()
            count = server.shown(later)
            other.close()
            return count


def version(python: str, package: str) -> str | None:
    """Return the version that an interpreter has of a package, None when it has none."""
    question = f"from importlib.metadata import version; print(version({package!r}))"
    asked = subprocess.run([python, "-c", question], capture_output=True, text=True)
    return asked.stdout.strip() or None


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rivals-python", default=sys.executable, help="an interpreter that has the rivals")
    parser.add_argument("--seconds", type=float, default=0.2, help="how long one batch takes")
    parser.add_argument("--only", nargs="*", default=[product.name for product in PRODUCTS])
    options = parser.parse_args()
    print("steps of 100     version   whole    took  restart  reload  (done)  closed  second")
    missing, strangers = [], {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox", OFFLINE])
        for product in PRODUCTS:
            python = sys.executable if product.package in ("headway", "panel") else options.rivals_python
            found = version(python, product.package)
            if product.name not in options.only:
                continue
            if found is None:
                missing.append(product.package)
                continue
            bench = Bench(browser, product, python, options.seconds)
            cells = zip(bench.measure(), (7, 7, 8, 7, 7, 7, 7), strict=True)
            row = " ".join(f"{cell!s:>{width}}" for cell, width in cells)
            print(f"{product.name:<14} {found:>9} {row}", flush=True)
            strangers[product.name] = bench.strangers
        browser.close()
    for name, hosts in strangers.items():
        if hosts:
            print(f"{name}'s page asked for {', '.join(sorted(hosts))}")
    if missing:
        print(f"not installed in {options.rivals_python}: {', '.join(missing)}")


if __name__ == "__main__":
    main()
