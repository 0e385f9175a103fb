"""What the browser tests drive: a server in its own process, and a browser tab that keeps its problems."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

HERE = Path(__file__).parent
SECONDS = 30
expect.set_options(timeout=30_000)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Headway:
    """`headway serve` on a port and a store that outlive the process."""

    def __init__(self, folder: Path, arguments: list[str] | None = None, path: str = "/") -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.path = path
        self.routes = self.url + path.rpartition("/")[0]
        self.gates = folder / "gates"
        self.gates.mkdir()
        self.arguments = arguments or [
            "-c", "import sys; from headway.dashboard.cli import main; sys.exit(main())",
            "serve", str(HERE / "held_requests.py"), "--port", "{port}",
            "--store", f"json:{folder / 'logs'}", "--max-rate", "1000000",
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        self.output = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [sys.executable, *[argument.format(port=self.port) for argument in self.arguments]],
            cwd=self.folder,
            env=os.environ
            | {
                "XDG_STATE_HOME": str(self.folder / "state"),
                "HEADWAY_TEST_GATES": str(self.gates),
                "HEADWAY_STORE": f"json:{self.folder / 'logs'}",
            },
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )
        again = threading.Event()
        for _ in range(SECONDS * 20):
            try:
                httpx.get(f"{self.routes}/healthz", timeout=5).raise_for_status()
                return
            except httpx.HTTPError:
                assert self.process.poll() is None, self.log()
                again.wait(0.05)
        raise AssertionError(f"the server did not start:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait(SECONDS)
        self.output.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(method, f"{self.routes}/api/{path}", json=body, timeout=SECONDS)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def post(self, session_id: str, *entries: dict[str, Any]) -> None:
        """Log entries as any other program would."""
        self.call("POST", f"progress/{session_id}", list(entries))

    def let_go(self, session_id: str) -> None:
        (self.gates / session_id).touch()


def steps(
    run_id: str | None, numbers: range, total: int, *, prompt: str = "", **last: Any
) -> list[dict[str, Any]]:
    """Return entries ``Step 1`` and so on; *prompt* is put into the first, *last* into the last one."""
    entries: list[dict[str, Any]] = []
    for number in numbers:
        entry: dict[str, Any] = {
            "step": f"Step {number}",
            "message": f"message {number}",
            "step_number": number,
            "total_steps": total,
        }
        if run_id:
            entry["run_id"] = run_id
        entries.append(entry)
    if prompt:
        plan = [f"Step {number}" for number in range(1, total + 1)]
        entries[0]["data"] = {"prompt": prompt, "type": "text", "plan": plan}
    entries[-1] |= last
    return entries


class Tab:
    """One browser tab: what went wrong in it, and whom it asked."""

    def __init__(self, page: Page, server: Headway) -> None:
        self.page = page
        self.server = server
        self.problems: list[str] = []
        self.strangers: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(f"{error}\n{error.stack}"))
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error":
            self.problems.append(text)

    def _asked(self, url: str) -> None:
        if not re.match(rf"(http|ws)://localhost:{self.server.port}/|data:|blob:", url):
            self.strangers.append(url)

    def open(self, session_id: str = "") -> Page:
        query = f"?session={session_id}" if session_id else ""
        self.page.goto(f"{self.server.url}{self.server.path}{query}")
        self.page.locator("textarea").wait_for()
        self.page.locator("#headway-shape").wait_for(state="detached")  # what is before that: test_early.py
        return self.page

    def forgive(self, pattern: str) -> None:
        """Take out of the problems what the test has brought about on purpose."""
        self.problems = [problem for problem in self.problems if not re.search(pattern, problem)]
