"""The servers that are compared, how each is started, and how the rivals are installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
RIVALS = Path(tempfile.gettempdir()) / "headway-rivals"

PACKAGES = ["fastapi", "uvicorn[standard]", "python-socketio", "tornado"]


@dataclass(frozen=True)
class System:
    """A server, which is told on its input what to publish (see `publishing`)."""

    name: str
    what: str
    command: tuple[str, ...]
    path: str = "/ws/progress/bench"
    socketio: bool = False


OURS = ("{python}", "-m", "headway", "serve", "{here}/headway_app.py", "--port", "0", "--store", "{store}")
PYTHON = "{rivals}/bin/python"
SOCKETIO = "/socket.io/?EIO=4&transport=websocket"

_ALL = (
    System("headway", "headway serve with its page; log_progress to a store in memory", OURS),
    System("fastapi", "(a) FastAPI, uvicorn, send_json", (PYTHON, "{here}/rivals/fastapi_app.py")),
    System("tornado", "(b) Tornado, write_message", (PYTHON, "{here}/rivals/tornado_app.py")),
    System("socketio", "(c) python-socketio", (PYTHON, "{here}/rivals/socketio_app.py"), SOCKETIO, True),
    System("bun", "(d) Bun, publish: uWebSockets in C++", ("{bun}", "{here}/rivals/bun_app.js")),
    System("floor", "(e) a C program that only sends", ("{tools}/floor",)),
)
SYSTEMS = {system.name: system for system in _ALL}


def bun() -> str:
    """Return the path of Bun's program; the name that npm links may be a script that starts it."""
    found = sorted(RIVALS.glob("bun/node_modules/@oven/bun-*/bin/bun"))
    return str(found[-1]) if found else str(RIVALS / "bun/node_modules/.bin/bun")


def command(system: System, tools: Path, store: str) -> list[str]:
    """Return what starts a server; `tools` is where the C programs are."""
    places = {
        "python": sys.executable, "here": HERE, "rivals": RIVALS / "venv", "bun": bun(), "tools": tools,
        "store": store,
    }  # fmt: skip
    return [part.format(**places) for part in system.command]


def missing(system: System, tools: Path) -> bool:
    """Whether a server's program is not there."""
    return shutil.which(command(system, tools, "memory:")[0]) is None


def install() -> None:
    """Put the rivals into an environment and a folder of their own; nothing of Headway's is changed."""
    RIVALS.mkdir(exist_ok=True)
    venv.create(RIVALS / "venv", with_pip=True)
    subprocess.run([RIVALS / "venv/bin/pip", "install", "-q", *PACKAGES], check=True)
    if npm := shutil.which("npm"):
        (RIVALS / "bun").mkdir(exist_ok=True)
        subprocess.run([npm, "install", "--silent", "bun"], cwd=RIVALS / "bun", check=True)


def build(folder: Path) -> bool:
    """Compile the load generator and the floor; return whether there was a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return False
    for name in ("load", "floor"):
        subprocess.run([compiler, "-O2", "-o", folder / name, HERE / f"{name}.c"], check=True)
    return True
