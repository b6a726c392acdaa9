"""Statements of .sql files are found by name, without the comments above them."""

import pytest

from shared.sql_files import statement

PACKAGE, FILE = "services.query.queries.stats", "stats.sql"


def test_a_statement_ends_where_the_next_begins() -> None:
    sql = statement(PACKAGE, FILE, "series_bounds")
    assert sql.startswith("SELECT date_part")
    assert sql.endswith("bucket_start > '-infinity'")


def test_comments_are_left_out() -> None:
    assert "--" not in statement(PACKAGE, FILE, "distinct_files")


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        statement(PACKAGE, FILE, "none")
