"""Business words that no column is called by, found in the schema by general rules.

*Revenue* (sales, turnover, income, earnings) is, the first that the database has:

1. a number column called revenue, sales or turnover, or a ``total`` or ``amount`` of
   an order, invoice or payment;
2. ``quantity * unit price`` in one table, times ``1 - discount`` when there is a discount between 0 and 1;
3. ``quantity`` in one table, times the price in the table that its rows point to.

Every row counts, whatever its status: "completed revenue" or "revenue without cancelled orders" restrict it.
*Average order value* is revenue over the number of orders; *units sold* is the sum of the quantity.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import words
from .catalog import Catalog, Column, Table
from .spec import ColumnRef, Measure

REVENUE = ("revenue", "revenues", "sales", "turnover", "income", "earnings", "takings", "sale", "gmv")
UNITS = ("units sold", "items sold", "quantity sold", "sold units", "volume", "units", "items bought",
         "sell", "sold", "selling")  # fmt: skip
ORDER_VALUE = ("average order value", "aov", "average basket", "average basket size", "basket size",
               "basket value", "average order size", "order value", "average basket value",
               "mean order value", "average revenue per order", "revenue per order",
               "sales per order")  # fmt: skip

_QUANTITY = ("quantity", "units", "qty", "count", "pieces")
_PRICE = ("price", "cost")


def concepts(catalog: Catalog) -> Iterator[tuple[str, tuple[str, Measure]]]:
    """Yield (phrase, (table whose rows are measured, measure)) for every business word the schema has."""
    money = revenue(catalog)
    if money:
        for phrase in REVENUE:
            yield phrase, money
        value = _order_value(catalog, *money)
        if value:
            for phrase in ORDER_VALUE:
                yield phrase, value
    for table, column in _quantities(catalog):
        for phrase in UNITS:
            yield phrase, (table.name, Measure("sum", column.ref, label="units"))
        break


def revenue(catalog: Catalog) -> tuple[str, Measure] | None:
    """Return the table whose rows are measured and the measure that is the revenue; None without."""
    tables = sorted(catalog.tables, key=lambda table: -table.rows)
    for wanted in ("revenue", "sales", "turnover", "total", "amount"):
        for table in tables:
            for column in table.columns:
                if wanted in words.name_words(column.name) and _is_amount(column, table, wanted):
                    return table.name, Measure("sum", column.ref, label="revenue")
    for table, quantity in _quantities(catalog):
        price = _price(table)
        if price:
            less = next(
                (c for c in table.columns if c.measurable and "discount" in c.name.lower() and _is_part(c)),
                None,
            )
            return table.name, Measure(
                "sum", quantity.ref, price.ref, less.ref if less else None, label="revenue"
            )
    for table, quantity in _quantities(catalog):
        for key in catalog.keys:
            price = _price(catalog.table(key.parent.table)) if key.child.table == table.name else None
            if price:
                return table.name, Measure("sum", quantity.ref, price.ref, label="revenue")
    return None


def _is_amount(column: Column, table: Table, word: str) -> bool:
    if not column.measurable:
        return False
    if word in ("revenue", "sales", "turnover"):
        return True
    named = {words.stem(part) for part in words.name_words(table.name) + words.name_words(column.name)}
    return bool(
        named & {words.stem(w) for w in ("order", "invoice", "payment", "sale", "transaction", "purchase")}
    )


def _is_part(column: Column) -> bool:
    try:
        return bool(0 <= column.low and column.high <= 1)
    except TypeError:
        return False


def _quantities(catalog: Catalog) -> Iterator[tuple[Table, Column]]:
    """Yield quantity columns of tables whose rows point to others: stock on hand is no sale."""
    for table in sorted(catalog.tables, key=lambda table: -table.rows):
        if not any(key.child.table == table.name for key in catalog.keys) and len(catalog.tables) > 1:
            continue
        for column in table.columns:
            if column.measurable and set(words.name_words(column.name)) & set(_QUANTITY):
                yield table, column


def _price(table: Table) -> Column | None:
    prices = [c for c in table.columns if c.measurable and set(words.name_words(c.name)) & set(_PRICE)]
    return min(prices, key=lambda c: ("price" not in c.name.lower(), len(c.name)), default=None)


def _order_value(catalog: Catalog, base: str, revenue: Measure) -> tuple[str, Measure] | None:
    """Return revenue over the number of orders, counted by the key that the measured rows carry."""
    order = words.stem("order")
    for table in catalog.tables:
        if words.name_words(table.name)[-1:] and words.stem(words.name_words(table.name)[-1]) == order:
            ref = _order_key(catalog, base, table)
            if ref:
                over = Measure("count_distinct", ref, label="orders")
                return base, Measure(
                    "sum", revenue.column, revenue.times, revenue.less, over=over, label="average order value"
                )
    return None


def _order_key(catalog: Catalog, base: str, orders: Table) -> ColumnRef | None:
    if orders.name == base and orders.primary_key:
        return ColumnRef(base, orders.primary_key)
    return next(
        (key.child for key in catalog.keys if key.child.table == base and key.parent.table == orders.name),
        None,
    )
