"""From navigation to a composer that takes a prompt: Headway's page beside Panel's own empty ChatInterface.

Run it: ``python benchmarks/page_load.py [--rounds 5]``. Two servers, one Chromium; every page is opened in
turn. A page is usable when its composer is in sight, covered by nothing and takes text, and a prompt would be
sent: for Panel the document is idle; Headway's chat needs no document (one prompt is sent at once, to prove
it). With messages, the last of them is drawn as well. *cold* is a browser that has never been there, *warm*
has all files in its cache.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

MESSAGES = 100
SESSION = "a-hundred-messages"

# Looks into shadow roots in every frame; the time is the page's own, from the start of the navigation.
WATCH = """
(() => {
  const find = (root, selector, found = []) => {
    found.push(...root.querySelectorAll(selector))
    for (const {shadowRoot} of root.querySelectorAll("*")) if (shadowRoot) find(shadowRoot, selector, found)
    return found
  }
  const uncovered = field => {
    const box = field.getBoundingClientRect()
    const centre = [box.x + box.width / 2, box.y + box.height / 2]
    let top = document.elementFromPoint(...centre)
    while (top?.shadowRoot) top = top.shadowRoot.elementFromPoint(...centre)
    return box.width > 0 && top === field && !field.disabled && !field.readOnly
  }
  const look = () => {
    const field = find(document, "textarea")[0]
    const ready = WANTED ? find(document, ".bubble").length >= WANTED : true
    const connected = IDLE ? window.Bokeh?.documents?.[0]?.is_idle : true
    if (field && uncovered(field) && ready && connected) window.usable = performance.now()
    else requestAnimationFrame(look)
  }
  look()
})()
"""


def serve_panel() -> None:
    """Serve Panel's own empty chat, and print the port."""
    import panel as pn

    async def main() -> None:
        server = pn.serve(
            {"/": lambda: pn.chat.ChatInterface(callback=lambda text, *_: text)},
            port=0, show=False, start=False, verbose=False, websocket_origin=["*"],
        )  # fmt: skip
        server.start()
        print(f"http://localhost:{server.port}", flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())


def start(arguments: list[str], folder: str) -> tuple[subprocess.Popen[str], str]:
    """Start a server and return it with the address that it prints."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, cwd=folder)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1]


def fill(url: str) -> None:
    """Log the runs of a session with 100 messages: each a prompt, five steps and a result."""
    names = [f"Step {number}" for number in range(1, 6)]
    for run in range(1, MESSAGES + 1):
        entries = [
            {
                "step": name,
                "message": "1,234 rows",
                "step_number": n,
                "total_steps": 5,
                "run_id": f"{SESSION}.{run}",
            }
            for n, name in enumerate(names, 1)
        ]
        entries[0]["data"] = {"prompt": f"Prompt {run}", "type": "text", "plan": names}
        entries[-1] |= {
            "status": "completed",
            "data": {"understood": "Sum of revenue by month, as a line chart"},
        }
        body, header = json.dumps(entries).encode(), {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"{url}/api/progress/{SESSION}", body, header)).close()


def measure(rounds: int, pages: dict[str, tuple[str, int, bool]]) -> dict[tuple[str, str], list[float]]:
    """Return the milliseconds until each page was usable, cold and warm."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
    from browser import find_browser
    from playwright.sync_api import sync_playwright

    taken: dict[tuple[str, str], list[float]] = {(n, heat): [] for n in pages for heat in ("cold", "warm")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        for _ in range(rounds):
            for name, (url, wanted, idle) in pages.items():
                context = browser.new_context(viewport={"width": 1280, "height": 800})
                script = WATCH.replace("WANTED", str(wanted)).replace("IDLE", json.dumps(idle))
                context.add_init_script(script)
                for heat in ("cold", "warm"):
                    page = context.new_page()
                    page.goto(url)
                    page.wait_for_function("window.usable")
                    taken[name, heat].append(page.evaluate("window.usable"))
                    page.wait_for_function("window.Bokeh?.documents?.[0]?.is_idle")
                    page.close()
                context.close()
        page = browser.new_page()
        page.goto(pages["Headway, empty"][0], wait_until="commit")
        page.get_by_label("Prompt").fill("Monthly revenue by region as a line chart")
        page.keyboard.press("Enter")
        page.locator(".bubble").wait_for()
        browser.close()
    return taken


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve-panel", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_panel:
        serve_panel()
        return
    started = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            command = "import sys; from headway.dashboard.cli import main; sys.exit(main())"
            ours, url = start(["-c", command, "serve", "--port", "0", "--store", "json:logs"], folder)
            started.append(ours)
            panel, panel_url = start([__file__, "--serve-panel"], folder)
            started.append(panel)
            fill(url)
            taken = measure(options.rounds, {
                "Headway, empty": (url, 0, False),
                f"Headway, {MESSAGES} messages": (f"{url}/?session={SESSION}", MESSAGES, False),
                "Panel's ChatInterface, empty": (panel_url, 0, True),
            })  # fmt: skip
        finally:
            for process in started:
                process.terminate()
                process.wait()
    print(f"{'milliseconds from navigation to usable':<42} {'median':>8} {'min':>8} {'max':>8}")
    for (name, heat), times in taken.items():
        cells = (statistics.median(times), min(times), max(times))
        print(f"{name + ', ' + heat:<42} " + " ".join(f"{cell:>8.0f}" for cell in cells))


if __name__ == "__main__":
    main()
