"""Joins: the keys that lead from a spec's base to the other tables it reads."""

from __future__ import annotations

import msgspec

from .catalog import Catalog
from .spec import ColumnRef, QuerySpec, refs_of


def refs(spec: QuerySpec) -> list[ColumnRef]:
    """Return every column that a spec reads."""
    found = [dim.column for dim in spec.dims] + [dim.key for dim in spec.dims if dim.key] + list(spec.columns)
    found += [spec.order_by] if spec.order_by else []
    found += [condition.column for condition in spec.filters]
    return found + [ref for measure in spec.measures for ref in refs_of(measure)]


def with_joins(catalog: Catalog, spec: QuerySpec) -> QuerySpec:
    """Return the spec with its joins, in the order in which they have to be made."""
    joins: list[tuple[ColumnRef, ColumnRef]] = []
    reached = {spec.base}
    for ref in refs(spec):
        for join in catalog.path(spec.base, ref.table) or ():
            if join.right.table not in reached:
                joins.append((join.left, join.right))
                reached.add(join.right.table)
    return msgspec.structs.replace(spec, joins=tuple(joins))
