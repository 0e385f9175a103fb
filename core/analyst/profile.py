"""What the columns of a table are like: one query for each table, and one for each text column."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

from . import words
from .catalog import Column, Table, Type
from .source import Query, read

if TYPE_CHECKING:
    from .source import Source, TableInfo

_EXACT_ROWS = 500_000  # above, distinct values are estimated: exact counting reads every value twice
_MOST_VALUES = 2_000  # of a text column, that questions may name
_LONGEST_VALUE = 80
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?")


def profile(source: Source, info: TableInfo) -> Table:
    """Return a table with its columns described."""
    import ibis

    table = ibis.table(info.schema, name=table_name(info), database=info.namespace)
    rows = int(_one(source, table.aggregate(n=table.count()))["n"])
    stats = _statistics(source, table, rows)
    columns = [_column(source, info.name, table, name, stats, rows) for name in info.schema.names]
    key = info.primary_key[0] if len(info.primary_key) == 1 else None
    if not info.primary_key:
        key = next((c.name for c in columns if _could_be_key(c, info.name, rows)), None)
    return Table(info.name, rows, tuple(columns), info.schema, info.namespace, key)


def table_name(info: TableInfo) -> str:
    """Return the table's name in its schema."""
    prefix = f"{info.namespace}."
    return info.name.removeprefix(prefix) if info.namespace else info.name


def _statistics(source: Source, table: Any, rows: int) -> dict[str, Any]:
    """Return, by ``number_what``, the count, distinct count, lowest and highest value of each column."""
    asked: dict[str, Any] = {}
    for number, name in enumerate(table.columns):
        column = table[name]
        if not _askable(column.type()):
            continue
        asked[f"{number}_count"] = column.count()
        asked[f"{number}_distinct"] = column.nunique() if rows <= _EXACT_ROWS else column.approx_nunique()
        if not column.type().is_boolean():
            asked[f"{number}_low"] = column.min()
            asked[f"{number}_high"] = column.max()
    return _one(source, table.aggregate(**asked)) if asked else {}


def _one(source: Source, expression: Any) -> dict[str, Any]:
    import ibis

    query = Query(str(ibis.to_sql(expression, dialect=source.dialect)), expression.schema().to_pyarrow())
    return dict(read(source, query).to_pylist()[0])


def _askable(dtype: Any) -> bool:
    return bool(dtype.is_numeric() or dtype.is_string() or dtype.is_temporal() or dtype.is_boolean())


def _column(
    source: Source, table_label: str, table: Any, name: str, stats: dict[str, Any], rows: int
) -> Column:
    dtype = table[name].type()
    number = table.columns.index(name)
    distinct = int(stats.get(f"{number}_distinct") or 0)
    values: tuple[str, ...] = ()
    if dtype.is_string() and 0 < distinct <= _MOST_VALUES:
        values = _values(source, table, name)
    low, high = stats.get(f"{number}_low"), stats.get(f"{number}_high")
    return Column(
        table=table_label,
        name=name,
        type=_type(dtype, values, low, high),
        dtype=dtype,
        distinct=distinct,
        nulls=rows - int(stats.get(f"{number}_count") or 0),
        low=low,
        high=high,
        values=values,
        integer=bool(dtype.is_integer()),
        is_key=_named_key(name) and distinct > 1,
    )


def _values(source: Source, table: Any, name: str) -> tuple[str, ...]:
    import ibis

    counted = table.group_by(name).aggregate(n=table.count()).order_by([ibis.desc("n"), name])
    query = Query(str(ibis.to_sql(counted, dialect=source.dialect)), counted.schema().to_pyarrow())
    found = [row[name] for row in read(source, query).to_pylist()]
    return tuple(v for v in found if isinstance(v, str) and v.strip() and len(v) <= _LONGEST_VALUE)


def _type(dtype: Any, values: tuple[str, ...], low: object, high: object) -> Type:
    if dtype.is_numeric() and not dtype.is_boolean():
        return "number"
    if dtype.is_boolean():
        return "boolean"
    if dtype.is_timestamp():
        return "datetime"
    if dtype.is_date():
        return "date"
    if not dtype.is_string():
        return "other"
    # SQLite, CSV and many others keep dates as ISO text.
    sample = [low, high, *values[:50]]
    if all(isinstance(v, str) and _ISO.fullmatch(v) and _real(v) for v in sample):
        return "date" if all(len(str(v)) == 10 for v in sample) else "datetime"
    return "text"


def _real(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _named_key(name: str) -> bool:
    return words.name_words(name)[-1:] in (["id"], ["key"], ["uuid"], ["guid"])


def _could_be_key(column: Column, table: str, rows: int) -> bool:
    """Whether an undeclared primary key is likely: unique, whole, and named ``id`` or after the table."""
    unique = column.distinct >= rows * (1 if rows <= _EXACT_ROWS else 0.95) and not column.nulls and rows > 0
    return unique and (column.is_key or column.name.lower() in ("code", "name", table.lower()))
