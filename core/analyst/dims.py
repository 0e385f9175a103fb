"""Dims: what a reading groups by, and the columns of plain rows."""

from __future__ import annotations

from .catalog import Catalog, Column
from .reading import Reading
from .roles import Role
from .spec import ColumnRef, Dim

_BINS = 20


def dims(reading: Reading) -> list[Dim]:
    """Return the groups that the prompt names, time apart; none for plain rows."""
    found: list[Dim] = []
    for role in [] if reading.raw else reading.roles:
        dim = _dim(reading, role)
        if dim and not reading.reachable(dim.column.table):
            reading.drop(role)
        elif dim and dim not in found:
            found.append(dim)
    return found


def _dim(reading: Reading, role: Role) -> Dim | None:
    table = role.mention.targets[0].table
    if role.mention.kind == "table":
        grouped = role.name == "dim" or (role.name == "subject" and _ranked(reading, table))
        return label_dim(reading.catalog, table) if grouped else None
    if role.name not in ("dim", "column") or not role.mention.of("column"):
        return None
    column = reading.column_of(role.mention)
    if column.temporal:
        return None
    return _key_dim(reading.catalog, column) if column.is_key else Dim(column.ref, bins=bins_of(column))


def bins_of(column: Column) -> int | None:
    """Return into how many bins a column's numbers are put; None when they are few, or no numbers."""
    many = column.type == "number" and column.distinct > 30 and not column.is_year
    return _BINS if many else None


def label_dim(catalog: Catalog, table: str) -> Dim:
    """Group by the rows of a table, shown by their name; by the key too, where names are not unique."""
    found = catalog.table(table)
    key = ColumnRef(table, found.primary_key) if found.primary_key else None
    naming = found.naming
    if naming is None:
        return Dim(key or found.columns[0].ref)
    unique = naming.distinct >= found.rows
    return Dim(naming.ref, key=None if unique or key == naming.ref else key)


def _key_dim(catalog: Catalog, column: Column) -> Dim:
    """Group by what a key points to, shown by its name where it has one."""
    return label_dim(
        catalog, next((k.parent.table for k in catalog.keys if k.child == column.ref), column.table)
    )


def _ranked(reading: Reading, table: str) -> bool:
    """Whether a plain table names the groups, as in "customers with over 5 orders"."""
    if table == reading.base or reading.named("dim"):
        return False
    compared = any(role.mention.kind in ("table", "concept") for role in reading.named("compare"))
    return compared or reading.clauses.top is not None or any(role.superlative for role in reading.roles)


def columns(reading: Reading) -> list[ColumnRef]:
    """Return the columns of plain rows, or the two numbers of a scatter plot."""
    found: list[ColumnRef] = []
    for role in reading.named("column", "measure", "subject"):
        scatter = reading.pairs and role.name == "measure" and not role.agg
        if role.mention.kind != "column" or not (reading.raw or scatter):
            continue
        column = reading.column_of(role.mention, numeric=scatter)
        if not reading.reachable(column.table):
            reading.drop(role)
        # "orders by order date in 2023" names the date for its period, not as the only column to list.
        elif column.ref not in found and not (reading.raw and column.temporal and reading.clauses.period):
            found.append(column.ref)
    return found
