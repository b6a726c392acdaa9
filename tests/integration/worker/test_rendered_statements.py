"""The committed text of the composed statements is SQL that Postgres plans as it stands, for example for EXPLAIN in a review."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from services.worker.persist.staging.staging_tables import prepare_connection
from services.worker.render_sql import FOLDER
from services.worker.resources import Resources

PARAMETERS = {
    "idle_gap": timedelta(minutes=5),
    "job_number": 1,
    "earliest": datetime(2020, 1, 1, tzinfo=UTC),
    "ahead": timedelta(days=2),
    "chunk_rows": 1,
    "chunk_bytes": 1,
} | {name: list[str]() for name in ("session_ids", "row_ids", "whole_ids", "new_session_event_ids", "new_fact_ids")}


def test_postgres_plans_every_statement(worker: Resources, subtests: pytest.Subtests) -> None:
    for file in sorted(FOLDER.glob("*.sql")):
        with subtests.test(file.stem), psycopg.connect(worker.settings.database_url, cursor_factory=psycopg.ClientCursor) as connection:
            prepare_connection(connection)
            for statement in file.read_text(encoding="utf-8").split(";\n"):
                if statement.strip():
                    # A name that is not in PARAMETERS is a value of a column, which may be NULL.
                    given: dict[str, Any] = defaultdict(lambda: None, PARAMETERS)
                    assert connection.execute(f"EXPLAIN {statement}".encode(), given).fetchall()
