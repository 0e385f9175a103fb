"""From `log_progress` to the step in the page: Headway's `ProgressLog` beside Panel's own `ChatStep`.

Run it: ``python benchmarks/steps_to_screen.py [--rounds 3]``. One server process, one Chromium, two pages.
Each round shows 100 steps, 50 ms apart, on the one page and then on the other. A step's time runs from just
before the call in the server to the moment at which the browser's DOM has the step's name (a MutationObserver
in every shadow root); both clocks are the machine's. The pages are fresh in every round, percentiles are over
all rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from headway import ProgressLogger

STEPS = 100
APART = 0.05  # seconds

WATCH = """
(() => {
  window.seen = {}
  const note = text => {
    for (const [, n] of (text ?? "").matchAll(/mark-(\\d+)-/g)) {
      window.seen[n] ??= performance.timeOrigin + performance.now()
    }
  }
  const observe = root => {
    new MutationObserver(changes => {
      for (const change of changes) {
        if (change.type === "characterData") note(change.target.data)
        for (const node of change.addedNodes) note(node.textContent)
      }
    }).observe(root, {childList: true, subtree: true, characterData: true})
  }
  const attach = Element.prototype.attachShadow
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options)
    observe(root)
    return root
  }
  observe(document)
})()
"""


def serve() -> None:
    """Serve the two pages, and print the port and then, for each page, when its steps were logged."""
    import panel as pn

    from headway.dashboard import ROUTES, use
    from headway.dashboard.components.progress_log import ProgressLog

    logger = ProgressLogger("memory:")
    use(logger)

    def headway_page() -> object:
        session_id = f"bench-{time.time_ns()}"
        pn.state.onload(lambda: _later(log_steps(logger, session_id)))
        return ProgressLog(session_id=session_id)

    def panel_page() -> object:
        column = pn.Column(sizing_mode="stretch_width")
        pn.state.onload(lambda: _later(chat_steps(column)))
        return column

    async def main() -> None:
        server = pn.serve(
            {"/headway-page": headway_page, "/panel-page": panel_page},
            port=0,
            show=False,
            start=False,
            verbose=False,
            websocket_origin=["*"],
            extra_patterns=ROUTES,
        )
        server.start()
        print(server.port, flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())


async def log_steps(logger: ProgressLogger, session_id: str) -> None:
    """Log the steps, and print when."""
    for number in range(1, STEPS + 1):
        print(f"{number} {time.time() * 1000}", flush=True)
        await logger.log_progress(session_id, f"mark-{number}-", "Reading rows", number, STEPS)
        await asyncio.sleep(APART)


async def chat_steps(column: Any) -> None:
    """Show the steps as Panel's own chat does, and print when."""
    from panel.chat import ChatStep

    before = None
    for number in range(1, STEPS + 1):
        print(f"{number} {time.time() * 1000}", flush=True)
        step = ChatStep("Reading rows", title=f"mark-{number}-", status="running")
        if before is not None:
            before.status = "success"
        column.append(step)
        before = step
        await asyncio.sleep(APART)


_tasks: set[asyncio.Task[None]] = set()


def _later(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(_after_load(work))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _after_load(work: Coroutine[Any, Any, None]) -> None:
    await asyncio.sleep(1)  # both pages are at rest then: what is measured is the step, not the load
    await work


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of every step, by page."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
    from browser import find_browser
    from playwright.sync_api import sync_playwright

    taken: dict[str, list[float]] = {"headway-page": [], "panel-page": []}
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
            for _ in range(rounds):
                for name, times in taken.items():
                    page = browser.new_page()
                    page.add_init_script(WATCH)
                    page.goto(f"http://localhost:{port}/{name}")
                    logged = [server.stdout.readline().split() for _ in range(STEPS)]
                    page.wait_for_function(f"Object.keys(window.seen).length >= {STEPS}")
                    seen = page.evaluate("window.seen")
                    times += [seen[number] - float(moment) for number, moment in logged]
                    page.close()
            browser.close()
    finally:
        server.terminate()
        server.wait()
    return taken


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    taken = measure(options.rounds)
    print(f"{'milliseconds from the call to the DOM':<40} {'p50':>8} {'p95':>8} {'max':>8}")
    found = {}
    for name, times in taken.items():
        cuts = statistics.quantiles(times, n=100)
        found[name] = (statistics.median(times), cuts[94], max(times))
        print(f"{name:<40} " + " ".join(f"{value:>8.1f}" for value in found[name]))
    ratios = [theirs / ours for ours, theirs in zip(found["headway-page"], found["panel-page"], strict=True)]
    print(f"{'Panel / Headway':<40} " + " ".join(f"{ratio:>7.1f}x" for ratio in ratios))


if __name__ == "__main__":
    main()
