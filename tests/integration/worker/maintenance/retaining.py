"""Rules and runs of retention, and what a tracker has before and after them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.worker.maintenance.jobs import run_job
from services.worker.resources import Resources
from shared.events.messages import ToolCall
from shared.jobs import RETENTION
from tests.integration.worker.imports.files_of_sessions import EPOCH, add_job, file_of
from tests.integration.worker.maintenance.projects_world import CELLS
from tests.integration.worker.maintenance.sessions_of_users import row_id, session, sessionless, store
from tests.integration.worker.statements import execute, select

YESTERDAY = int((datetime.now(UTC) - timedelta(days=1) - EPOCH) / timedelta(minutes=1))
ROWS = ("sessions", "messages", "tool_calls", "activities", "api_calls", "session_events")


def set_rule(worker: Resources, what: str, days: int | None, project: str | None = None, user: str | None = None) -> None:
    rule = """INSERT INTO retention_rules (what, days, project_id, user_id)
        VALUES (%s, %s, (SELECT id FROM projects WHERE path = %s), (SELECT id FROM users WHERE name = %s))"""
    execute(worker, rule, [what, days, project, user])


def drop(worker: Resources, *, is_dry_run: bool = False, run_seconds: float = 60) -> dict[str, tuple[int, int, int]]:
    """A run from begin to end. {kind: (sessions, rows, bytes)}."""
    run_id = uuid4()
    execute(worker, "INSERT INTO jobs (kind, id, is_dry_run) VALUES ('retention', %(id)s, %(dry)s)", {"id": run_id, "dry": is_dry_run})
    while run_job(worker, RETENTION, run_id, run_seconds):
        pass
    return counts(worker, run_id)


def counts(worker: Resources, run_id: UUID) -> dict[str, tuple[int, int, int]]:
    found = select(
        worker,
        """SELECT what, sum(sessions)::bigint, sum(rows)::bigint, sum(bytes)::bigint FROM retention_counts
           WHERE run_id = %(id)s GROUP BY what""",
        {"id": run_id},
    )
    return {what: (sessions, number, size) for what, sessions, number, size in found}


def cells(worker: Resources) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(select(worker, f"SELECT to_jsonb(t)::text FROM {table} AS t")) for table in (*CELLS, "file_sets")}


def numbers(worker: Resources) -> dict[str, list[tuple[Any, ...]]]:
    """All of the rows but their texts."""
    without = "'{content,terms,parameters,result,patch,patch_left_out,title,title_source,details}'::text[]"
    return {table: sorted(select(worker, f"SELECT (to_jsonb(t) - {without})::text FROM {table} AS t")) for table in ROWS}


def texts(worker: Resources) -> set[str]:
    found = select(
        worker, "SELECT content FROM messages UNION ALL SELECT parameters::text FROM tool_calls UNION ALL SELECT title FROM sessions"
    )
    return {text for (text,) in found if text}


def fill(worker: Resources) -> None:
    """Old sessions of two users in two projects, one of yesterday, calls without a session, and files that share rows."""
    store(worker, [event for n in range(4) for event in session(f"a{n}", "ann", 7 * n)])
    store(worker, [event for n in range(4) for event in session(f"b{n}", "bob", 9 * n, f"/p/{n % 2}")])
    store(worker, session("new", "ann", YESTERDAY))
    store(worker, [sessionless(user, n) for n, user in enumerate(("ann", "bob"))])
    called = ToolCall(
        session_id="a0", tool_name="Bash", result_status="success", execution_time_ms=5, parameters={"command": "make secret"},
        timestamp=EPOCH + timedelta(minutes=5), id=row_id("a0", "with parameters"),
    )  # fmt: skip
    store(worker, [called])
    with worker.transaction() as connection:
        number = add_job(connection)
    store(worker, file_of("f1", list(range(13))), number)
    store(worker, file_of("f2", list(range(6, 19))), number)
