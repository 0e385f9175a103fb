"""Study: what an analysis is about, and how it asks the database."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import words
from .catalog import Catalog, Column, as_date
from .compile import compile_spec, query
from .joins import with_joins
from .periods import floor, shift
from .restate import filter_words, gives_dates, measure_words
from .source import Source, read
from .spec import Dim, Filter, Grain, Measure, QuerySpec

_MOST_KINDS = 12  # dimensions that are looked into, nearest first


@dataclass(frozen=True)
class Finding:
    """Something worth knowing, with its evidence.

    Attributes
    ----------
    text
        One sentence with its numbers.
    values
        The numbers, as data.
    sql
        The query that gave them.
    effect
        How much it matters, 0..1; findings are told in this order.
    """

    text: str
    values: dict[str, Any]
    sql: str
    effect: float


class Study:
    """The rows under study (``spec``), what is measured of them, and the time they lie in.

    With a *focus*, a filter on a kind of the base such as status = returned, the study compares those rows
    with all rows of the base: what is measured is their number and their rate.
    """

    def __init__(self, spec: QuerySpec, catalog: Catalog, source: Source, check: Callable[[], None]) -> None:
        self.catalog, self._source, self._check = catalog, source, check
        self.base = catalog.table(spec.base)
        self.focus = None if spec.measures else self._focus(spec.filters)
        self.filters = tuple(f for f in spec.filters if f is not self.focus)
        self.date = next((catalog.column(f.column) for f in spec.filters if f.op == "during"), None)
        self.date = self.date or catalog.date_for(spec.base)
        self.rows = Measure("count", label=self.base.label)
        adds_up = spec.measures and not gives_dates(spec.measures[0], catalog)
        self.measure = spec.measures[0] if adds_up else self.rows
        self.grain = self._grain()
        self.named = [catalog.column(dim.column) for dim in spec.dims if not dim.grain and not dim.bins]

    def _focus(self, filters: tuple[Filter, ...]) -> Filter | None:
        return next((f for f in filters if f.op in ("=", "in") and f.column.table == self.base.name), None)

    def _grain(self) -> Grain | None:
        if self.date is None:
            return None
        low, high = self.span()
        if (high - low).days >= 365:
            return "month"
        return "week" if (high - low).days >= 100 else None

    def known(self) -> tuple[datetime.date, datetime.date]:
        """Return the first and last day of the data."""
        today = datetime.date.today()
        if self.date is None:
            return today, today
        return as_date(self.date.low) or today, as_date(self.date.high) or today

    def span(self) -> tuple[datetime.date, datetime.date]:
        """Return the first and last day under study."""
        low = as_date(self.date.low) if self.date else None
        high = as_date(self.date.high) if self.date else None
        for condition in self.filters:
            if self.date and condition.op == "during" and condition.column == self.date.ref:
                start, end = (as_date(value) for value in condition.values)
                low = max(filter(None, (low, start)), default=low)
                high = min(filter(None, (high, end and end - datetime.timedelta(days=1))), default=high)
        today = datetime.date.today()
        return low or today, high or today

    def ask(
        self, dims: Sequence[Dim], measures: Sequence[Measure], filters: Sequence[Filter] = ()
    ) -> tuple[list[tuple[Any, ...]], str]:
        """Return the rows of a query about the rows under study, and its SQL.

        A filter on the date among ``filters`` replaces the study's own.
        """
        self._check()
        replaced = {f.column for f in filters if f.op == "during"}
        kept = [f for f in self.filters if f.op != "during" or f.column not in replaced]
        spec = QuerySpec("text", self.base.name, tuple(dims), tuple(measures), filters=(*kept, *filters))
        compiled = query(
            compile_spec(with_joins(self.catalog, spec), self.catalog, self._source.dialect), self._source
        )
        table = read(self._source, compiled)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True)), compiled.sql

    @property
    def focused(self) -> Measure:
        """The number of base rows in focus."""
        return Measure("count", where=(self.focus,), label=self.base.label) if self.focus else self.measure

    @property
    def rate(self) -> str:
        """What the share of the rows in focus is called: ``returned rate``."""
        return f"{words.listed([str(v) for v in self.focus.values], 'or')} rate" if self.focus else ""

    @property
    def is_rate(self) -> bool:
        """Whether the number under study is a share of rows, to be told in percent."""
        return self.measure.over is not None and self.measure.agg == "count"

    @property
    def about(self) -> str:
        """The number under study, in words: ``sum of revenue``."""
        if self.focus:
            return f"number of {self.things}"
        name = measure_words(self.measure, self.catalog)
        return name[0].lower() + name[1:]

    @property
    def things(self) -> str:
        """What the number adds up, in words: ``orders whose status is returned``, ``revenue``."""
        if self.focus:
            return f"{words.plural(self.base.label)} whose {filter_words(self.focus, self.catalog)}"
        return words.plural(self.measure.label) if self.measure.agg == "count" else self.measure.label

    def kinds(self) -> list[Column]:
        """Return the columns worth comparing by, of few values and not filtered, the nearest first."""
        fixed = {f.column for f in self.filters} | ({self.focus.column} if self.focus else set())
        found = []
        for table in self.catalog.tables:
            way = self.catalog.path(self.base.name, table.name)
            # A number of other tables' rows cannot be split by what multiplies them.
            if way is None or (any(join.many for join in way) and self.measure != self.rows):
                continue
            distance = self.catalog.distance(self.base.name, table.name)
            found += [(distance, column) for column in table.categories if column.ref not in fixed]
        return [column for _, column in sorted(found, key=lambda item: item[0])][:_MOST_KINDS]

    def periods(self) -> list[datetime.date]:
        """Return the whole periods under study: half a month at an end is no low."""
        if self.grain is None:
            return []
        low, high = self.span()
        first = floor(low, self.grain)
        first = first if first == low else shift(first, self.grain, 1)
        found = []
        while shift(first, self.grain, 1) <= high + datetime.timedelta(days=1):
            found.append(first)
            first = shift(first, self.grain, 1)
        return found

    def time(self, grain: Grain | None = None) -> Dim:
        """Return the dimension of time."""
        if self.date is None:
            raise ValueError("a study without a date has no dimension of time")
        return Dim(self.date.ref, grain=grain or self.grain)

    def when(self, day: datetime.date) -> str:
        """Return a period's name: ``September 2023``."""
        return f"{day:%B %Y}" if self.grain == "month" else f"the week of {day}"


def number(value: float) -> str:
    """Return a number as people read it: 1,234 or 0.57."""
    if abs(value) >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.3g}"


def percent(share: float) -> str:
    """Return a share as percent: 8.3%."""
    return f"{share:.0%}" if abs(share) >= 0.995 else f"{share:.1%}"


def points(difference: float) -> str:
    """Return the difference of two shares: 2.1 percentage points."""
    return f"{100 * difference:.1f} percentage points"
