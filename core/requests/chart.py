"""Chart requests: "Monthly revenue by region as a line chart"."""

from __future__ import annotations

from typing import Any

from ..live_run import Run
from ..plans import Plan
from .asking import asking, facts, nothing_found, summary
from .request import Request

PLAN = Plan.of(
    "chart",
    ("Scanning databases", 2.0),
    "Analyzing data",
    ("Fetching relevant data", 2.0),
    "Generating visualization",
    "Preparing response",
)


def work(prompt: str, run: Run) -> None:
    """Answer a prompt with a Vega-Lite chart."""
    from ..analyst import charts, words
    from ..analyst.fit import fit

    with asking(run) as ask:
        run.step("Scanning databases", f"Connected to {run.database.name}")
        catalog = ask.catalog()

        run.step("Analyzing data", "Matching the words of the request with tables and columns")
        understanding = ask.understand(catalog, "chart")
        run.update(1.0, summary(understanding))
        spec, notes = fit(
            understanding.spec,
            catalog,
            ask=lambda part: ask.rows(ask.compile(part, catalog)),
            count=lambda part: ask.count(part, catalog),
        )

        run.step(
            "Fetching relevant data", f"Reading {words.listed([catalog.table(t).label for t in spec.tables])}"
        )
        query = ask.compile(spec, catalog)
        rows = ask.rows(query)
        if not rows:
            raise nothing_found(understanding, catalog)
        run.update(
            current=len(rows),
            total=len(rows),
            unit="rows",
            message=f"{len(rows):,} of {words.count(len(rows), 'row')}",
        )

    run.step("Generating visualization", f"{words.count(len(rows), 'row')} into a {spec.chart} chart")
    _save(run, charts.vega(spec, catalog, rows), understanding.text, {"rows": len(rows), "chart": spec.chart})
    run.finish(summary(understanding), **facts(understanding, query.sql, notes))


def _save(run: Run, chart: dict[str, Any], text: str, told: dict[str, Any]) -> None:
    import msgspec

    encoded = msgspec.json.encode(chart)
    run.step("Preparing response", f"{len(encoded) / 1000:,.0f} kB")
    with run.artifact("chart", f"{_stem(text)}.vl.json", **told) as path:
        path.write_bytes(encoded)


def _stem(text: str) -> str:
    from ..analyst.files import file_name

    return file_name(text.partition(", as ")[0], "json").removesuffix(".json")


CHART = Request(
    name="chart",
    plan=PLAN,
    work=work,
    words=(
        "chart", "charts", "plot", "graph", "diagram", "line", "bar", "bars", "pie", "donut", "scatter",
        "histogram", "area", "visualize", "visualise", "visualization", "draw", "curve",
    ),
    examples=("Monthly revenue by region as a line chart", "Top 10 products by revenue as a bar chart"),
)  # fmt: skip
