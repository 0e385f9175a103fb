"""What a question is about that names no thing: "What changed in March?" means the main number."""

from __future__ import annotations

from collections.abc import Sequence

from . import words
from .catalog import Catalog
from .clauses import Clauses
from .link import Index, Mention, Target
from .roles import Role


def implied(roles: Sequence[Role], clauses: Clauses, catalog: Catalog, index: Index) -> Role | None:
    """Return the role of the database's main number when a change of nothing in particular is asked about.

    That is its revenue, or the number of rows of its largest table of things that happen.
    """
    if not (clauses.change and (clauses.period or clauses.grain)):
        return None
    target = _main(catalog, index)
    if target is None or any(_names_a_thing(role, target, catalog) for role in roles):
        return None
    mention = Mention(0, 0, words.label(target.column or target.table), (target,))
    return Role("measure" if target.kind == "concept" else "subject", mention)


def _main(catalog: Catalog, index: Index) -> Target | None:
    for target in index.find((words.stem("revenue"),)):
        if target.kind == "concept" and catalog.date_for(target.table):
            return target
    dated = [table for table in catalog.tables if catalog.date_for(table.name)]
    pointing = {key.child.table for key in catalog.keys}
    table = max(dated, key=lambda table: (table.name in pointing, table.rows), default=None)
    return Target("table", table.name) if table else None


def _names_a_thing(role: Role, main: Target, catalog: Catalog) -> bool:
    """Whether a role says what is counted or measured: "returns" does, "in Europe" and "by region" do not."""
    target = role.mention.targets[0]
    if target.kind in ("table", "concept") or role.name in ("measure", "count", "rate"):
        return True
    if target.kind == "column":
        return catalog.table(target.table).column(target.column).temporal
    # The value of a column beside the date tells what happened then; others tell where or to whom.
    date = catalog.date_for(main.table)
    return date is not None and date.table == target.table
