"""Begin ``headway serve`` again and again, quickly.

A start costs 1.3 s of imports, nearly all of them other people's libraries. They are imported once here; a
life is a fork that imports Headway itself anew and calls its command line. Each line of the standard input is
a command in JSON and is answered by one line: ``["begin", ARGUMENTS, FOLDER, OUTPUT]`` by the process's id,
``["status", PID, WAIT]`` by its exit status (negative: the signal that ended it) or ``null`` while it lives.
"""

import importlib
import json
import os
import signal
import sys

LIBRARIES = ("bokeh.server", "msgspec", "numpy", "panel.io.server", "panel_material_ui", "param", "psycopg",
             "redis", "sqlite3", "tornado.websocket")  # fmt: skip

for library in LIBRARIES:
    importlib.import_module(library)

assert not [name for name in sys.modules if name.partition(".")[0] == "headway"]


def live(arguments: list[str], folder: str, output: str) -> int:
    """Be ``headway ARGUMENTS...`` from here on."""
    os.chdir(folder)
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor, place in ((os.open(os.devnull, os.O_RDONLY), 0), (said, 1), (said, 2)):
        os.dup2(descriptor, place)
    os.environ["XDG_STATE_HOME"] = os.path.join(folder, "state")
    sys.argv = ["headway", *arguments]
    from headway.dashboard.cli import main

    return main()


def serve() -> int | None:
    """Answer commands; return the exit status in a child."""
    alive: set[int] = set()
    for line in sys.stdin:
        command, *rest = json.loads(line)
        if command == "begin":
            pid = os.fork()
            if not pid:
                return live(*rest)
            alive.add(pid)
            answer: int | None = pid
        else:
            pid, wait = rest
            ended, status = os.waitpid(pid, 0 if wait else os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
            alive -= {ended}
        print(json.dumps(answer), flush=True)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    return 0


if __name__ == "__main__":
    sys.exit(serve())
