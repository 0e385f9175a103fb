"""File requests: "Export orders of 2023 to Excel"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..live_run import Run
from ..plans import Plan
from .asking import asking, facts, nothing_found, summary
from .request import Request

if TYPE_CHECKING:
    from ..analyst.understand import Understanding

PLAN = Plan.of(
    "file",
    ("Scanning databases", 2.0),
    "Fetching relevant data",
    "Processing data",
    ("Generating file", 6.0),
    "Preparing download",
)


def work(prompt: str, run: Run) -> None:
    """Answer a prompt with a csv, xlsx, parquet or json file."""
    from ..analyst import files, words
    from ..analyst.source import BATCH_ROWS

    with asking(run) as ask:
        run.step("Scanning databases", f"Connected to {run.database.name}")
        catalog = ask.catalog()

        run.step("Fetching relevant data", "Matching the words of the request with tables and columns")
        understanding = ask.understand(catalog, "file")
        spec = understanding.spec
        file_format = spec.format or "csv"
        with ask.watched():
            total = ask.count(spec, catalog)
        run.update(1.0, f"{summary(understanding)} {words.count(total, 'row')} to fetch.")
        if not total:
            raise nothing_found(understanding, catalog)

        run.step("Processing data", f"{words.count(total, 'row')} for a {file_format} file")
        files.check_size(total, file_format)
        query = ask.compile(spec, catalog)
        assert query.schema is not None  # a compiled spec always has one
        run.update(1.0, f"{words.count(total, 'row')}, {words.count(len(query.schema), 'column')}")

        def written(rows: int) -> None:
            run.update(
                current=rows,
                total=total,
                unit="rows",
                message=f"{rows:,} of {words.count(total, 'row')} written",
            )

        run.step("Generating file", f"0 of {words.count(total, 'row')} written")
        name = _name(understanding)
        with run.artifact("file", name, rows=total, columns=len(query.schema), format=file_format) as path:
            batches = ask.source.stream(query, files.BATCH_ROWS.get(file_format, BATCH_ROWS))
            files.export(batches, query.schema, file_format, path, written)
            run.step("Preparing download", f"{name}, {path.stat().st_size / 1000:,.0f} kB")
    run.finish(f"{summary(understanding)} {words.count(total, 'row')}.", **facts(understanding, query.sql))


def _name(understanding: Understanding) -> str:
    from ..analyst.files import file_name

    text = understanding.text.partition(", as ")[0].removeprefix("All columns of ")
    return file_name(text, understanding.spec.format or "csv")


FILE = Request(
    name="file",
    plan=PLAN,
    work=work,
    words=(
        "export", "download", "excel", "xlsx", "csv", "parquet", "json", "spreadsheet", "workbook",
        "file", "save", "dump", "extract", "sheet",
    ),
    examples=("Export orders of 2023 to Excel", "Export customers from Germany to csv"),
)  # fmt: skip
