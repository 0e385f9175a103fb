"""A request type for the browser tests: each step lasts until the test lets it go, by making a file."""

import os
import threading
from pathlib import Path

import headway

GATES = Path(os.environ["HEADWAY_TEST_GATES"])


@headway.request_type("held", ["Waiting", "Going on"], words=["hold"], examples=["Hold this"])
def held(prompt: str, run: headway.Run) -> None:
    run.step("Waiting", "until the test lets go")
    waited = threading.Event()
    while not (GATES / run.session_id).exists():
        run.check()
        waited.wait(0.02)
    run.step("Going on")
    run.finish("Let go", understood="It was let go")


@headway.request_type("broken", ["Trying"], words=["break"])
def broken(prompt: str, run: headway.Run) -> None:
    run.step("Trying")
    error = headway.HeadwayError("there is no <b>column</b> 'x'")
    error.hint = "Ask for a column that there is."
    error.examples = ["Hold this", "Hold that", "Hold on"]
    raise error
