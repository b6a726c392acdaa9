"""Projects with sessions, rows without a session and an import; and what ingest commits for a merge, an undo and other changes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.worker.maintenance import rekey_projects
from services.worker.maintenance.retention import drop_sessions
from services.worker.maintenance.retention.retention_stage import Step
from services.worker.persist.records import Message
from services.worker.persist.tombstones import write_tombstones
from services.worker.resources import Resources
from shared.projects import merging
from tests.integration.worker.all_tables import all_tables
from tests.integration.worker.imports.files_of_sessions import EPOCH, add_job, file_of
from tests.integration.worker.maintenance.sessions_of_users import row_id, session, store
from tests.integration.worker.statements import execute, select

CELLS = ("activity_rollups", "tool_rollups", "error_rollups", "usage_rollups", "file_rollups", "active_days")
RUN = UUID(int=1)


def prompt(path: str, n: int) -> Message:
    """A prompt of a claude.json: it names a project, and no session."""
    return Message(id=row_id("prompt", path, n), role="user", content=f"prompt {n}", source="claude.json", project_path=path, user="ann")


def fill(worker: Resources, paths: tuple[str, ...]) -> None:
    """Sessions that overlap, of two users, in these projects; a session that a later hook places elsewhere; prompts; an import."""
    for number, path in enumerate(paths):
        store(worker, [event for n in range(3) for event in session(f"{number}-{n}", ("ann", "bob")[n % 2], 7 * n + number, path)])
    with worker.transaction() as connection:
        number = add_job(connection)
    store(worker, [prompt(path, n) for path in paths for n in range(3)], number)
    store(worker, file_of("f1", list(range(9))), number)


def project_id(worker: Resources, path: str) -> int:
    [(found,)] = select(worker, "SELECT id FROM projects WHERE path = %s", (path,))
    return int(found)


def decide(worker: Resources, path: str, into: str | None) -> int:
    """The change that ingest commits for PATCH /api/projects/{id} {"merged_into": …}; the id of the first."""
    of, other = project_id(worker, path), None if into is None else project_id(worker, into)
    merge: Mapping[str, Any] = {"part_of": other, "merged_by": merging.HAND, "merged_at": EPOCH.isoformat()} if other else {}
    columns = "name, group_name, is_archived, visibility, is_kept_apart, merged_into"
    [before] = select(worker, f"SELECT {columns} FROM projects WHERE id = %s", (of,))
    wanted = dict(zip(columns.split(", "), before, strict=True)) | merging.NOT_MERGED | merge | {"project_id": of}
    execute(worker, merging.LOCK)
    execute(worker, merging.CHANGE, wanted)
    execute(worker, merging.RESOLVE, {"project_id": of, "before": wanted["merged_into"]})
    return of


def move_all(worker: Resources) -> int:
    """Runs the tasks of all projects that wait; in how many transactions."""
    steps = 0
    while True:
        waiting = select(worker, "SELECT id FROM projects WHERE rekey_requested_at IS NOT NULL ORDER BY id")
        if not waiting:
            return steps
        for (each,) in waiting:
            with worker.transaction() as connection:
                rekey_projects.move_some(connection, each)
            steps += 1


def late(session_id: str) -> Any:
    from shared.events.messages import Conversation

    at = EPOCH + timedelta(hours=2)
    return Conversation(session_id=session_id, content="late", role="user", timestamp=at, id=row_id("late", session_id))


def is_circle(worker: Resources, path: str, into: str | None) -> bool:
    above = select(
        worker,
        """WITH RECURSIVE above AS (
                   SELECT id, part_of, path FROM projects WHERE path = %s
                   UNION SELECT p.id, p.part_of, p.path FROM projects AS p JOIN above AS a ON p.id = a.part_of)
               SELECT path FROM above""",
        (into,),
    )
    return (path,) in above


def begin(worker: Resources, path: str, which: int) -> None:
    """Retention has found one session of a path, some of many."""
    with worker.transaction() as connection:
        found = connection.execute(
            """SELECT session_id FROM sessions AS s JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id)
               WHERE p.path = %s AND s.counted AND session_id NOT IN (SELECT session_id FROM dropping_sessions) ORDER BY 1 OFFSET %s LIMIT 1""",
            (path, which % 3),
        ).fetchall()
        for (session_id,) in found:
            connection.execute("INSERT INTO dropping_sessions VALUES (%s, %s)", (session_id, RUN))
            write_tombstones(connection, "session", [session_id], reason="expired")


def drop_some(worker: Resources, steps: int) -> None:
    """Steps of the drop of what is begun."""
    for _ in range(steps):
        with worker.transaction() as connection:
            drop_sessions.drop_sessions(Step(worker, connection, RUN, None, is_dry_run=False, as_of=datetime.now(UTC)))


def drop_all(worker: Resources) -> None:
    drop_some(worker, 1)
    while one(worker, "SELECT count(*) FROM dropping_sessions"):
        drop_some(worker, 1)


def one(worker: Resources, statement: str, *parameters: Any) -> Any:
    [(value,)] = select(worker, statement, parameters)
    return value


def sums(worker: Resources) -> dict[str, list[str]]:
    """All tables of sums, and the projects with the times of their newest sessions."""
    found = all_tables(worker)
    return {table: found[table] for table in (*CELLS, "projects")}
