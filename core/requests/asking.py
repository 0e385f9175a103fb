"""What the three request types share: a run's connection, its scan, its reading of the prompt, its rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..analyst.errors import NothingFound, QuestionNotUnderstood
from ..errors import HeadwayError
from ..live_run import Run

if TYPE_CHECKING:
    from ..analyst.catalog import Catalog
    from ..analyst.source import Query, Source
    from ..analyst.spec import Kind, QuerySpec
    from ..analyst.understand import Understanding

_WATCH_SECONDS = 0.1
_SQL_BYTES = 4_000  # of the 16 KiB that an entry's data may have
_WORDS = 40  # ignored words that are told


class Asking:
    """One run's questions to its database. Stopping the run interrupts the query that it waits for."""

    def __init__(self, run: Run, source: Source) -> None:
        self.run, self.source = run, source

    def catalog(self) -> Catalog:
        """Scan the database, telling tables and rows as they are found."""

        def told(current: int, total: int, unit: str, message: str) -> None:
            self.run.update(current=current, total=total, unit=unit, message=message)

        found: Catalog = self.run.database.catalog(self.source, told)
        return found

    def understand(self, catalog: Catalog, kind: Kind) -> Understanding:
        """Read the run's prompt; when it cannot be understood, the error has examples that can."""
        from ..analyst.understand import understand

        try:
            return understand(self.run.prompt, catalog, kind)
        except QuestionNotUnderstood as error:
            error.examples = _one_of_each(catalog)
            raise

    def compile(self, spec: QuerySpec, catalog: Catalog) -> Query:
        """Return the query of a spec."""
        from ..analyst.compile import compile_spec, query

        return query(compile_spec(spec, catalog, self.source.dialect), self.source)

    def count(self, spec: QuerySpec, catalog: Catalog) -> int:
        """Return how many rows a spec gives, by asking the database."""
        from ..analyst.compile import compile_spec, query
        from ..analyst.source import read

        rows = compile_spec(spec, catalog, self.source.dialect)
        counted = query(rows.aggregate(n=rows.count()), self.source)
        return int(read(self.source, counted).column(0)[0].as_py())

    def rows(self, query: Query) -> list[tuple[Any, ...]]:
        """Return the rows of a query whose result is small, telling DuckDB's progress meanwhile."""
        from ..analyst.source import read

        with self.watched():
            table = read(self.source, query)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Tell the engine's own progress, where it has one, until the rows are there."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_WATCH_SECONDS):
                fraction = self.source.progress()
                if fraction:
                    try:
                        self.run.update(fraction)
                    except HeadwayError:  # the run was stopped; its own thread learns of it by itself
                        return

        watcher = threading.Thread(target=watch, name="headway-progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


@contextmanager
def asking(run: Run) -> Iterator[Asking]:
    """Connect a run to its database, until the work is done or stopped.

    Raises
    ------
    RunCancelled
        The run was stopped; what the database said about being interrupted is not worth telling.
    """
    if run.database is None:
        raise HeadwayError("there is no database to ask; start the server with one: --database PATH_OR_URL")
    with run.database.connect() as source, run.on_cancel(source.cancel):
        try:
            yield Asking(run, source)
        except HeadwayError:
            run.check()
            raise


def nothing_found(understanding: Understanding, catalog: Catalog) -> NothingFound:
    """Return the error for a request that no row matches, with the range of its dates."""
    hints = []
    for condition in understanding.spec.filters:
        column = catalog.column(condition.column)
        if column.temporal:
            hints.append(f"{column.label} runs from {column.low} to {column.high}")
    hint = f"In this database {' and '.join(hints)}." if hints else "Ask with fewer conditions."
    return NothingFound(f"No rows match: {understanding.text}.", hint, _one_of_each(catalog))


def _one_of_each(catalog: Catalog) -> tuple[str, ...]:
    """Return a prompt of each kind that works on a database."""
    from ..analyst.examples import examples

    return tuple(prompts[0] for prompts in examples(catalog).values())


def facts(understanding: Understanding, sql: str = "", notes: list[str] | None = None) -> dict[str, Any]:
    """Return what the terminal entry tells of a request; the SQL only when it is short."""
    told: dict[str, Any] = {"understood": understanding.text}
    if understanding.ignored:
        told["ignored"] = list(understanding.ignored[:_WORDS])
    if everything := [*understanding.notes, *(notes or [])]:
        told["notes"] = everything[:_WORDS]
    if 0 < len(sql.encode()) <= _SQL_BYTES:
        told["sql"] = sql
    return told


def summary(understanding: Understanding) -> str:
    """Return the message that says what was understood, and which words were not."""
    ignored = ", ".join(understanding.ignored[:_WORDS])
    return f"{understanding.text}." + (f" Not used: {ignored}." if ignored else "")
