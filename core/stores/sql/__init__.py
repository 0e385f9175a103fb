"""Logs in a SQL database: one set of statements and rules for SQLite and PostgreSQL.

It is a thin layer over their drivers. SQLAlchemy Core was measured beside it: a batch of 100 entries took
1.6 times as long, a single entry 1.3 to 1.7 times, and a row-by-row `executemany` hands Python's lock to
another thread at every row: one busy thread slowed commits 20 times more than with one statement a table.
So the rows of a batch go to the database as one JSON text, which it takes apart itself.
"""
