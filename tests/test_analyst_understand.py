"""Understanding: everyday prompts give the rows of SQL written by hand, and say what they understood."""

import pytest

from headway.analyst.errors import QuestionNotUnderstood
from headway.analyst.examples import examples
from headway.analyst.spec import QuerySpec
from headway.requests import recognise

ITEMS = """(SELECT *, quantity * unit_price AS revenue, order_items.order_id AS oid, products.name AS product
    FROM order_items JOIN orders USING (order_id) JOIN customers USING (customer_id)
    JOIN products USING (product_id))"""
ORDERS = "(SELECT * FROM orders JOIN customers USING (customer_id))"
WITH_CATEGORY = """(SELECT DISTINCT orders.*, category FROM orders JOIN order_items USING (order_id)
    JOIN products USING (product_id))"""

CHARTS = {
    "Monthly revenue by region as a line chart": f"""
        SELECT date_trunc('month', order_date)::DATE, region, sum(revenue) FROM {ITEMS} GROUP BY ALL""",
    "How did revenue develop?": f"""
        SELECT date_trunc('month', order_date)::DATE, sum(revenue) FROM {ITEMS} GROUP BY 1""",
    "revenue per quarter and channel": f"""
        SELECT date_trunc('quarter', order_date)::DATE, channel, sum(revenue) FROM {ITEMS} GROUP BY ALL""",
    "Total sales by country in 2024": f"""
        SELECT country, sum(revenue) FROM {ITEMS} WHERE year(order_date) = 2024 GROUP BY 1""",
    "Top 10 products by revenue as a bar chart": f"""
        SELECT product, sum(revenue) r FROM {ITEMS} GROUP BY 1 ORDER BY r DESC LIMIT 10""",
    "bottom 3 categories by revenue": f"""
        SELECT category, sum(revenue) r FROM {ITEMS} GROUP BY 1 ORDER BY r LIMIT 3""",
    "Which products sell best?": f"""
        SELECT product, sum(quantity) n FROM {ITEMS} GROUP BY 1 ORDER BY n DESC LIMIT 10""",
    "Orders per month in 2023": """
        SELECT date_trunc('month', order_date)::DATE, count(*) FROM orders WHERE year(order_date) = 2023
        GROUP BY 1""",
    "orders by month since March 2023": """
        SELECT date_trunc('month', order_date)::DATE, count(*) FROM orders WHERE order_date >=
        '2023-03-01' GROUP BY 1""",
    "Number of orders by weekday": "SELECT isodow(order_date), count(*) FROM orders GROUP BY 1",
    "Average order value by channel": f"""
        SELECT channel, sum(revenue) / count(DISTINCT oid) FROM {ITEMS} GROUP BY 1""",
    "average revenue per customer by segment": f"""
        SELECT segment, sum(revenue) / count(DISTINCT customer_id) FROM {ITEMS} GROUP BY 1""",
    "average quantity per order by channel": f"""
        SELECT channel, sum(quantity) / count(DISTINCT oid) FROM {ITEMS} GROUP BY 1""",
    "Number of customers by country": "SELECT country, count(*) FROM customers GROUP BY 1",
    "How many customers signed up per year?": "SELECT year(signup_date), count(*) FROM customers GROUP BY 1",
    "Share of orders by status as a pie chart": """
        SELECT status, count(*), count(*) / 120000 FROM orders GROUP BY 1""",
    "Return rate by channel": "SELECT channel, avg((status = 'returned')::INT) FROM orders GROUP BY 1",
    "Return rate by category": f"""
        SELECT category, avg((status = 'returned')::INT) FROM {WITH_CATEGORY} GROUP BY 1""",
    "cancellation rate by month": """
        SELECT date_trunc('month', order_date)::DATE, avg((status = 'cancelled')::INT) FROM orders GROUP
        BY 1""",
    "orders by category": f"SELECT category, count(*) FROM {WITH_CATEGORY} GROUP BY 1",
    "number of cancelled orders per month": """
        SELECT date_trunc('month', order_date)::DATE, count(*) FROM orders WHERE status = 'cancelled'
        GROUP BY 1""",
    "orders without cancelled and returned by channel": """
        SELECT channel, count(*) FROM orders WHERE status NOT IN ('cancelled', 'returned') GROUP BY 1""",
    "Compare revenue in Europe and Asia Pacific": f"""
        SELECT region, sum(revenue) FROM {ITEMS} WHERE region IN ('Europe', 'Asia Pacific') GROUP BY 1""",
    "Revenue 2022 vs 2024 by category": f"""
        SELECT category, year(order_date), sum(revenue) FROM {ITEMS} WHERE year(order_date) IN (2022,
        2024) GROUP BY ALL""",
    "revenue of enterprise customers by month in 2024": f"""
        SELECT date_trunc('month', order_date)::DATE, sum(revenue) FROM {ITEMS}
        WHERE segment = 'Enterprise' AND year(order_date) = 2024 GROUP BY 1""",
    "Q4 2023 revenue by channel": f"""
        SELECT channel, sum(revenue) FROM {ITEMS} WHERE order_date BETWEEN '2023-10-01' AND '2023-12-31'
        GROUP BY 1""",
    "daily orders in June 2022": """
        SELECT order_date, count(*) FROM orders WHERE order_date BETWEEN '2022-06-01' AND '2022-06-30'
        GROUP BY 1""",
    "orders between March and May 2023 by payment": """
        SELECT payment, count(*) FROM orders WHERE order_date BETWEEN '2023-03-01' AND '2023-05-31'
        GROUP BY 1""",
    "units sold by category last year": f"""
        SELECT category, sum(quantity) FROM {ITEMS} WHERE year(order_date) = 2024 GROUP BY 1""",
    "revenue by product category in web and app": f"""
        SELECT category, sum(revenue) FROM {ITEMS} WHERE channel IN ('web', 'app') GROUP BY 1""",
    "number of products with price over 100 by category": """
        SELECT category, count(*) FROM products WHERE price > 100 GROUP BY 1""",
    "median unit price by category": f"SELECT category, median(unit_price) FROM {ITEMS} GROUP BY 1",
    "max price per category": "SELECT category, max(price) FROM products GROUP BY 1",
    "Which country has the most customers?": "SELECT country, count(*) FROM customers GROUP BY 1",
    "customers with more than 50 orders": f"""
        SELECT name, count(*), customer_id FROM {ORDERS} GROUP BY name, customer_id HAVING count(*) > 50""",
    "Histogram of product prices": "SELECT floor(price / 20) * 20, count(*) FROM products GROUP BY 1",
    "scatter of price vs quantity on 2022-06-01": f"""
        SELECT price, quantity FROM {ITEMS} WHERE order_date = '2022-06-01'""",
    "unit price against quantity on 2022-06-01": f"""
        SELECT unit_price, quantity FROM {ITEMS} WHERE order_date = '2022-06-01'""",
    "revenue vs orders by quarter": f"""
        SELECT date_trunc('quarter', order_date)::DATE, sum(revenue), count(DISTINCT oid) FROM {ITEMS}
        GROUP BY 1""",
    "catagory revenue": f"SELECT category, sum(revenue) FROM {ITEMS} GROUP BY 1",
    "orders placed by customers from Germany in 2023 by month": f"""
        SELECT date_trunc('month', order_date)::DATE, count(*) FROM {ORDERS}
        WHERE country = 'Germany' AND year(order_date) = 2023 GROUP BY 1""",
}

FILES = {
    "Export orders of 2023 to Excel": ("xlsx", "SELECT * FROM orders WHERE year(order_date) = 2023"),
    "Export customers from Germany to csv": ("csv", "SELECT * FROM customers WHERE country = 'Germany'"),
    "Revenue by category in 2024 as parquet": (
        "parquet",
        f"""
        SELECT category, sum(revenue) FROM {ITEMS} WHERE year(order_date) = 2024 GROUP BY 1""",
    ),
    "Revenue by category in 2024 as json": (
        "json",
        f"""
        SELECT category, sum(revenue) FROM {ITEMS} WHERE year(order_date) = 2024 GROUP BY 1""",
    ),
    "Export all products with price above 100 to parquet": (
        "parquet",
        """
        SELECT * FROM products WHERE price > 100""",
    ),
    "list of name and country of customers to excel": ("xlsx", "SELECT name, country FROM customers"),
    "orders with customer name and region to csv": ("csv", f"SELECT name, region FROM {ORDERS}"),
    "export returned orders of shoes in 2024 to csv": (
        "csv",
        f"""SELECT * EXCLUDE category FROM {WITH_CATEGORY}
        WHERE category = 'Shoes' AND status = 'returned' AND year(order_date) = 2024""",
    ),
    "export customers from Germany and France who signed up since 2023 as json": (
        "json",
        """SELECT * FROM customers
        WHERE country IN ('Germany', 'France') AND signup_date >= '2023-01-01'""",
    ),
    "download the customers": (None, "SELECT * FROM customers"),
}


def alike(rows):
    """Return rows in an order of their own, sums rounded: engines add up in different orders."""
    rounded = [tuple(round(float(v), 6) if isinstance(v, float) else v for v in row) for row in rows]
    return sorted(rounded, key=repr)


@pytest.mark.parametrize("prompt", CHARTS)
def test_a_chart_shows_the_rows_of_the_sql(shop, prompt):
    understanding, rows = shop.answer(prompt, "chart")
    expected = shop.sql(CHARTS[prompt])
    assert understanding.ignored == ()
    assert QuerySpec.from_json(understanding.spec.to_json()) == understanding.spec
    assert len(rows) == len(expected) > 0
    for row, wanted in zip(alike(rows), alike(expected), strict=True):
        assert row[: len(wanted)] == pytest.approx(wanted)


@pytest.mark.parametrize("prompt", FILES)
def test_a_file_has_the_rows_of_the_sql(shop, prompt):
    file_format, sql = FILES[prompt]
    understanding, rows = shop.answer(prompt, "file")
    assert (understanding.spec.format, understanding.ignored) == (file_format, ())
    expected = shop.sql(sql)
    assert len(rows) == len(expected) > 0
    for row, wanted in zip(alike(rows), alike(expected), strict=True):
        assert row == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("prompt", "kind", "text"),
    [
        (
            "Monthly revenue by region as a line chart",
            "chart",
            "Sum of revenue by month and region, as a line chart",
        ),
        (
            "Export orders of 2023 to Excel",
            "file",
            "All columns of orders, where order date is in 2023, as an Excel file",
        ),
        ("What stands out in returns?", "text", "What stands out in orders, where status is returned"),
        (
            "Top 10 products by revenue as a bar chart",
            "chart",
            "Sum of revenue by product name, the 10 highest, as a bar chart",
        ),
        ("Share of orders by status", "chart", "Number of orders by status, with shares, as a pie chart"),
        (
            "products with price over 1,000 to csv",
            "file",
            "All columns of products, where price is over 1,000, as a CSV file",
        ),
        (
            "customers with more than 50 orders",
            "chart",
            "Number of orders by customer name, where number of orders is over 50, as a bar chart",
        ),
        (
            "orders not cancelled, in March",
            "chart",
            "Number of orders by month, where status is not cancelled and order date is in March, "
            "as a line chart",
        ),
    ],
)
def test_it_restates_what_it_understood(shop, prompt, kind, text):
    assert shop.understand(prompt, kind).text == text


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("revenue by order_date", "Sum of revenue by month, as a line chart"),
        (
            "orders by channel, sorted by the x-axis in descending order",
            "Number of orders by channel, sorted by channel from high to low, as a bar chart",
        ),
        (
            "orders by channel, y axis from low to high",
            "Number of orders by channel, sorted by value from low to high, as a bar chart",
        ),
        ("number of channels", "Number of orders by channel, as a bar chart"),
        ("how many countries by country", "Number of customers by country, as a bar chart"),
    ],
)
def test_names_of_columns_and_axes_are_read_too(shop, prompt, text):
    assert shop.understand(prompt, "chart").text == text


def test_numbers_that_a_join_would_count_twice_are_left_out_and_named(shop):
    prompt = "number of products and total quantity by category"
    understanding = shop.understand(prompt, "chart")
    assert (understanding.text, understanding.ignored) == (
        "Number of products by category, as a bar chart",
        ("quantity",),
    )


def test_words_it_does_not_use_are_named(shop):
    understanding = shop.understand("Magnificent revenue by region and channel for the jellyfish", "chart")
    assert understanding.text == "Sum of revenue by region and channel, as a bar chart"
    assert understanding.ignored == ("magnificent", "jellyfish")


def test_a_corrected_spelling_is_told(shop):
    assert shop.understand("orders by chanel", "chart").notes == ("I read 'chanel' as 'channel'.",)


def test_relative_time_counts_from_the_end_of_the_data_and_says_so(shop):
    understanding = shop.understand("revenue last 6 months by week", "chart")
    assert understanding.spec.filters[0].values == ("2024-07-01", "2025-01-01")
    assert understanding.notes == (
        "Counted back from 2024-12-31, the last order date in the data.",
        "Revenue is taken as quantity × unit price.",
    )


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (
            "What will the weather be in Berlin?",
            "No word of the request names a table, a column or a value of this database.",
        ),
        (
            "Umsatz nach Region",
            "Too little of the request is about this database: nothing is known of 'umsatz' and 'nach', "
            "only of 'region'.",
        ),
        (
            "magnificent revenue",
            "Too little of the request is about this database: nothing is known of 'magnificent', "
            "only of 'revenue'.",
        ),
        ("revenue by city", "There is no 'city' in this database to group by."),
        ("how many employees work in sales", "There are no 'employees' in this database to count."),
        ("???", "No word of the request names a table, a column or a value of this database."),
    ],
)
def test_what_it_cannot_understand_it_refuses_plainly(shop, prompt, message):
    with pytest.raises(QuestionNotUnderstood) as caught:
        shop.understand(prompt, "chart")
    assert str(caught.value) == message
    assert caught.value.hint


def test_the_examples_of_a_database_work_on_it(shop):
    prompts = examples(shop.catalog)
    assert list(prompts) == ["chart", "file", "text"]
    for kind, those in prompts.items():
        assert len(those) == len(set(those)) == 2
        for prompt in those:
            understanding, rows = shop.answer(prompt, kind)
            assert rows and not understanding.ignored and recognise(prompt) == kind
