"""A made-up kind of job, by its entries alone: it is added, found, run by its task, told, and forgotten, and no line of the product names it."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from services.ingest.postgres.admin.jobs import Wanted, add
from services.ingest.postgres.audit import AuditRecord
from services.ingest.postgres.database import Database
from services.ingest.postgres.imports.import_jobs import ImportJobs
from services.query.queries.status import standing_jobs
from services.worker import tasks
from services.worker.importers.job import run_shard, shards
from services.worker.importers.job.lease import StallWatch
from services.worker.importers.job.shards import Shard
from services.worker.maintenance.jobs import JOBS
from services.worker.maintenance.staged_job import Done, Place, Stage, StagedJob
from services.worker.resources import Resources
from services.worker.sweep.scheduler import Looks
from shared.broker import celery_settings
from shared.jobs import KINDS, JobKind
from shared.queues import Queue
from tests.integration.worker.maintenance.retaining import drop, set_rule
from tests.integration.worker.statements import execute, select

PRUNE = JobKind("prune", is_exclusive=True)
SORT = JobKind("sort", queue=Queue.IMPORT, stage="sorting", can_be_cancelled=True)


def once_more(given: tuple[Connection[object], Place]) -> Done:
    """Two steps."""
    connection, place = given
    connection.execute("INSERT INTO users (name) VALUES (gen_random_uuid()::text)")
    return Done(None if place.after else "first", {"pruned": {place.row["kind"]: 2}}, {"roots": "Dig."} if place.after else {})


def given(_worker: Resources, connection: Connection[object], place: Place) -> tuple[Connection[object], Place]:
    return connection, place


def sort(worker: Resources, shard: Shard, _watch: StallWatch) -> str:
    """One step of a shard."""
    if shard.is_cancelled:
        return "cancelled"
    assert select(worker, "SELECT DISTINCT stage FROM import_jobs WHERE status = 'running'") == [("sorting",)]
    with worker.transaction() as connection:
        shards.advance(connection, shard, shards.Progress(shards.Checkpoint(), 0, rows=2))
    return "succeeded"


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch, worker: Resources) -> None:
    """The entries: what is said of the kind, and its work."""
    monkeypatch.setitem(KINDS, PRUNE.name, PRUNE)
    monkeypatch.setitem(JOBS, PRUNE, StagedJob(PRUNE, (Stage("branches", once_more), Stage("twigs", once_more)), given))
    monkeypatch.setitem(KINDS, SORT.name, SORT)
    monkeypatch.setitem(run_shard.WORK, SORT, sort)
    monkeypatch.setattr(tasks, "resources", lambda: worker)


async def ask(url: str, *wanted: tuple[UUID, Wanted]) -> list[str]:
    """Asks for jobs of the made-up kind; the outcome of each, as ingest has it."""
    database = Database(url, connections=1)
    await database.open()
    record = AuditRecord("open", "prune.start", "x", "r")
    outcomes = [await add(database, PRUNE, job_id, each, record) for job_id, each in wanted]
    await database.close()
    return [str(outcome) for outcome in outcomes]


async def cancel(url: str, job_id: UUID) -> dict[str, Any]:
    """As the route of import jobs does."""
    database = Database(url, connections=1)
    await database.open()
    outcome = await ImportJobs(database).cancel(job_id, AuditRecord("open", "import.cancel", "x", "r"))
    await database.close()
    return outcome


def test_a_made_up_kind_of_job_has_all_that_jobs_have(worker: Resources, looks: Looks) -> None:
    # Given one that was asked for; another of its kind waits for its end, but a dry run does not
    first, second = uuid4(), uuid4()
    wanted = ((first, Wanted(options={"deep": True})), (first, Wanted()), (second, Wanted()), (second, Wanted(is_dry_run=True)))
    assert asyncio.run(ask(worker.settings.database_url, *wanted)) == ["added", "there", "busy", "added"]
    assert select(worker, "SELECT act, count(*) FROM audit_log GROUP BY 1") == [("prune.start", 2)]

    # When its task was lost, then beat finds it, and it is told as standing still
    execute(worker, "UPDATE jobs SET created_at = now() - interval '6 seconds', moved_at = now() - interval '1 hour'")
    assert sorted(looks.abandoned_jobs()[PRUNE.task]) == sorted([(str(first),), (str(second),)])
    with psycopg.connect(worker.settings.database_url) as connection:
        assert list(standing_jobs(connection)) == ["prune"]

    # When its task runs, on a queue that workers read
    assert celery_settings("redis://x")["task_routes"][PRUNE.task] == {"queue": Queue.MAINTENANCE.value}
    tasks.add_task(PRUNE.task, tasks.work_of(PRUNE))
    tasks.app.tasks[PRUNE.task](str(first))

    # Then each step is committed with its counts and what remains, and retention forgets the job
    assert select(worker, "SELECT status, at_stage, counts, remains, options FROM jobs WHERE id = %(id)s", {"id": first}) == [
        ("succeeded", "done", {"pruned": {"prune": 8}}, {"roots": "Dig."}, {"deep": True})
    ]
    execute(worker, "UPDATE jobs SET finished_at = now() - interval '40 days' WHERE id = %(id)s", {"id": first})
    set_rule(worker, "jobs", 30)
    drop(worker)
    assert select(worker, "SELECT kind, status FROM jobs WHERE kind = 'prune'") == [("prune", "queued")]


def test_a_made_up_kind_of_job_of_files_has_all_that_imports_have(worker: Resources, looks: Looks) -> None:
    # Given two that wait, each in two shards
    done, cancelled = uuid4(), uuid4()
    jobs = "INSERT INTO import_jobs (id, kind, files, has_files, created_at) SELECT unnest(%s), 'sort', '[]', false, now() - interval '6 s'"
    execute(worker, jobs, [[done, cancelled]])
    execute(worker, "INSERT INTO import_shares (job_id, share) SELECT id, share FROM import_jobs, generate_series(0, 1) AS share")

    # When their tasks were lost, then beat finds them, they are told as standing still, and the route cancels one
    waiting = [(str(job_id), share) for job_id in (done, cancelled) for share in (0, 1)]
    assert sorted(looks.abandoned_jobs()[SORT.task]) == sorted(waiting)
    with psycopg.connect(worker.settings.database_url) as connection:
        assert list(standing_jobs(connection)) == ["sort"]
    assert asyncio.run(cancel(worker.settings.database_url, cancelled)) == {"status": "queued", "done": True}

    # When their task runs, on a queue that workers read
    assert celery_settings("redis://x")["task_routes"][SORT.task] == {"queue": Queue.IMPORT.value}
    tasks.add_task(SORT.task, tasks.work_of(SORT))
    for job in waiting:
        tasks.app.tasks[SORT.task](*job)

    # Then each has its end and its counts, and retention forgets them
    ended = select(worker, "SELECT id, status, stage, rows_done FROM import_jobs WHERE kind = 'sort'")
    assert sorted(ended) == sorted([(done, "succeeded", "succeeded", 4), (cancelled, "cancelled", "cancelled", 0)])
    execute(worker, "UPDATE import_jobs SET finished_at = now() - interval '40 days' WHERE kind = 'sort'")
    set_rule(worker, "jobs", 30)
    drop(worker)
    assert select(worker, "SELECT FROM import_jobs WHERE kind = 'sort'") == []
