"""Beat looks whether work waits, and sends a task only then. On real Redis and Postgres, in the role that beat has."""

import time
from collections.abc import Iterator
from contextlib import closing
from uuid import UUID, uuid4

import psycopg
import pytest
import structlog.testing
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from deploy.migrations.grants import QUERY
from services.worker.app import create_app
from services.worker.drain import partition_lease
from services.worker.drain.stream_reader import acknowledge, make_group, read_new
from services.worker.maintenance import upload_gc
from services.worker.maintenance.purge_search_hosts import forget_old_changes
from services.worker.resources import Resources
from services.worker.settings import Settings
from services.worker.sweep.beat_time_limit import within
from services.worker.sweep.scheduler import NO_CALL, ONE_CALL, SPARE_WAKEUPS, LookFirst, Looks, Sweep
from services.worker.sweep.sweep_statements import ARCHIVE_COLLECTED_KEY, UPLOADS_SWEPT_KEY
from shared.broker import Task, queue_key
from shared.jobs import IMPORT, MERGE_OF_PROJECTS, MERGE_OF_USERS, SCRUB
from shared.journal.failed_looks import FAILED_LOOKS_KEY
from shared.journal.streams import PAYLOAD_FIELD, stream_key, wakeup_key
from shared.queues import Queue
from tests.conftest import as_role

STREAM = stream_key(0)


@pytest.fixture
def database(worker: Resources) -> Iterator[psycopg.Connection]:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        yield connection


def append(redis: Redis) -> None:
    redis.xadd(STREAM, {PAYLOAD_FIELD: b"{}"})


class TestTheJournal:
    def test_an_empty_journal_needs_no_drain(self, looks: Looks) -> None:
        assert looks.journal() == NO_CALL

    def test_a_new_entry_is_found_with_and_without_a_consumer_group(self, looks: Looks, worker: Resources) -> None:
        append(worker.redis)
        assert looks.journal() == ONE_CALL
        worker.redis.xgroup_destroy(STREAM, "drain")
        assert looks.journal() == ONE_CALL

    def test_a_pending_entry_is_left_to_its_worker_until_that_counts_as_dead(self, looks: Looks, worker: Resources) -> None:
        append(worker.redis)
        read_new(worker.redis, STREAM, "a-worker")
        with closing(Looks(worker.settings.model_copy(update={"claim_idle_ms": 600_000}))) as early:
            assert early.journal() == NO_CALL

        assert wait_until(lambda: looks.journal() == ONE_CALL, 60)

    def test_a_new_entry_beside_a_pending_one_is_found(self, looks: Looks, worker: Resources) -> None:
        append(worker.redis)
        entries = read_new(worker.redis, STREAM, "a-worker")
        append(worker.redis)
        assert looks.journal() == ONE_CALL

        acknowledge(worker.redis, [*entries, *read_new(worker.redis, STREAM, "a-worker")])
        assert looks.journal() == NO_CALL

    def test_a_leased_partition_needs_no_wakeup_until_its_lease_ends(self, looks: Looks, worker: Resources) -> None:
        append(worker.redis)
        assert partition_lease.acquire(worker.redis, STREAM, "a-worker", 60_000)
        assert looks.journal() == NO_CALL

        partition_lease.release(worker.redis, STREAM, "a-worker")
        assert looks.journal() == ONE_CALL

    def test_a_partition_no_longer_configured_is_still_watched(self, looks: Looks, worker: Resources) -> None:
        worker.redis.set("journal:partitions", 3)
        make_group(worker.redis, stream_key(2))
        worker.redis.xadd(stream_key(2), {PAYLOAD_FIELD: b"{}"})
        assert looks.journal() == ONE_CALL

    def test_unread_wakeups_do_not_pile_up(self, looks: Looks, worker: Resources) -> None:
        worker.redis.lpush(queue_key(Queue.DRAIN), *[b"{}"] * 1000)
        looks.drop_spare_wakeups()
        assert worker.redis.llen(queue_key(Queue.DRAIN)) == 1 + SPARE_WAKEUPS

    def test_a_wakeup_key_alone_is_no_work(self, looks: Looks, worker: Resources) -> None:
        worker.redis.set(wakeup_key(STREAM), 1)
        assert looks.journal() == NO_CALL


class TestPostgres:
    def test_an_unstarted_or_abandoned_shard_is_found(self, looks: Looks, database: psycopg.Connection) -> None:
        job_id = _job(database, created_seconds_ago=1)
        assert looks.abandoned_jobs() == {}

        database.execute("UPDATE import_jobs SET created_at = now() - interval '6 seconds'")
        assert looks.abandoned_jobs() == {IMPORT.task: [(str(job_id), 0)]}

        database.execute("UPDATE import_shares SET lease_expires_at = now() + interval '10 seconds'")
        assert looks.abandoned_jobs() == {}

        database.execute("UPDATE import_shares SET lease_expires_at = now() - interval '1 second'")
        assert looks.abandoned_jobs() == {IMPORT.task: [(str(job_id), 0)]}

    def test_captured_hooks_are_found(self, looks: Looks, database: psycopg.Connection) -> None:
        assert looks.captured() == NO_CALL

        database.execute(
            "INSERT INTO hook_payloads (id, session_id, occurred_at, received_at, payload) VALUES (%s, 's', now(), now(), '{}')", [uuid4()]
        )
        assert looks.captured() == ONE_CALL

    def test_notes_that_are_older_than_a_day_go_hour_by_hour(self, looks: Looks, database: psycopg.Connection, worker: Resources) -> None:
        note = "INSERT INTO search_changes (noted_at, kind, keys, session_ids) VALUES (now() - %s * interval '1 hour', 'session', '{s}', '{s}') RETURNING changed_by"
        database.execute("DELETE FROM search_changes")
        [(oldest,)], [(old,)], [(kept,)] = (database.execute(note, [hours]).fetchall() for hours in (25.5, 24.5, 23.5))
        assert looks.old_changes() == ONE_CALL

        forget_old_changes(worker)

        # An index that has seen all of `old` needs none of what is gone
        assert looks.old_changes() == NO_CALL
        assert database.execute("SELECT changed_by FROM search_changes").fetchall() == [(kept,)]
        assert database.execute("SELECT since FROM search_changes_kept").fetchall() == [(str(int(old) + 1),)]
        assert int(oldest) < int(old)

    def test_no_note_goes_behind_an_open_transaction(self, database: psycopg.Connection, worker: Resources) -> None:
        database.execute("DELETE FROM search_changes")
        with psycopg.connect(worker.settings.database_url) as other:
            [(xid,)] = other.execute("SELECT pg_current_xact_id()").fetchall()
            database.execute(
                "INSERT INTO search_changes (noted_at, kind, keys, session_ids) VALUES (now() - interval '2 days', 'session', '{s}', '{s}')"
            )
            forget_old_changes(worker)
            assert database.execute("SELECT changed_by > %s::xid8 FROM search_changes", [xid]).fetchall() == [(True,)]
            other.commit()

        forget_old_changes(worker)

        assert database.execute("SELECT FROM search_changes").fetchall() == []

    def test_an_unanswered_cancel_is_found(self, looks: Looks, database: psycopg.Connection) -> None:
        _job(database)
        assert Task.END_CANCELLED not in looks.abandoned_jobs()
        database.execute("UPDATE import_jobs SET cancel_requested_at = now() - interval '6 seconds'")
        assert looks.abandoned_jobs()[Task.END_CANCELLED] == ONE_CALL

    def test_a_waiting_merge_of_users_is_found(self, looks: Looks, database: psycopg.Connection) -> None:
        assert looks.abandoned_jobs() == {}
        database.execute("INSERT INTO users (id, name, alias_of, merge_requested_at) VALUES (7, 'ann', 8, now() - interval '6 seconds')")
        assert looks.abandoned_jobs() == {MERGE_OF_USERS.task: [(7,)]}

    def test_a_project_whose_sessions_wait_is_found(self, looks: Looks, database: psycopg.Connection) -> None:
        assert looks.abandoned_jobs() == {}
        sql = """INSERT INTO projects (id, path, name, part_of, merged_into, merged_by, judged_at, rekey_requested_at)
                 VALUES (7, '/a', 'a', 8, 8, 'hand', now(), now() - interval '6 seconds')"""
        database.execute(sql)
        assert looks.abandoned_jobs() == {MERGE_OF_PROJECTS.task: [(7,)]}

    def test_a_waiting_scrub_is_found(self, looks: Looks, database: psycopg.Connection) -> None:
        assert looks.abandoned_jobs() == {}
        scrub_id = uuid4()
        database.execute(
            "INSERT INTO jobs (kind, id, is_dry_run, created_at) VALUES ('scrub', %s, false, now() - interval '6 seconds')", [scrub_id]
        )
        assert looks.abandoned_jobs() == {SCRUB.task: [(str(scrub_id),)]}

    def test_an_idle_open_session_is_found(self, looks: Looks, worker: Resources, database: psycopg.Connection) -> None:
        database.execute(
            "INSERT INTO sessions (session_id, project_id, counted, started_at, last_event_at) VALUES ('s', 0, true, now(), now())"
        )
        assert looks.idle_sessions() == NO_CALL
        database.execute(
            "UPDATE sessions SET last_event_at = now() - make_interval(secs => %s)", [worker.settings.session_idle_seconds + 1]
        )
        assert looks.idle_sessions() == ONE_CALL
        database.execute("UPDATE sessions SET idle_closed_at = last_event_at")
        assert looks.idle_sessions() == NO_CALL

    def test_a_dead_consumer_is_found_by_its_row(self, looks: Looks, database: psycopg.Connection) -> None:
        assert looks.dead_consumers() == NO_CALL
        database.execute("INSERT INTO drainers (consumer, registered_at) VALUES ('gone', now() - interval '2 hours')")
        assert looks.dead_consumers() == ONE_CALL

    def test_a_lost_connection_is_replaced(self, looks: Looks, database: psycopg.Connection) -> None:
        assert looks.abandoned_jobs() == {}
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tracker-beat'")
        with pytest.raises(psycopg.OperationalError):
            looks.abandoned_jobs()
        assert looks.abandoned_jobs() == {}

    def test_an_unresponsive_server_ends_the_look(self, looks: Looks) -> None:
        with pytest.raises(TimeoutError), within(0.2):
            looks._select("SELECT pg_sleep(1)")
        assert looks.abandoned_jobs() == {}


class TestUploads:
    def test_uploads_are_swept_daily_and_after_each_ended_job(
        self, looks: Looks, worker: Resources, database: psycopg.Connection, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        assert looks.uploads() == ONE_CALL, "never swept"
        blobs = tmp_path_factory.mktemp("blobs")
        object.__setattr__(worker, "settings", worker.settings.model_copy(update={"blob_url": blobs.as_uri()}))
        upload_gc.sweep(worker)
        assert looks.uploads() == NO_CALL

        _job(database)
        assert looks.uploads() == NO_CALL
        database.execute("UPDATE import_jobs SET status = 'cancelled', has_files = false, finished_at = now()")
        assert looks.uploads() == ONE_CALL

        database.execute("UPDATE import_jobs SET finished_at = now() - interval '1 hour'")
        assert looks.uploads() == NO_CALL
        worker.redis.set(UPLOADS_SWEPT_KEY, time.time() - 25 * 3600)
        assert looks.uploads() == ONE_CALL

    def test_files_of_a_job_failed_a_day_ago_are_found(self, looks: Looks, worker: Resources, database: psycopg.Connection) -> None:
        worker.redis.set(UPLOADS_SWEPT_KEY, time.time())
        _job(database)
        database.execute("UPDATE import_jobs SET status = 'failed', finished_at = now() - interval '25 hours'")
        assert looks.uploads() == ONE_CALL


class TestTheScheduler:
    @pytest.fixture
    def scheduler(self, worker: Resources, monkeypatch: pytest.MonkeyPatch) -> Iterator[LookFirst]:
        monkeypatch.setenv("TRACKER_REDIS_URL", worker.settings.redis_url)
        monkeypatch.setenv("TRACKER_DATABASE_URL", as_role(worker.settings.database_url, QUERY))
        scheduler = LookFirst(create_app())
        yield scheduler
        scheduler.close()

    def test_a_start_sends_only_tasks_that_look_themselves(self, scheduler: LookFirst, worker: Resources) -> None:
        for key in (UPLOADS_SWEPT_KEY, ARCHIVE_COLLECTED_KEY):
            worker.redis.set(key, time.time())
        self.run_all(scheduler)
        assert self.lengths(worker.redis) == {Queue.DRAIN: 1, Queue.IMPORT: 0, Queue.MAINTENANCE: 1}, "canary and accounting"

    def test_queues_do_not_grow_without_workers(self, scheduler: LookFirst, worker: Resources, database: psycopg.Connection) -> None:
        append(worker.redis)
        _job(database)
        database.execute(
            "INSERT INTO jobs (kind, id, is_dry_run, created_at) VALUES ('scrub', %s, false, now() - interval '6 seconds')", [uuid4()]
        )
        database.execute("INSERT INTO drainers (consumer, registered_at) VALUES ('gone', now() - interval '2 hours')")
        for _ in range(3):
            self.run_all(scheduler)
        # drain, canary; the shard; accounting, uploads, the archive, dead consumers, the scrub
        assert self.lengths(worker.redis) == {Queue.DRAIN: 2, Queue.IMPORT: 1, Queue.MAINTENANCE: 5}

    def test_a_failed_look_is_one_warning_and_no_task(self, scheduler: LookFirst, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(scheduler, "_looks", Looks(Settings(database_url="postgresql://nobody@127.0.0.1:1/none")))
        with structlog.testing.capture_logs() as lines:
            for _ in range(3):
                scheduler.make_look("abandoned-jobs")
        assert [(line["event"], line["look"], line["error"]) for line in lines] == [("look_failed", "abandoned-jobs", "OperationalError")]

    def test_a_look_that_cannot_be_made_is_counted_and_the_others_go_on(self, scheduler: LookFirst, worker: Resources) -> None:
        append(worker.redis)
        scheduler.sweeps["abandoned-jobs"] = Sweep(5, lambda _: {Task["UNKNOWN"]: ONE_CALL})

        with structlog.testing.capture_logs() as lines:
            scheduler.tick()
            scheduler.make_look("abandoned-jobs")

        assert [(line["event"], line["look"], line["error"]) for line in lines] == [("look_failed", "abandoned-jobs", "KeyError")]
        assert worker.redis.hgetall(FAILED_LOOKS_KEY) == {b"abandoned-jobs": b"2"}
        assert Looks(worker.settings).is_queued(Task.DRAIN)

    def test_failures_without_redis_are_counted_when_it_answers(
        self, scheduler: LookFirst, worker: Resources, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(scheduler, "_looks", Looks(Settings(redis_url="redis://127.0.0.1:1/0")))
            scheduler.make_look("journal")

        monkeypatch.setattr(
            scheduler, "_looks", Looks(worker.settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"}))
        )
        scheduler.make_look("captured")

        assert worker.redis.hgetall(FAILED_LOOKS_KEY) == {b"journal": b"1", b"captured": b"1"}

    def test_beat_is_alive_while_its_look_at_the_journal_succeeds(
        self, worker: Resources, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        file = tmp_path_factory.mktemp("beat") / "heartbeat"
        monkeypatch.setenv("TRACKER_HEARTBEAT_FILE", str(file))
        monkeypatch.setenv("TRACKER_REDIS_URL", "redis://127.0.0.1:1/0")
        app = create_app()
        with closing(LookFirst(app)) as away:
            away.make_look("journal")
        assert not file.exists()

        monkeypatch.setenv("TRACKER_REDIS_URL", worker.settings.redis_url)
        with closing(LookFirst(app)) as scheduler:
            scheduler.make_look("journal")
        assert file.exists()

    def test_a_foreign_broker_message_is_ignored(self, looks: Looks, worker: Resources) -> None:
        worker.redis.lpush(queue_key(Queue.DRAIN), b"\x00", b"[]", b'{"headers": {"task": "another"}}')
        assert not looks.is_queued(Task.DRAIN)
        worker.redis.lpush(queue_key(Queue.DRAIN), b'{"headers": {"task": "drain"}}')
        assert looks.is_queued(Task.DRAIN)

    def test_at_a_start_every_look_is_due_and_the_two_checks_are_not(self, scheduler: LookFirst) -> None:
        assert set(scheduler.sweeps) - set(scheduler.due_looks(time.monotonic())) == {"accounting", "canary"}

    def test_looks_keep_step_and_missed_ones_are_not_made_up_for(self, scheduler: LookFirst) -> None:
        # Given a first round of all looks
        start = time.monotonic()
        scheduler.due_looks(start)

        # When the next rounds come a little late, and one much too late
        rounds = [set(scheduler.due_looks(start + seconds)) for seconds in (1.2, 1.9, 2.1, 5.1, 30.0, 30.0)]

        # Then each look is due once in its interval
        each_second = {"journal", "captured"}
        of_five, of_ten = {"abandoned-jobs"}, {"canary"}
        assert rounds == [each_second, set(), each_second, each_second | of_five, each_second | of_five | of_ten, set()]

    def run_all(self, scheduler: LookFirst) -> None:
        for name in scheduler.sweeps:
            scheduler.make_look(name)

    def lengths(self, redis: Redis) -> dict[str, int]:
        return {queue: redis.llen(queue_key(queue)) for queue in (Queue.DRAIN, Queue.IMPORT, Queue.MAINTENANCE)}


def _job(database: psycopg.Connection, created_seconds_ago: int = 60) -> UUID:
    """An import of one shard."""
    job_id = uuid4()
    database.execute(
        """INSERT INTO import_jobs (id, kind, files, has_files, bytes_total, created_at)
           VALUES (%s, 'import', '[]', true, 0, now() - make_interval(secs => %s))""",
        [job_id, created_seconds_ago],
    )
    database.execute("INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", [job_id])
    return job_id
