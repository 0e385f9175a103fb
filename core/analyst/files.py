"""Files: rows streamed into csv, xlsx, parquet or json, in batches, with true progress.

Text that a spreadsheet would run as a formula is written with an apostrophe before it, in csv as in xlsx.
Source: OWASP, CSV Injection.
"""

from __future__ import annotations

import datetime
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from ..errors import HeadwayError
from .figure import plain
from .spec import Format

if TYPE_CHECKING:
    import pyarrow

BATCH_ROWS: dict[Format, int] = {
    "xlsx": 2_000,
    "json": 5_000,
}  # of slow formats: progress several times a second
XLSX_ROWS = 1_048_575  # below the header; Source: Excel specifications and limits
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class TooManyRows(HeadwayError, ValueError):
    """The file format cannot hold so many rows; nothing was written."""

    def __init__(self, rows: int) -> None:
        self.hint = "Ask for csv or parquet, which have no limit, or for fewer rows, such as one year."
        super().__init__(f"an Excel sheet holds {XLSX_ROWS:,} rows, and these are {rows:,}")


class Writer(Protocol):
    """Writes one file, batch by batch."""

    def write(self, batch: pyarrow.RecordBatch) -> None:
        """Add rows."""

    def close(self, whole: bool) -> None:
        """Finish the file; when it is not ``whole``, only let go of it."""


def export(
    batches: Iterable[pyarrow.RecordBatch],
    schema: pyarrow.Schema,
    file_format: Format,
    path: Path,
    written: Callable[[int], None],
) -> int:
    """Write batches to ``path`` and return the number of rows.

    ``written`` is told the rows so far, after each batch. What goes wrong in ``batches`` or ``written`` ends
    it; the file is closed then, and worth nothing.
    """
    writer = WRITERS[file_format](path, schema)
    rows, whole = 0, False
    try:
        for batch in batches:
            writer.write(batch)
            rows += batch.num_rows
            written(rows)
        whole = True
    finally:
        writer.close(whole)
    return rows


def check_size(rows: int, file_format: Format) -> None:
    """Raise TooManyRows when a format cannot hold the rows."""
    if file_format == "xlsx" and rows > XLSX_ROWS:
        raise TooManyRows(rows)


def file_name(text: str, file_format: Format) -> str:
    """Return a safe file name from a description: ``Orders of 2023`` -> ``Orders-of-2023.xlsx``.

    At most 80 characters; no separators, control characters or names that Windows reserves.
    """
    plain_text = unicodedata.normalize("NFKC", text)
    words = re.findall(r"[^\W_]+", plain_text)
    name = ""
    for word in words:
        if len(f"{name}-{word}".encode()) > 80:
            break
        name = f"{name}-{word}" if name else word
    if re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d|", name):
        name = f"data-{name}".rstrip("-")
    return f"{name}.{file_format}"


class _Csv:
    def __init__(self, path: Path, schema: pyarrow.Schema) -> None:
        import pyarrow.csv

        self._file = path.open("wb")
        self._file.write(b"\xef\xbb\xbf")  # without this mark, Excel reads UTF-8 as Latin-1
        self._writer = pyarrow.csv.CSVWriter(self._file, _textual(schema))
        self._schema = schema

    def write(self, batch: pyarrow.RecordBatch) -> None:
        self._writer.write(guarded(batch).cast(_textual(self._schema)))

    def close(self, whole: bool) -> None:
        self._writer.close()
        self._file.close()


def _textual(schema: pyarrow.Schema) -> pyarrow.Schema:
    """Return the schema with the types that CSV writers do not know as text."""
    import pyarrow as pa

    def simple(kind: pyarrow.DataType) -> pyarrow.DataType:
        known = pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_decimal(kind)
        return kind if known and not pa.types.is_duration(kind) else pa.string()

    return pa.schema([(field.name, simple(field.type)) for field in schema])


class _Parquet:
    def __init__(self, path: Path, schema: pyarrow.Schema) -> None:
        import pyarrow.parquet

        self._writer = pyarrow.parquet.ParquetWriter(path, schema, compression="zstd")

    def write(self, batch: pyarrow.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self, whole: bool) -> None:
        self._writer.close()


class _Json:
    """A JSON array with a line for each row."""

    def __init__(self, path: Path, schema: pyarrow.Schema) -> None:
        import msgspec

        self._encode = msgspec.json.Encoder(enc_hook=str).encode
        self._file: IO[bytes] = path.open("wb")
        self._lead = b"[\n"

    def write(self, batch: pyarrow.RecordBatch) -> None:
        for row in batch.to_pylist():
            values = {name: _json(value) for name, value in row.items()}
            self._file.write(self._lead + self._encode(values))
            self._lead = b",\n"

    def close(self, whole: bool) -> None:
        self._file.write(b"[]\n" if self._lead == b"[\n" else b"\n]\n")
        self._file.close()


def _json(value: Any) -> Any:
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    return plain(value)


class _Xlsx:
    """An Excel workbook with one sheet: a bold header that stays in view, dates as dates."""

    def __init__(self, path: Path, schema: pyarrow.Schema) -> None:
        import xlsxwriter

        # constant_memory writes each row as it comes; xlsxwriter would hold every cell otherwise. It does so
        # into files of its own, which are to vanish with ours.
        self._folder = tempfile.TemporaryDirectory(prefix=".xlsx-", dir=path.parent)
        options = {
            "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
            "strings_to_numbers": False, "default_date_format": "yyyy-mm-dd", "nan_inf_to_errors": True,
            "remove_timezone": True, "tmpdir": self._folder.name,
        }  # fmt: skip
        self._book = xlsxwriter.Workbook(str(path), options)
        self._sheet = self._book.add_worksheet("Data")
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        bold = self._book.add_format({"bold": True, "bottom": 1})
        self._sheet.freeze_panes(1, 0)
        for number, field in enumerate(schema):
            self._sheet.set_column(number, number, max(12, min(len(field.name) + 2, 40)))
            self._sheet.write_string(0, number, field.name, bold)
        self._width, self._row = len(schema), 0

    def write(self, batch: pyarrow.RecordBatch) -> None:
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            self._row += 1
            for number, value in enumerate(row):
                self._cell(number, value)

    def _cell(self, column: int, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, str):
            self._sheet.write_string(self._row, column, guard(value)[:32_767])
        elif isinstance(value, datetime.datetime):
            self._sheet.write_datetime(self._row, column, value, self._moment)
        elif isinstance(value, datetime.date):
            self._sheet.write_datetime(self._row, column, value)
        elif isinstance(value, bool):
            self._sheet.write_boolean(self._row, column, value)
        elif isinstance(plain(value), int | float):
            # Excel counts in doubles: a longer whole number would lose its last digits.
            exact = isinstance(value, int) and abs(value) > 2**53
            if exact:
                self._sheet.write_string(self._row, column, str(value))
            else:
                self._sheet.write_number(self._row, column, plain(value))
        else:
            self._sheet.write_string(self._row, column, guard(str(plain(value))))

    def close(self, whole: bool) -> None:
        if whole:
            if self._row:
                self._sheet.autofilter(0, 0, self._row, self._width - 1)
            self._book.close()
        else:  # a workbook that nobody wants is not put together: that takes seconds
            self._book.fileclosed = True
            self._sheet.row_data_fh.close()
        self._folder.cleanup()


WRITERS: dict[Format, Callable[[Path, Any], Writer]] = {
    "csv": _Csv,
    "xlsx": _Xlsx,
    "parquet": _Parquet,
    "json": _Json,
}


def guard(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula. A plain negative number stays what it is."""
    if text.startswith(_FORMULA) and not re.fullmatch(r"[+-]?\d+([.,]\d+)*%?", text):
        return f"'{text}"
    return text


def guarded(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """Return a batch with every text guarded; columns without a suspect text are passed on as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in batch.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            suspect = pc.match_substring_regex(column, r"^[=+\-@\t\r]")
            if pc.any(suspect).as_py():
                column = pa.array([None if v is None else guard(v) for v in column.to_pylist()], column.type)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)
