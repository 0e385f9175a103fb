"""What a prompt says plainly is done: chart types, superlatives, and no guess where little was understood."""

import sqlite3
from contextlib import closing

import ibis
import pytest

from headway.analyst.catalog import Catalog, Column, Table
from headway.analyst.compile import compile_spec, query
from headway.analyst.database import open_database
from headway.analyst.findings import findings
from headway.analyst.source import read
from headway.analyst.understand import understand

ASKED_CHARTS = {
    "revenue by month and region for 2024 as stacked bars": ("bar", "month and region"),
    "orders per month as a column chart": ("bar", "month"),
    "orders by channel as columns": ("bar", "channel"),
    "bars of orders by month": ("bar", "month"),
    "revenue by region as lines": ("line", "region"),
    "line of orders per month": ("line", "month"),
    "area of revenue by channel per quarter": ("area", "quarter and channel"),
    "stacked area of revenue by month and channel": ("area", "month and channel"),
    "revenue by month, area": ("area", "month"),
    "pie of orders by status": ("pie", "status"),
    "pie of customers": ("pie", "country"),
    "show a donut of orders by channel": ("pie", "channel"),
    "histogram of prices": ("histogram", "price"),
    "heatmap of orders by weekday and channel": ("heatmap", "weekday and channel"),
    "scatter of revenue by month": ("scatter", "month"),
}


@pytest.mark.parametrize("prompt", ASKED_CHARTS)
def test_an_asked_chart_wins_and_its_words_are_used(shop, prompt):
    understanding = shop.understand(prompt, "chart")
    chart, groups = ASKED_CHARTS[prompt]
    assert (understanding.spec.chart, understanding.ignored) == (chart, ())
    assert f" by {groups}," in understanding.text


def test_a_name_of_the_database_is_no_chart():
    integer, text = ibis.dtype("int64"), ibis.dtype("string")
    schema = ibis.schema({"route_id": integer, "line": text, "area": integer})
    columns = (
        Column("routes", "route_id", "number", integer, 90, integer=True, is_key=True, low=1, high=90),
        Column("routes", "line", "text", text, 5, values=("A", "B", "C", "D", "E")),
        Column("routes", "area", "number", integer, 80, integer=True, low=1, high=900),
    )
    catalog = Catalog((Table("routes", 90, columns, schema, primary_key="route_id"),))
    assert (
        understand("area of routes by line", catalog, "chart").text == "Sum of area by line, as a bar chart"
    )


ITEMS = """(order_items JOIN orders USING (order_id) JOIN customers USING (customer_id)
    JOIN products USING (product_id))"""
RANKED = {
    "the 20 most expensive products": (
        "Highest price by product name, the 20 highest, as a bar chart",
        "SELECT name, price FROM products ORDER BY price DESC, name LIMIT 20",
    ),
    "cheapest products": (
        "Lowest price by product name, the 10 lowest, as a bar chart",
        "SELECT name, price FROM products ORDER BY price, name LIMIT 10",
    ),
    "the three cheapest shoes": (
        "Lowest price by product name, where category is Shoes, the 3 lowest, as a bar chart",
        "SELECT name, price FROM products WHERE category = 'Shoes' ORDER BY price, name LIMIT 3",
    ),
    "5 largest orders in 2023": (
        "Sum of revenue by order id, where order date is in 2023, the 5 highest, as a bar chart",
        f"SELECT order_id, sum(quantity * unit_price) r FROM {ITEMS} WHERE year(order_date) = 2023 "
        "GROUP BY 1 ORDER BY r DESC LIMIT 5",
    ),
    "top 7 customers": (
        "Sum of revenue by customer name, the 7 highest, as a bar chart",
        "SELECT name, sum(quantity * unit_price) r FROM order_items "
        "JOIN orders USING (order_id) JOIN customers USING (customer_id) "
        "GROUP BY name, customer_id ORDER BY r DESC LIMIT 7",
    ),
    "oldest customers": (
        "Earliest signup date by customer name, the earliest 10, as a scatter plot",
        "SELECT name, signup_date FROM customers ORDER BY signup_date, name LIMIT 10",
    ),
    "the 12 newest customers from Germany": (
        "Latest signup date by customer name, where country is Germany, the latest 12, as a scatter plot",
        "SELECT name, signup_date FROM customers WHERE country = 'Germany' "
        "ORDER BY signup_date DESC, name LIMIT 12",
    ),
    "most recent orders": (
        "Latest order date by order id, the latest 10, as a scatter plot",
        "SELECT order_id, order_date FROM orders ORDER BY order_date DESC, order_id LIMIT 10",
    ),
}


@pytest.mark.parametrize("prompt", RANKED)
def test_superlatives_rank_by_what_they_are_about(shop, prompt):
    understanding, rows = shop.answer(prompt, "chart")
    text, sql = RANKED[prompt]
    assert (understanding.text, understanding.ignored) == (text, ())
    assert [row[:2] for row in rows] == [
        (row[0], pytest.approx(row[1])) if isinstance(row[1], float) else row for row in shop.sql(sql)
    ]


@pytest.mark.parametrize(
    ("prompt", "order"),
    [
        ("list the 20 most expensive products as json", "products ORDER BY price DESC LIMIT 20"),
        ("latest 5 orders as csv", "orders ORDER BY order_date DESC LIMIT 5"),
        ("export the 3 oldest customers", "customers ORDER BY signup_date LIMIT 3"),
    ],
)
def test_files_of_superlatives_have_the_rows_themselves(shop, prompt, order):
    understanding, rows = shop.answer(prompt, "file")
    expected = shop.sql(f"FROM {order}")
    table = order.split()[0]
    place = {"products": 3, "orders": 2, "customers": 5}[table]
    assert understanding.ignored == ()
    assert [row[place] for row in rows] == [row[place] for row in expected]
    assert set(rows) <= set(shop.sql(f"FROM {table}"))


def test_a_superlative_that_fits_nothing_is_named(shop):
    assert shop.understand("revenue of the cheapest products by month", "chart").ignored == ("cheapest",)
    assert shop.understand("orders of the newest customers", "chart").ignored == ("orders",)


def test_the_newest_are_told_one_by_one(shop):
    spec = shop.understand("who are the 2 newest customers?", "text").spec
    first = findings(spec, shop.catalog, shop.source, lambda *progress: None, lambda: None)[0]
    (one, day), (other, before) = shop.sql(
        "SELECT name, signup_date FROM customers ORDER BY signup_date DESC, name LIMIT 2"
    )
    assert first.text == f"Latest signup date: {one} ({day}), {other} ({before})."


def test_the_oldest_has_the_highest_age_and_the_newest_the_latest_date():
    integer, text, date = ibis.dtype("int64"), ibis.dtype("string"), ibis.dtype("date")
    schema = ibis.schema({"employee_id": integer, "name": text, "age": integer, "hired_on": date})
    columns = (
        Column("employees", "employee_id", "number", integer, 90, integer=True, is_key=True, low=1, high=90),
        Column("employees", "name", "text", text, 90),
        Column("employees", "age", "number", integer, 40, integer=True, low=20, high=64),
        Column("employees", "hired_on", "date", date, 80),
    )
    catalog = Catalog((Table("employees", 90, columns, schema, primary_key="employee_id"),))
    assert [
        understand(prompt, catalog, "chart").text
        for prompt in ("3 oldest employees", "youngest employees", "newest employees")
    ] == [
        "Highest age by employee name, the 3 highest, as a bar chart",
        "Lowest age by employee name, the 10 lowest, as a bar chart",
        "Latest hired on by employee name, the latest 10, as a scatter plot",
    ]


@pytest.fixture
def bookshop(tmp_path):
    """Return a function that answers a prompt on a database of books: (understanding, rows); and its rows."""
    path = tmp_path / "books.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("""
            CREATE TABLE authors (author_id INTEGER PRIMARY KEY, name TEXT, country TEXT);
            CREATE TABLE books (book_id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES authors, title TEXT,
                price REAL, published DATE);
            CREATE TABLE sales (sale_id INTEGER PRIMARY KEY, book_id INTEGER REFERENCES books, sold_on DATE,
                quantity INTEGER);
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 8)
            INSERT INTO authors SELECT n, 'Author ' || n,
            CASE n % 2 WHEN 0 THEN 'Peru' ELSE 'Chile' END FROM n;
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 40)
            INSERT INTO books SELECT n, n % 8 + 1, 'Book ' || n, 5 + n % 7,
            date('2015-03-11', (n % 6) || ' years')
            FROM n;
            WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 300)
            INSERT INTO sales SELECT n, n * n % 40 + 1,
            date('2020-01-05', (n * 4) || ' days'), n % 7 % 5 + 1 FROM n;
        """)
        with open_database(path).connect() as source:
            catalog = open_database(path).catalog(source)

            def answer(prompt):
                understanding = understand(prompt, catalog, "chart")
                table = read(source, query(compile_spec(understanding.spec, catalog, source.dialect), source))
                rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
                return understanding, rows

            yield answer, lambda sql: connection.execute(sql).fetchall()


BOOKS = {
    "top 3 authors by quantity": (
        "Sum of quantity by author name, the 3 highest, as a bar chart",
        "SELECT name, sum(quantity) q FROM sales JOIN books USING (book_id) JOIN authors USING (author_id) "
        "GROUP BY 1 ORDER BY q DESC, name LIMIT 3",
    ),
    "number of sales by quantity": (
        "Number of sales by quantity, as a bar chart",
        "SELECT quantity, count(*) FROM sales GROUP BY 1 ORDER BY 1",
    ),
    "number of books by published year as a pie chart": (
        "Number of books by year, as a pie chart",
        "SELECT CAST(strftime('%Y', published) AS INT), count(*) FROM books GROUP BY 1 ORDER BY 1",
    ),
    "number of sales by published year": (
        "Number of sales by year of published, as a line chart",
        "SELECT CAST(strftime('%Y', published) AS INT), count(*) FROM sales JOIN books USING (book_id) "
        "GROUP BY 1 ORDER BY 1",
    ),
    "total quantity by sold on quarter": (
        "Sum of quantity by quarter, as a line chart",
        "SELECT strftime('%Y', sold_on) || ((strftime('%m', sold_on) - 1) / 3), sum(quantity) FROM sales "
        "GROUP BY 1 ORDER BY 1",
    ),
    "total revenue by year": (
        "Sum of revenue by year, as a line chart",
        "SELECT CAST(strftime('%Y', sold_on) AS INT), sum(quantity * price) FROM sales "
        "JOIN books USING (book_id) GROUP BY 1 ORDER BY 1",
    ),
}


@pytest.mark.parametrize("prompt", BOOKS)
def test_numbers_and_dates_are_used_as_they_are_named(bookshop, prompt):
    answer, by_hand = bookshop
    understanding, rows = answer(prompt)
    text, sql = BOOKS[prompt]
    assert (understanding.text, understanding.ignored) == (text, ())
    expected = by_hand(sql)
    if "quarter" in prompt:  # shown by their first days
        rows = [(f"{row[0].year}{(row[0].month - 1) // 3}", row[1]) for row in rows]
    assert [tuple(row[:2]) for row in rows] == expected


def test_a_revenue_that_no_column_holds_is_explained(bookshop, shop):
    answer, _ = bookshop
    assert answer("total revenue by year")[0].notes == ("Revenue is taken as quantity × price.",)
    assert answer("number of books by author")[0].notes == ()
    assert shop.understand("average order value and revenue by month", "chart").notes == (
        "Revenue is taken as quantity × unit price.",
    )


def test_products_are_still_ranked_by_their_price(shop):
    understanding, rows = shop.answer("top 5 products by price", "chart")
    assert understanding.text == "Average price by product name, the 5 highest, as a bar chart"
    assert [row[:2] for row in rows] == shop.sql(
        "SELECT name, price FROM products ORDER BY price DESC, name LIMIT 5"
    )
