"""Statements that must choose the same rows have the same conditions."""

import pytest

from services.query.queries import lists
from shared.sql_files import SqlFile


def one_line(sql: str) -> str:
    return " ".join(sql.split())


@pytest.mark.parametrize(
    ("file", "counts", "begins", "ends", "shows"),
    [
        ("events.sql", "number_of_messages", " FROM messages m WHERE ", " LIMIT %(most)s", "messages"),
        ("file_history.sql", "summary", "changes AS MATERIALIZED (", ") SELECT count(*)", "history"),
    ],
    ids=["messages", "changes of files"],
)
def test_what_is_counted_is_what_is_shown(file: str, counts: str, begins: str, ends: str, shows: str) -> None:
    sql = SqlFile(lists.__name__, file)

    condition = one_line(sql[counts]).partition(begins)[2].partition(ends)[0]

    assert "%(machine)s" in condition
    assert condition in one_line(sql[shows])
