"""The sample shop: the same everywhere, whole, and with the facts in it that its docstring promises."""

import hashlib

import duckdb
import pytest

from headway.analyst import samples


@pytest.fixture
def rows(shop):
    return shop.sql


def test_it_has_four_tables_over_four_whole_years(rows):
    tables = rows("SELECT table_name, estimated_size FROM duckdb_tables() ORDER BY 1")
    assert tables == [("customers", 6_000), ("order_items", 309_795), ("orders", 120_000), ("products", 240)]
    assert rows("SELECT min(order_date)::TEXT, max(order_date)::TEXT FROM orders") == [
        ("2021-01-01", "2024-12-31")
    ]


def test_every_row_has_what_it_points_to(rows):
    assert rows("SELECT count(*) FROM orders ANTI JOIN customers USING (customer_id)") == [(0,)]
    assert rows("SELECT count(*) FROM order_items ANTI JOIN orders USING (order_id)") == [(0,)]
    assert rows("SELECT count(*) FROM order_items ANTI JOIN products USING (product_id)") == [(0,)]
    assert rows("SELECT count(*) FROM orders ANTI JOIN order_items USING (order_id)") == [(0,)]


def test_nobody_orders_before_signing_up(rows):
    sql = "SELECT count(*) FROM orders JOIN customers USING (customer_id) WHERE order_date < signup_date"
    assert rows(sql) == [(0,)]


def test_money_has_two_decimals(rows):
    assert rows("SELECT count(*) FROM order_items WHERE unit_price != round(unit_price, 2)") == [(0,)]
    assert rows("SELECT count(*) FROM products WHERE price != round(price, 2)") == [(0,)]


def test_sales_grow_every_year_and_peak_in_december(rows):
    years = [
        n for (n,) in rows("SELECT count(*) FROM orders GROUP BY year(order_date) ORDER BY year(order_date)")
    ]
    assert years == sorted(years)
    months = rows("SELECT month(order_date), count(*) FROM orders GROUP BY 1 ORDER BY 2")
    assert (months[0][0], months[-1][0]) == (2, 12)


def test_shoes_come_back_since_september_2023(rows):
    sql = """
        SELECT round(avg((status = 'returned')::INT), 2) FROM orders
        WHERE order_date {} DATE '2023-09-01' AND order_id IN
            (SELECT order_id FROM order_items JOIN products USING (product_id) WHERE category = 'Shoes')"""
    assert rows(sql.format("<")) == [(0.07,)]
    assert 0.36 <= rows(sql.format(">="))[0][0] <= 0.42


def test_it_is_the_same_each_time_and_leaves_nothing_else_in_its_folder(shop, tmp_path):
    again = samples.shop(tmp_path / "deep" / "shop.duckdb")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["shop.duckdb"]

    def digest(path):
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = ("customers", "products", "orders", "order_items")
            text = repr([connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables])
        return hashlib.sha256(text.encode()).hexdigest()

    assert digest(again) == digest(shop.path)


def test_one_that_is_there_is_left_alone(shop):
    before = shop.path.stat()
    assert samples.shop(shop.path) == shop.path
    assert shop.path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("content", [b"", b"half a file", b"\0" * 20_000])
def test_a_damaged_one_is_made_anew(tmp_path, content):
    path = tmp_path / "shop.duckdb"
    path.write_bytes(content)
    samples.shop(path)
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (120_000,)
