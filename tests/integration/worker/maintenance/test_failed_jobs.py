"""A job that may not write ends `failed` and says why, whatever its kind; one that fails otherwise is tried again, and says why as well."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from deploy.migrations.grants import WORKER, grant
from services.query.queries.status import standing_jobs
from services.worker.importers.job import run_shard
from services.worker.maintenance import merge_users, rekey_projects
from services.worker.maintenance.jobs import JOBS, run_job
from services.worker.resources import Resources, open_resources
from services.worker.row_lease import MAX_ATTEMPTS
from services.worker.sweep.scheduler import Looks
from shared.blobs.store import BlobStoreAway
from shared.database import connect_options
from shared.events.messages import Conversation
from shared.jobs import ERASURE, EXPORT, MERGE_OF_PROJECTS, MERGE_OF_USERS, SCRUB, JobKind, JobTask
from tests.conftest import as_role
from tests.integration.worker.imports.exporting import add_export, export_row
from tests.integration.worker.imports.files_of_sessions import EPOCH
from tests.integration.worker.maintenance.projects_world import decide
from tests.integration.worker.maintenance.retaining import set_rule
from tests.integration.worker.maintenance.sessions_of_users import fill, request_merge, store
from tests.integration.worker.statements import execute, select

# A folder in which nobody may make one.
FORBIDDEN = Path("/sys/tracker-archive")


@pytest.fixture
def owner(worker: Resources) -> Resources:
    """It may do everything; with sessions of two people, one of which says a secret."""
    fill(worker, "ann", "bob")
    store(worker, [Conversation(id=uuid4(), session_id="a0", role="user", content="AKIAIOSFODNN7EXAMPLF", timestamp=EPOCH)])
    set_rule(worker, "sessions", 1)
    return worker


@pytest.fixture
def refused(owner: Resources) -> Iterator[Resources]:
    """A worker in its own role, which may not write what all jobs write."""
    url = owner.settings.database_url
    execute(owner, f"REVOKE UPDATE, DELETE ON sessions, messages, api_calls FROM {WORKER}")
    with closing(open_resources(owner.settings.model_copy(update={"database_url": as_role(url, WORKER)}))) as worker:
        yield worker
    grant(url)


def added(worker: Resources, kind: JobKind) -> UUID:
    """A job, as ingest adds it."""
    job_id = uuid4()
    with worker.transaction() as connection:
        if kind is ERASURE:
            connection.execute(
                """INSERT INTO jobs (kind, id, options, names, user_ids)
                VALUES ('erasure', %s, '{"of": "user"}', '{ann}', (SELECT array_agg(id) FROM users WHERE name = 'ann'))""",
                (job_id,),
            )
        else:
            connection.execute("INSERT INTO jobs (kind, id) VALUES (%s, %s)", (kind.name, job_id))
        # A call costs something else now.
        connection.execute("UPDATE api_calls SET cost_nano_usd = 1, price_version = 'x'")
    return job_id


def state(worker: Resources, job_id: UUID) -> tuple[Any, ...]:
    [found] = select(worker, "SELECT status, failure FROM jobs WHERE id = %s", (job_id,))
    return found


@pytest.mark.parametrize("kind", JOBS, ids=lambda kind: kind.name)
def test_a_job_that_may_not_write_fails_at_once_and_says_why(owner: Resources, refused: Resources, kind: JobKind) -> None:
    job_id = added(owner, kind)

    while run_job(refused, kind, job_id):
        pass

    status, failure = state(owner, job_id)
    assert status == "failed"
    assert failure.startswith("Postgres refuses the worker (InsufficientPrivilege: permission denied for table")
    assert failure.endswith("run the migrations, which give it its rights, then ask for this again.")


def test_an_erasure_that_failed_is_begun_again_where_it_stopped(owner: Resources, refused: Resources) -> None:
    job_id = added(owner, ERASURE)
    while run_job(refused, ERASURE, job_id):
        pass

    [(at_stage, names)] = select(owner, "SELECT at_stage, names FROM jobs")

    assert (at_stage, names) == ("rows", ["ann"])


@pytest.mark.parametrize("kind", JOBS, ids=lambda kind: kind.name)
def test_a_job_whose_step_fails_again_and_again_ends_with_the_reason(
    owner: Resources, kind: JobKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise KeyError("secret")

    job_id = added(owner, kind)
    # Its steps need nothing but a place to read from.
    monkeypatch.setattr("services.worker.maintenance.staged_job._take_step", broken)
    for _ in range(MAX_ATTEMPTS + 1):
        execute(owner, "UPDATE jobs SET lease_expires_at = NULL")
        with suppress(KeyError):
            run_job(owner, kind, job_id)

    assert state(owner, job_id) == ("failed", "The worker failed (KeyError); see its log, then ask for this again.")


@pytest.mark.parametrize("kind", JOBS, ids=lambda kind: kind.name)
def test_a_job_whose_store_is_away_waits_for_it_and_says_so(owner: Resources, kind: JobKind, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> Any:
        raise BlobStoreAway("The bucket does not answer.")

    job_id = added(owner, kind)
    monkeypatch.setattr("services.worker.maintenance.staged_job._take_step", away)
    for _ in range(MAX_ATTEMPTS + 2):
        with owner.transaction() as connection:
            connection.execute("UPDATE jobs SET lease_expires_at = NULL")
        with suppress(BlobStoreAway):
            run_job(owner, kind, job_id)

    assert state(owner, job_id) == ("running", "The bucket does not answer.")


def test_an_export_that_may_not_write_the_archive_fails_and_says_why(owner: Resources) -> None:
    object.__setattr__(owner, "settings", owner.settings.model_copy(update={"archive_url": FORBIDDEN.as_uri()}))
    job_id = add_export(owner)

    run_shard.run(owner, job_id, 0)

    row = export_row(owner, job_id)
    assert (row["status"], [error["code"] for error in row["errors"]]) == ("failed", ["CANNOT_WRITE"])
    assert row["errors"][0]["message"].startswith(f"Nothing may be written to {FORBIDDEN}/exports: ")


def test_an_export_that_may_not_read_the_rows_fails_and_says_why(owner: Resources, refused: Resources, tmp_path: Path) -> None:
    execute(owner, f"REVOKE SELECT ON messages FROM {WORKER}")
    object.__setattr__(refused, "settings", refused.settings.model_copy(update={"archive_url": tmp_path.as_uri()}))
    job_id = add_export(owner)

    run_shard.run(refused, job_id, 0)

    assert [error["code"] for error in export_row(owner, job_id)["errors"]] == ["CANNOT_WRITE"]


@pytest.mark.parametrize(
    ("task", "begin", "run", "found"),
    [
        (
            MERGE_OF_USERS.task,
            lambda worker: request_merge(worker, "ann", "bob"),
            merge_users.run,
            "SELECT merge_failure, merge_requested_at FROM users",
        ),
        (
            MERGE_OF_PROJECTS.task,
            lambda worker: decide(worker, "/p/one", "/p/1"),
            rekey_projects.run,
            "SELECT rekey_failure, rekey_requested_at FROM projects",
        ),
    ],
    ids=["users", "projects"],
)
def test_a_merge_that_fails_says_why_and_is_tried_again_after_an_hour(
    owner: Resources,
    refused: Resources,
    looks: Looks,
    task: JobTask,
    begin: Callable[[Resources], int],
    run: Callable[[Resources, int], bool],
    found: str,
) -> None:
    of = begin(owner)
    column = found.split()[2]

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(refused, of)

    table = found.rpartition(" ")[2]
    [(failure, _)] = select(owner, f"{found} WHERE id = %s", (of,))
    execute(owner, f"UPDATE {table} SET {column} = {column} - interval '59 minutes' WHERE id = %s", (of,))
    assert failure.startswith("Postgres refuses the worker")
    assert task not in looks.abandoned_jobs()

    execute(owner, f"UPDATE {table} SET {column} = {column} - interval '2 minutes' WHERE id = %s", (of,))
    assert looks.abandoned_jobs()[task] == [(of,)]
    while run(owner, of):
        pass
    assert select(owner, f"{found} WHERE id = %s", (of,)) == [(None, None)]


def test_the_job_of_each_kind_is_found_by_beat_and_the_one_that_stands_still_longest_is_told(owner: Resources, looks: Looks) -> None:
    for kind in JOBS:
        added(owner, kind)
    execute(owner, "UPDATE jobs SET created_at = now() - interval '6 seconds'")
    add_export(owner)
    request_merge(owner, "ann", "bob")
    decide(owner, "/p/one", "/p/1")
    execute(owner, "UPDATE import_jobs SET created_at = now() - interval '6 seconds'")
    execute(owner, "UPDATE users SET merge_requested_at = merge_requested_at - interval '6 seconds'")
    execute(owner, "UPDATE projects SET rekey_requested_at = rekey_requested_at - interval '6 seconds'")
    waiting = {*(kind.task for kind in JOBS), EXPORT.task, MERGE_OF_USERS.task, MERGE_OF_PROJECTS.task}
    assert waiting <= looks.abandoned_jobs().keys()

    execute(owner, "UPDATE jobs SET moved_at = now() - interval '1 hour' WHERE kind = 'erasure'")
    with psycopg.connect(
        owner.settings.database_url, **connect_options(statement_timeout_ms=1000, lock_timeout_ms=1000, read_only=True)
    ) as connection:
        standing = standing_jobs(connection)

    assert set(standing) == {"erasure", "scrub", "retention", "reprice", "export", "merge of users", "merge of projects"}
    assert [kind for kind, seconds in standing.items() if seconds >= 3600] == ["erasure"]


def test_a_job_that_only_waits_does_not_get_on(owner: Resources) -> None:
    # An import that goes on keeps a scrub waiting.
    add_export(owner)
    execute(owner, "UPDATE import_jobs SET kind = 'import', status = 'running', has_files = true WHERE status = 'queued'")
    job_id = added(owner, SCRUB)

    def place() -> Any:
        with owner.transaction() as connection:
            return connection.execute("SELECT at_stage, after_key, moved_at FROM jobs").fetchone()

    while (before := place())[0] != "uploads" or before[1] is None:
        assert run_job(owner, SCRUB, job_id, run_seconds=0)
    assert run_job(owner, SCRUB, job_id, run_seconds=0)

    assert place() == before
