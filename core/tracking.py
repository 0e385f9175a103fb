"""Progress from any code: ``with headway.run(...)`` and ``for row in headway.track(rows)``.

Where a run is shown is decided by where it runs: a widget in a notebook, a live tree in a terminal, plain
lines elsewhere; and it is in the log always.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TypeVar

from .artifacts import Artifacts
from .errors import RunCancelled
from .live_run import Run
from .logger import ProgressLogger
from .orphans import interrupt_orphans
from .plans import Plan
from .views import notebook
from .views.terminal import TerminalView

T = TypeVar("T")

_current: ContextVar[Run | None] = ContextVar("headway_run", default=None)
_lock = threading.Lock()
_default: ProgressLogger | None = None


def default_logger() -> ProgressLogger:
    """Return the logger of runs that are given none: the store ``HEADWAY_STORE``, or ``json:logs``.

    It is opened at the first call and shared by the whole process.
    """
    global _default
    with _lock:
        if _default is None:
            _default = ProgressLogger(os.environ.get("HEADWAY_STORE", "json:logs"))
            interrupt_orphans(_default)
        return _default


@contextmanager
def run(
    title: str,
    plan: Plan | Sequence[str | tuple[str, float]] = (),
    *,
    session_id: str | None = None,
    logger: ProgressLogger | None = None,
    artifacts: Artifacts | None = None,
    show: bool = True,
) -> Iterator[Run]:
    """Make a run of the block: its steps are logged and shown, and it ends as the block ends.

    Parameters
    ----------
    title
        What the work is, for people; the title of a new session.
    plan
        The steps, by name or as ``(name, weight)``; steps that it lacks are appended as they come.
    session_id
        The session to log to; a new one when left out.
    logger
        Where to log; `default_logger` when left out.
    artifacts
        Where `Run.artifact` puts results.
    show
        Whether to show it here.

    Raises
    ------
    RunCancelled
        Somebody asked the run to stop; the terminal entry says so.
    Exception
        Whatever the block raises; the terminal entry names it.

    Examples
    --------
    >>> with run("Nightly load", plan=["Read", "Clean", "Write"], show=False) as load:  # doctest: +SKIP
    ...     load.step("Read")
    ...     load.update(0.4)
    """
    logger = logger or default_logger()
    steps = plan if isinstance(plan, Plan) else Plan.of(title[:200] or "run", *(plan or ["Working"]))
    made = Run(logger, session_id or str(uuid.uuid4()), steps, artifacts=artifacts)
    outer = _current.get()
    with ExitStack() as shown:
        if show:
            shown.enter_context(_shown(made))
        made.begin(title=title)
        _current.set(made)
        try:
            yield made
            made.complete()
        except RunCancelled:
            made.end(*made.stopped_as)
            raise
        except BaseException as error:
            made.end(*_ending(error), error={"code": type(error).__name__, "message": _ending(error)[1]})
            raise
        finally:
            _current.set(outer)


def track(
    rows: Iterable[T], step: str = "Working", *, total: int | None = None, unit: str = "rows"
) -> Iterator[T]:
    """Yield the rows, and log how many are done: any loop becomes a step.

    Inside ``with headway.run(...)`` the loop is a step of that run, elsewhere a run of its own.

    Parameters
    ----------
    rows
        What the loop goes over.
    step
        The step's name.
    total
        How many rows there will be; ``len(rows)`` when left out, unknown when that is not known.
    unit
        What a row is called.

    Examples
    --------
    >>> for row in track(range(3), "Loading rows"):  # doctest: +SKIP
    ...     ...
    """
    if total is None and isinstance(rows, Sized):
        total = len(rows)
    outer = _current.get()
    place: AbstractContextManager[Run] = nullcontext(outer) if outer is not None else run(step, plan=[step])
    with place as made:
        if made.current != step:
            made.step(step)
        done = 0
        for row in rows:
            yield row
            done += 1
            made.update(message=_counted(done, total, unit), current=done, total=total, unit=unit)


def _counted(done: int, total: int | None, unit: str) -> str:
    return f"{done:,} {unit}" if total is None else f"{done:,} of {total:,} {unit}"


def _ending(error: BaseException) -> tuple[str, str]:
    """Return the status and the message with which an exception ends a run."""
    if isinstance(error, GeneratorExit):  # a loop over `track` was left, by break or by an error in its body
        return "cancelled", "Left before its end"
    if isinstance(error, KeyboardInterrupt):
        return "cancelled", "Stopped by the keyboard"
    text = str(error)[:2000]
    return "error", f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def _shown(run: Run) -> Iterator[None]:
    """Show a run where this code runs, until it has ended."""
    if notebook.in_notebook():
        from IPython.display import display

        widget = notebook.show(run.session_id, lambda: run.logger.tail(run.session_id), run_id=run.run_id)
        display(widget)
        yield
        return
    with TerminalView() as view:
        run.on_entry = view.add
        yield
