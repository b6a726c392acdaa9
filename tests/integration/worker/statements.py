"""Statements of SQL in a worker's database, each in a transaction of its own."""

from typing import Any

from services.worker.resources import Resources
from tests import kept_connection
from tests.kept_connection import Parameters


def select(worker: Resources, sql: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
    """The rows of one statement."""
    return kept_connection.select_rows(worker.settings.database_url, sql, parameters)


def execute(worker: Resources, sql: str, parameters: Parameters = None) -> None:
    """One statement that gives no rows."""
    kept_connection.execute(worker.settings.database_url, sql, parameters)


def only_row(worker: Resources, sql: str, parameters: Parameters = None) -> dict[str, Any]:
    """The one row of a statement, by the names of its columns."""
    [found] = kept_connection.select(worker.settings.database_url, sql, parameters)
    return found
