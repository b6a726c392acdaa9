"""Erases through the API, with the worker's part done at once, and searches the database."""

from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from services.worker.drain.accounting import accounting
from services.worker.maintenance.jobs import run_job
from services.worker.resources import Resources
from shared.jobs import ERASURE
from tests.integration.keys.ownership.owners import BOBS, World
from tests.integration.worker.all_tables import differences, tables
from tests.kept_connection import kept_transaction


def start(world: World, what: dict[str, Any], confirm: str, **more: Any) -> UUID:
    answer = world.api.post(world.admin, "/api/erasures", {"what": what, "confirm": confirm} | more)
    assert answer.status_code == 202, answer.text
    return UUID(answer.json()["erasure_id"])


def finish(world: World, erasure_id: UUID) -> dict[str, Any]:
    """Runs it to its end, step by step. Whenever it waits, the others do what there is to do."""
    before = None
    while run_job(world.worker, ERASURE, erasure_id, run_seconds=0):
        place = world.api.select("SELECT at_stage, after_key FROM jobs WHERE id = %s", erasure_id)
        if place == before:
            world.settle()
        before = place
    found: dict[str, Any] = world.api.get(world.admin, f"/api/erasures/{erasure_id}").json()
    return found


def erased(world: World, what: dict[str, Any], confirm: str, **more: Any) -> dict[str, Any]:
    found = finish(world, start(world, what, confirm, **more))
    assert found["status"] == "succeeded", found
    return found


def places_of(world: World, *texts: str) -> dict[str, list[str]]:
    """{text: the columns of the database that have it}."""
    found: dict[str, list[str]] = {}
    with kept_transaction(world.worker.settings.database_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        for (table,) in tables:
            rows = connection.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table))).fetchall()
            for text in texts:
                forms = (text, text.encode().hex())
                if any(form in row for (row,) in rows for form in forms):
                    found.setdefault(text, []).append(table)
    return found


def of_others(world: World) -> dict[str, list[str]]:
    """All rows that are not ann's, and sums of bob alone."""
    with psycopg.connect(world.worker.settings.database_url) as connection:
        found = tables(connection)
    return {table: [row for row in rows if '"u": "bob"' in row or BOBS in row] for table, rows in found.items()}


def assert_sums_agree(worker: Resources) -> None:
    assert differences(worker) == {}
    assert accounting(worker).drift == 0
