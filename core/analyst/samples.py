"""The sample shop: a generated database that is always there and has something to tell.

Four years of a shop's customers, products, orders and order items, the same on every machine: each value
is a hash of its row's number, never a random draw (DuckDB may evaluate ``random()`` more than once a row).

Planted, for `headway.analyst.findings` to find:

- sales grow by about a fifth a year, peak in November and December and dip in February;
- from September 2023 on, four in ten orders with shoes come back, before and elsewhere one in fourteen;
- app orders grow from a fifteenth to a third of all orders, at the expense of the stores;
- every second cancelled order of 2022 was placed in June, when payments failed.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

ORDERS = 120_000
CUSTOMERS = 6_000
PRODUCTS = 240
_EARLY = 1_500  # customers of 2020; the others join as the shop grows, and order only from then on
_CHECK = (
    "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM products), (SELECT count(*) FROM orders)"
)


def shop(path: Path | str) -> Path:
    """Make the sample shop at ``path`` as a DuckDB file, unless it is there already; return its path.

    Takes about half a second. Written under a temporary name and renamed: a file at ``path`` is whole, also
    when two processes make it at once.
    """
    from .duckdb_source import build, whole

    path = Path(path)
    if path.exists() and whole(path, _CHECK, (CUSTOMERS, PRODUCTS, ORDERS)):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        made = Path(folder) / "shop.duckdb"
        build(made, [_DAYS, _CUSTOMERS, _PRODUCTS, _ORDERS, _ORDER_ITEMS, _STATUSES, *_INTO_PLACE])
        # On Windows a file that somebody has open cannot be replaced; then it is the other process's, whole.
        with contextlib.suppress(PermissionError):
            os.replace(made, path)
    return path


def _unit(row: str, salt: int) -> str:
    """Return SQL for a number in [0, 1) that depends on the row and the salt alone."""
    return f"((hash({row} * 1000 + {salt}) % 1000000) / 1000000.0)"


def _pick(row: str, salt: int, *choices: tuple[str, float]) -> str:
    """Return SQL that picks one of the choices by weight."""
    total, so_far, cases = sum(weight for _, weight in choices), 0.0, ""
    for text, weight in choices[:-1]:
        so_far += weight / total
        cases += f" WHEN {_unit(row, salt)} < {so_far:.6f} THEN '{text}'"
    return f"CASE{cases} ELSE '{choices[-1][0]}' END"


_COUNTRY = _pick(
    "i", 3, ("Germany", 16), ("France", 12), ("United Kingdom", 11), ("Spain", 7), ("United States", 22),
    ("Canada", 7), ("Mexico", 4), ("Japan", 8), ("Australia", 6), ("India", 4), ("Brazil", 3),
)  # fmt: skip

# The day by which a share of all orders, `upto`, was placed. An order's number tells its share, so its day.
_DAYS = """
CREATE TEMP TABLE days AS
SELECT day, sum(weight) OVER (ORDER BY day) / sum(weight) OVER () AS upto
FROM (SELECT unnest(generate_series(DATE '2021-01-01', DATE '2024-12-31', INTERVAL 1 DAY))::DATE AS day)
CROSS JOIN LATERAL (SELECT (1 + 0.20 * date_diff('day', DATE '2021-01-01', day) / 365.25)
  * list_value(0.88,0.80,0.93,0.96,1.00,0.98,0.92,0.95,1.02,1.08,1.38,1.52)[month(day)]
  * list_value(1.10,0.98,0.95,0.95,0.98,1.02,1.12)[1 + dayofweek(day)] AS weight)
"""

_CUSTOMERS = f"""
CREATE TEMP TABLE new_customers AS
SELECT i AS customer_id,
  list_value('Ada','Ben','Chloe','David','Elena','Farid','Grace','Hugo','Ines','Jonas','Kira','Liam','Mei','Noah',
    'Olga','Pablo','Quinn','Rosa','Sami','Tara')[1 + (hash(i * 1000 + 1) % 20)::INT] || ' ' ||
  list_value('Abel','Becker','Costa','Dubois','Evans','Fischer','Garcia','Hansen','Ito','Jones','Keller','Lopez',
    'Martin','Novak','Olsen','Patel','Rossi','Silva','Tanaka','Weber')[1 + (hash(i * 1000 + 2) % 20)::INT]
    AS name,
  country,
  CASE WHEN country IN ('Germany', 'France', 'United Kingdom', 'Spain') THEN 'Europe'
       WHEN country IN ('United States', 'Canada', 'Mexico') THEN 'North America'
       WHEN country = 'Brazil' THEN 'South America' ELSE 'Asia Pacific' END AS region,
  {_pick("i", 4, ("Consumer", 62), ("Small business", 26), ("Enterprise", 12))} AS segment,
  CASE WHEN i <= {_EARLY} THEN DATE '2020-01-01' + (i * 365 // {_EARLY})::INT ELSE day END AS signup_date
FROM (SELECT i, greatest(i - {_EARLY}, 0) / {CUSTOMERS - _EARLY} AS u, {_COUNTRY} AS country
      FROM range(1, {CUSTOMERS + 1}) numbers(i)) ASOF JOIN days ON u <= upto
"""

_PRODUCTS = f"""
CREATE TEMP TABLE new_products AS
SELECT i AS product_id,
  list_value('Classic','Urban','Alpine','Coastal','Nordic','Retro','Swift','Solid','Prime','Light')
    [1 + (i // 24)::INT] || ' ' ||
  list_value('Sneaker','Boot','Sandal','Jacket','Shirt','Jeans','Lamp','Chair','Shelf','Rug','Headphones',
    'Speaker','Charger','Keyboard','Backpack','Wallet','Watch','Scarf','Novel','Cookbook','Atlas','Puzzle','Kite',
    'Racket')[1 + (i % 24)::INT] AS name,
  list_value('Shoes','Clothing','Home','Electronics','Accessories','Books','Toys')[
    CASE WHEN i % 24 < 3 THEN 1 WHEN i % 24 < 6 THEN 2 WHEN i % 24 < 10 THEN 3 WHEN i % 24 < 14 THEN 4
         WHEN i % 24 < 18 THEN 5 WHEN i % 24 < 21 THEN 6 ELSE 7 END] AS category,
  round(8 + 190 * power({_unit("i", 6)}, 2.2) + CASE WHEN i % 24 BETWEEN 10 AND 13 THEN 60 ELSE 0 END, 2)
    AS price
FROM range(0, {PRODUCTS}) numbers(i)
"""

_ORDERS = f"""
CREATE TEMP TABLE new_orders AS
SELECT i AS order_id, day AS order_date,
  1 + floor(({_EARLY} + {CUSTOMERS - _EARLY} * u) * power({_unit("i", 7)}, 1.6))::BIGINT AS customer_id,
  CASE WHEN {_unit("i", 8)} < 0.06 + 0.29 * u THEN 'app'
       WHEN {_unit("i", 8)} < 0.62 + 0.16 * u THEN 'web'
       WHEN {_unit("i", 8)} < 0.92 THEN 'store' ELSE 'partner' END AS channel,
  {_pick("i", 9, ("card", 55), ("invoice", 20), ("wallet", 25))} AS payment
FROM (SELECT i, (i - 0.5) / {ORDERS} AS u FROM range(1, {ORDERS + 1}) numbers(i)) ASOF JOIN days ON u <= upto
"""

_ORDER_ITEMS = f"""
CREATE TEMP TABLE new_order_items AS
SELECT row_number() OVER (ORDER BY order_id, n) AS item_id, order_id, product_id,
  CASE WHEN {_unit("k", 11)} < 0.72 THEN 1 WHEN {_unit("k", 11)} < 0.93 THEN 2 ELSE 3 END AS quantity,
  round(price * (0.90 + 0.03 * (year(order_date) - 2021)), 2) AS unit_price
FROM (SELECT order_id, order_date, n, order_id * 10 + n AS k,
        floor({PRODUCTS} * power({_unit("order_id * 10 + n", 10)}, 1.7))::BIGINT AS rank
      FROM new_orders CROSS JOIN range(1, 8) items(n)
      WHERE n <= 1 + floor(6 * power({_unit("order_id", 12)}, 2)))
JOIN new_products ON product_id = rank * 97 % {PRODUCTS}
"""

_STATUSES = f"""
CREATE TEMP TABLE new_statuses AS
SELECT order_id, CASE
  WHEN order_date > DATE '2024-12-20' AND {_unit("order_id", 13)} < 0.6 THEN 'pending'
  WHEN {_unit("order_id", 14)}
    < CASE WHEN year(order_date) = 2022 AND month(order_date) = 6 THEN 0.33 ELSE 0.04 END
    THEN 'cancelled'
  WHEN {_unit("order_id", 15)} < CASE WHEN shoes AND order_date >= DATE '2023-09-01' THEN 0.40 ELSE 0.07 END
    THEN 'returned'
  ELSE 'completed' END AS status
FROM new_orders JOIN (
  SELECT order_id, bool_or(category = 'Shoes') AS shoes
  FROM new_order_items JOIN new_products USING (product_id)
  GROUP BY order_id) USING (order_id)
"""

_INTO_PLACE = [
    "CREATE TABLE customers (customer_id BIGINT PRIMARY KEY, name VARCHAR, country VARCHAR, region VARCHAR, "
    "segment VARCHAR, signup_date DATE)",
    "INSERT INTO customers FROM new_customers ORDER BY customer_id",
    "CREATE TABLE products (product_id BIGINT PRIMARY KEY, name VARCHAR, category VARCHAR, price DOUBLE)",
    "INSERT INTO products FROM new_products ORDER BY product_id",
    "CREATE TABLE orders (order_id BIGINT PRIMARY KEY, "
    "customer_id BIGINT REFERENCES customers (customer_id), "
    "order_date DATE, status VARCHAR, channel VARCHAR, payment VARCHAR)",
    "INSERT INTO orders SELECT order_id, customer_id, order_date, status, channel, payment "
    "FROM new_orders JOIN new_statuses USING (order_id) ORDER BY order_id",
    # No keys are declared here: their indexes take longer than all the rest, and the catalog infers them.
    "CREATE TABLE order_items "
    "(item_id BIGINT, order_id BIGINT, product_id BIGINT, quantity BIGINT, unit_price DOUBLE)",
    "INSERT INTO order_items FROM new_order_items ORDER BY item_id",
]
