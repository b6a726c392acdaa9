"""Projects with sessions, rows without a session and an import; and what ingest commits for a merge, an undo and other changes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from services.worker.maintenance import rekey_projects
from services.worker.persist.records import Message
from services.worker.resources import Resources
from shared.projects import merging
from tests.integration.worker.imports.test_imports_in_any_order import EPOCH, add_job, file_of
from tests.integration.worker.maintenance.test_merge_users import row_id, session, store


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
    with worker.transaction() as connection:
        [(found,)] = connection.execute("SELECT id FROM projects WHERE path = %s", (path,)).fetchall()
    return int(found)


def decide(worker: Resources, path: str, into: str | None) -> int:
    """What ingest commits for PATCH /api/projects/{id} {"merged_into": …}; the id of the first."""
    of, other = project_id(worker, path), None if into is None else project_id(worker, into)
    merge: Mapping[str, Any] = {"part_of": other, "merged_by": merging.HAND, "merged_at": EPOCH.isoformat()} if other else {}
    with worker.transaction() as connection:
        columns = "name, group_name, is_archived, visibility, is_kept_apart, merged_into"
        [before] = connection.execute(f"SELECT {columns} FROM projects WHERE id = %s".encode(), (of,)).fetchall()
        wanted = dict(zip(columns.split(", "), before, strict=True)) | merging.NOT_MERGED | merge | {"project_id": of}
        connection.execute(merging.LOCK)
        connection.execute(merging.CHANGE, wanted)
        connection.execute(merging.RESOLVE, {"project_id": of, "before": wanted["merged_into"]})
    return of


def move_all(worker: Resources) -> int:
    """Runs the tasks of all projects that wait; in how many transactions."""
    steps = 0
    while True:
        with worker.transaction() as connection:
            waiting = connection.execute("SELECT id FROM projects WHERE rekey_requested_at IS NOT NULL ORDER BY id").fetchall()
        if not waiting:
            return steps
        for (each,) in waiting:
            with worker.transaction() as connection:
                rekey_projects.move_some(worker, connection, each)
            steps += 1


def late(session_id: str) -> Any:
    from shared.events.messages import Conversation

    at = EPOCH + timedelta(hours=2)
    return Conversation(session_id=session_id, content="late", role="user", timestamp=at, id=row_id("late", session_id))
