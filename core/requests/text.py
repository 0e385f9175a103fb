"""Text requests: "What stands out in returns?"."""

from __future__ import annotations

from ..live_run import Run
from ..plans import Plan
from .asking import asking, facts, nothing_found, summary
from .request import Request

PLAN = Plan.of(
    "text",
    ("Scanning databases", 2.0),
    "Analyzing patterns",
    ("Fetching insights", 6.0),
    "Generating analysis",
    "Preparing response",
)


def work(prompt: str, run: Run) -> None:
    """Answer a prompt with findings, each with its numbers and SQL."""
    import msgspec

    from ..analyst import words
    from ..analyst.findings import findings

    with asking(run) as ask:
        run.step("Scanning databases", f"Connected to {run.database.name}")
        catalog = ask.catalog()

        run.step("Analyzing patterns", "Matching the words of the request with tables and columns")
        understanding = ask.understand(catalog, "text")
        rows = ask.count(msgspec.structs.replace(understanding.spec, dims=(), measures=()), catalog)
        run.update(1.0, f"{summary(understanding)} {words.count(rows, 'row')} to look at.")
        if not rows:
            raise nothing_found(understanding, catalog)

        run.step("Fetching insights", f"Looking for patterns in {words.count(rows, 'row')}")

        def told(current: int, total: int, unit: str, message: str) -> None:
            run.update(current=current, total=total, unit=unit, message=message)

        found = findings(understanding.spec, catalog, ask.source, told, run.check)

    run.step("Generating analysis", f"{words.count(len(found), 'finding')} to tell")
    answer = {
        "title": understanding.text,
        "findings": [{"text": f.text, "values": f.values, "sql": f.sql} for f in found],
    }
    if not found:
        answer["note"] = f"Nothing notable was found in {words.count(rows, 'row')}."

    run.step("Preparing response", words.count(len(found), "finding"))
    with run.artifact("text", "findings.json", rows=rows, findings=len(found)) as path:
        path.write_bytes(msgspec.json.encode(answer))
    run.finish(summary(understanding), **facts(understanding))


TEXT = Request(
    name="text",
    plan=PLAN,
    work=work,
    words=(
        "why", "explain", "analyse", "analyze", "analysis", "insight", "insights", "finding", "findings",
        "unusual", "anomaly", "anomalies", "summarize", "summarise", "summary", "stands", "notable",
        "interesting", "who", "which", "many", "what", "describe", "tell", "report",
    ),
    examples=("What stands out in returns?", "Why did revenue change in 2024?"),
)  # fmt: skip
