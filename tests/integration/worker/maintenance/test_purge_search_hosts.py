"""A scrub, an erasure and a run of retention end only when every query host that is alive has made its index anew."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest

from deploy.embedded.supervision.processes import wait_until
from deploy.migrations.grants import WORKER
from services.worker.maintenance.jobs import run_job
from services.worker.maintenance.rebuild import rebuild
from services.worker.resources import Resources, open_resources
from shared import jobs
from shared.jobs import JobKind
from shared.search_hosts import HOSTS_KEY, SearchHost
from tests.conftest import as_role
from tests.integration.conftest import OpenWorker
from tests.integration.worker.imports.files_of_sessions import EPOCH, GAP
from tests.integration.worker.maintenance.retaining import drop, fill, set_rule
from tests.integration.worker.session_rows import tables_of
from tests.integration.worker.statements import execute, select

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
HANG_SECONDS = 60
HOUR = timedelta(hours=1)


class Kind(NamedTuple):
    """A job of a kind, and what stands in its row. `gone`: sessions of which nothing may stay."""

    kind: JobKind
    row: dict[str, str]
    gone: tuple[str, ...] = ()


def erasure(kind: str, *gone: str, **row: str) -> Kind:
    return Kind(jobs.ERASURE, {"options": f"""'{{"of": "{kind}"}}'"""} | row, gone)


OF_ANN = "(SELECT array_agg(id) FROM users WHERE name = 'ann')"
OF_PROJECT = "(SELECT array_agg(id) FROM projects WHERE path = '/p/one')"
KINDS = {
    "scrub": Kind(jobs.SCRUB, {}),
    "session": erasure("session", "a0", names="'{a0}'"),
    "person": erasure("user", "a0", "a1", "a2", "a3", "new", names="'{ann}'", user_ids=OF_ANN),
    "project": erasure("project", "a0", "a1", "a2", "a3", "new", names="'{/p/one}'", project_ids=OF_PROJECT),
    "range": erasure("range", names="'{a1}'", from_at=f"'{EPOCH}'", to_at=f"'{EPOCH + HOUR}'"),
    "retention": Kind(jobs.RETENTION, {}, ("a0", "a1", "b0", "b3")),
}
RETENTION = KINDS["retention"]


class Job(NamedTuple):
    """A job that was asked for."""

    kind: Kind
    id: UUID

    def step(self, worker: Resources) -> bool:
        """Takes a step. False if that was the last one."""
        return run_job(worker, self.kind.kind, self.id, run_seconds=0)

    def finish(self, worker: Resources) -> None:
        """Runs it to its end."""
        while run_job(worker, self.kind.kind, self.id):
            pass

    def at(self, worker: Resources) -> tuple[str, str, str | None]:
        """Its status, stage and place."""
        [found] = select(worker, "SELECT status, at_stage, after_key FROM jobs WHERE id = %(id)s", {"id": self.id})
        return found

    def run_until_it_asks(self, worker: Resources) -> int:
        """The number that hosts are to confirm."""
        while not (found := select(worker, "SELECT number FROM search_purges")):
            assert self.step(worker), "it has ended without a purge"
        return int(found[0][0])


def asked_for(worker: Resources, kind: Kind, *, is_dry_run: bool = False) -> Job:
    values = {"kind": f"'{kind.kind.name}'", "is_dry_run": str(is_dry_run).lower()} | kind.row
    job = Job(kind, uuid4())
    execute(worker, f"INSERT INTO jobs (id, {', '.join(values)}) VALUES (%(id)s, {', '.join(values.values())})", {"id": job.id})
    return job


def tell(worker: Resources, host: str, purged: int, seconds_ago: float = 0) -> None:
    worker.redis.hset(HOSTS_KEY, host, msgspec.json.encode(SearchHost(time.time() - seconds_ago, purged)))


def noted(worker: Resources) -> set[str]:
    """The ids of sessions in notes for query hosts."""
    return {session_id for (session_id,) in select(worker, "SELECT unnest(session_ids) FROM search_changes")}


def hosts(worker: Resources) -> set[bytes]:
    found: Any = worker.redis.hkeys(HOSTS_KEY)
    return set(found)


@pytest.fixture
def stored(worker: Resources) -> Resources:
    """Sessions, of which retention drops those that are older than a month."""
    fill(worker)
    # A scrub waits for its uploads.
    execute(worker, "UPDATE import_jobs SET status = 'succeeded', finished_at = now()")
    set_rule(worker, "sessions", 30)
    return worker


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_job_ends_when_each_host_that_is_alive_has_purged(stored: Resources, kind: Kind) -> None:
    # Given two hosts, one of which has not purged yet
    tell(stored, "one", 10_000)
    tell(stored, "two", 0)
    job = asked_for(stored, kind)

    # When the job runs, then it waits behind what it deletes
    number = job.run_until_it_asks(stored)
    for _ in range(3):
        assert job.step(stored)
    assert job.at(stored)[:2] == ("running", "search_hosts")
    assert select(stored, "SELECT FROM sessions WHERE session_id = ANY(%(gone)s)", {"gone": list(kind.gone)}) == []
    assert noted(stored) >= set(kind.gone)

    # When a host says an older number, then it still waits; when it says this one, then it succeeds
    tell(stored, "two", number - 1)
    assert job.step(stored)
    assert job.at(stored)[1] == "search_hosts"
    tell(stored, "two", number)
    job.finish(stored)
    assert job.at(stored)[0] == "succeeded"
    assert select(stored, "SELECT number FROM search_purges") == [(number,)]
    with stored.transaction() as connection:
        assert set().union(*(tables_of(connection, session_id) for session_id in kind.gone)) == set()
    assert not noted(stored) & set(kind.gone)


def test_a_host_that_is_off_holds_up_nothing_and_is_forgotten_after_a_day(stored: Resources) -> None:
    tell(stored, "off", 0, seconds_ago=61)
    tell(stored, "long gone", 0, seconds_ago=25 * 3600)

    assert "sessions" in drop(stored)

    assert select(stored, "SELECT status FROM jobs") == [("succeeded",)]
    # Another may be here, of an application that tests share.
    assert hosts(stored) & {b"off", b"long gone"} == {b"off"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_dry_run_purges_nothing(stored: Resources, kind: Kind) -> None:
    tell(stored, "one", 0)
    job = asked_for(stored, kind, is_dry_run=True)

    job.finish(stored)

    assert job.at(stored)[0] == "succeeded"
    assert select(stored, "SELECT FROM search_purges") == []


def test_a_run_of_retention_that_takes_nothing_purges_nothing(stored: Resources) -> None:
    drop(stored)
    [(number,)] = select(stored, "SELECT number FROM search_purges")
    tell(stored, "one", 0)

    drop(stored)

    assert select(stored, "SELECT number FROM search_purges") == [(number,)]


def test_a_run_of_retention_purges_what_one_that_failed_took(stored: Resources) -> None:
    # Given a run that failed before hosts were asked
    failed = asked_for(stored, RETENTION)
    while failed.at(stored)[1] != "search_hosts":
        failed.step(stored)
    execute(stored, "UPDATE jobs SET status = 'failed', finished_at = now()")

    # When another takes nothing, then it purges, and the next one does not
    for _ in range(2):
        assert drop(stored) == {}
    assert select(stored, "SELECT count(*), max(number) - min(number) FROM search_purges") == [(1, 0)]
    [(number,)] = select(stored, "SELECT number FROM search_purges")
    assert number == 1


def test_a_job_that_another_worker_goes_on_with_asks_no_second_time(stored: Resources, open_worker: OpenWorker) -> None:
    # Given a worker that dies while it waits
    tell(stored, "one", 0)
    job = asked_for(stored, RETENTION)
    number = job.run_until_it_asks(stored)
    execute(stored, "UPDATE jobs SET lease_token = gen_random_uuid(), lease_expires_at = now() - interval '1 second'")

    other = open_worker()
    assert job.step(other)
    tell(other, "one", number)
    job.finish(other)

    assert select(other, "SELECT number FROM search_purges") == [(number,)]
    assert job.at(other)[0] == "succeeded"


def test_a_worker_that_loses_its_job_while_it_asks_has_not_asked(stored: Resources) -> None:
    # Given a job that asks, and has to wait for a lock
    job = asked_for(stored, RETENTION)
    while job.at(stored)[1] != "search_hosts":
        job.step(stored)
    with psycopg.connect(stored.settings.database_url) as holder, ThreadPoolExecutor(1) as thread:
        holder.execute("LOCK TABLE search_purges IN SHARE MODE")
        asking = thread.submit(run_job, stored, job.kind.kind, job.id)
        assert wait_until(lambda: select(stored, BLOCKED) == [(1,)], HANG_SECONDS)
        execute(stored, "UPDATE jobs SET lease_token = gen_random_uuid(), lease_expires_at = now()")
        holder.rollback()
        assert asking.result() is False
    assert select(stored, "SELECT FROM search_purges") == []

    # When another worker goes on, then there is one purge
    job.finish(stored)
    assert select(stored, "SELECT count(*) FROM search_purges") == [(1,)]


def test_what_is_gone_is_noted_until_hosts_have_purged(stored: Resources) -> None:
    # Given a host that has not purged
    tell(stored, "one", 0)
    job = asked_for(stored, RETENTION)
    number = job.run_until_it_asks(stored)
    assert job.step(stored)
    assert {"a0", "new"} <= noted(stored)

    # When something changes behind the purge, and the host has purged
    note = (
        "INSERT INTO search_changes (kind, keys, session_ids) VALUES ('session', '{later}', '{later}') RETURNING changed_by::text::bigint"
    )
    [(later,)] = select(stored, note)
    tell(stored, "one", number)
    job.finish(stored)

    # Then hosts are told of that alone, and an index from before the purge is known to be too old
    assert noted(stored) == {"later"}
    [(since,)] = select(stored, "SELECT since::text::bigint FROM search_changes_kept")
    assert 0 < since <= later


def test_a_purge_waits_for_transactions_that_may_have_read_what_is_gone(stored: Resources) -> None:
    """given a project that is renamed while its sessions go, and that names them when the rows are gone, then no note of them is left in the end."""
    job = asked_for(stored, RETENTION)
    while job.at(stored)[1] != "search_hosts":
        job.step(stored)
    with psycopg.connect(stored.settings.database_url) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        for _ in range(3):
            assert job.step(stored)
        assert select(stored, "SELECT FROM search_purges") == []
        slow.execute("INSERT INTO search_changes (kind, keys, session_ids) VALUES ('session', '{}', '{a0}')")
        slow.commit()

    job.finish(stored)

    assert job.at(stored)[0] == "succeeded"
    assert "a0" not in noted(stored)


def test_the_workers_role_may_purge(stored: Resources) -> None:
    url = as_role(stored.settings.database_url, WORKER)
    with closing(open_resources(stored.settings.model_copy(update={"database_url": url}))) as worker:
        job = asked_for(stored, RETENTION)
        while job.step(worker):
            pass
    assert job.at(stored)[0] == "succeeded"


def test_a_rebuild_has_hosts_make_their_indexes_anew(stored: Resources) -> None:
    for number in (1, 2):
        with stored.connection() as connection:
            rebuild(connection, GAP)
        assert select(stored, "SELECT number FROM search_purges") == [(number,)]
