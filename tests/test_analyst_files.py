"""Files: what is written is what was read, in each format; no cell becomes a formula; names are safe."""

import csv
import datetime
import json

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.analyst import files

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us")),
        ("x", pa.float64()),
        ("ok", pa.bool_()),
    ]
)
ROWS = [
    (1, 'Ünï, "quoted"', datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30), 1.5, True),
    (2, "=1+1", None, None, None, None),
    (3, "-5", datetime.date(1999, 12, 31), datetime.datetime(1999, 12, 31), -2.25, False),
    (4, "@SUM(A1)\nline", datetime.date(2000, 1, 1), None, 0.0, None),
]


def batches():
    table = pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(zip(*ROWS, strict=True), SCHEMA, strict=True)], schema=SCHEMA
    )
    yield from table.to_batches(max_chunksize=3)


@pytest.fixture(params=["csv", "xlsx", "parquet", "json"])
def written(request, tmp_path):
    path, told = tmp_path / f"out.{request.param}", []
    assert files.export(batches(), SCHEMA, request.param, path, told.append) == 4
    assert told == [3, 4]
    return request.param, path


def test_rows_come_back_from_each_format(written):
    file_format, path = written
    if file_format == "parquet":
        assert [tuple(row.values()) for row in pyarrow.parquet.read_table(path).to_pylist()] == ROWS
    elif file_format == "json":
        rows = json.loads(path.read_text())
        assert rows[0] == {
            "id": 1,
            "name": ROWS[0][1],
            "day": "2024-02-29",
            "at": "2024-02-29T12:30:00",
            "x": 1.5,
            "ok": True,
        }
        assert rows[1] == {"id": 2, "name": "=1+1", "day": None, "at": None, "x": None, "ok": None}
    elif file_format == "csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == ["id", "name", "day", "at", "x", "ok"]
        assert [row[1] for row in rows[1:]] == [ROWS[0][1], "'=1+1", "-5", "'@SUM(A1)\nline"]
        assert rows[1][2:] == ["2024-02-29", "2024-02-29 12:30:00.000000", "1.5", "true"]
    else:
        sheet = openpyxl.load_workbook(path).worksheets[0]
        assert [cell.value for cell in sheet[1]] == ["id", "name", "day", "at", "x", "ok"]
        assert all(cell.font.bold for cell in sheet[1])
        assert [cell.value for cell in sheet[2]] == [
            1,
            ROWS[0][1],
            datetime.datetime(2024, 2, 29),
            ROWS[0][3],
            1.5,
            True,
        ]
        assert [cell.value for cell in sheet[3]] == [2, "'=1+1", None, None, None, None]
        assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d", "b"}


def test_a_file_without_rows_is_whole_too(tmp_path):
    for file_format in ("csv", "xlsx", "parquet", "json"):
        path = tmp_path / f"empty.{file_format}"
        assert files.export([], SCHEMA, file_format, path, lambda rows: None) == 0
    assert json.loads((tmp_path / "empty.json").read_text()) == []
    assert pyarrow.parquet.read_table(tmp_path / "empty.parquet").schema == SCHEMA
    assert openpyxl.load_workbook(tmp_path / "empty.xlsx").worksheets[0].max_row == 1


@given(st.text(max_size=30))
def test_no_guarded_text_begins_like_a_formula(text):
    guarded = files.guard(text)
    assert guarded.removeprefix("'") == text or guarded == text
    if guarded[:1] in ("=", "@", "\t", "\r"):
        raise AssertionError(guarded)
    if guarded[:1] in ("+", "-"):
        assert guarded[1:].replace(",", "").replace(".", "").replace("%", "").isdigit()


def test_long_whole_numbers_keep_their_digits_in_excel(tmp_path):
    table = pa.table({"n": [2**60 + 1, 5]})
    files.export(table.to_batches(), table.schema, "xlsx", tmp_path / "n.xlsx", lambda rows: None)
    sheet = openpyxl.load_workbook(tmp_path / "n.xlsx").worksheets[0]
    assert [sheet["A2"].value, sheet["A3"].value] == [str(2**60 + 1), 5]


def test_more_rows_than_excel_holds_are_refused_before_writing():
    files.check_size(1_048_575, "xlsx")
    files.check_size(10**9, "csv")
    with pytest.raises(
        files.TooManyRows, match="an Excel sheet holds 1,048,575 rows, and these are 1,048,576"
    ) as caught:
        files.check_size(1_048_576, "xlsx")
    assert "parquet" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Sales: by region / 2023?", "Sales-by-region-2023.csv"),
        ("../../etc/passwd", "etc-passwd.csv"),
        ("con", "data-con.csv"),
        ("???", "data.csv"),
        ("Umsätze für Köln", "Umsätze-für-Köln.csv"),
    ],
)
def test_names_are_made_of_words(text, name):
    assert files.file_name(text, "csv") == name


@given(st.text(max_size=300))
def test_no_text_makes_a_dangerous_name(text):
    name = files.file_name(text, "csv")
    assert name.endswith(".csv") and len(name.encode()) <= 85
    assert not set(name) & set('<>:"/\\|?*\0') and not name.startswith((".", "-"))
