"""A Redis master watched by Sentinels dies under load: the replica takes over and has every write answered with 2xx."""

from pathlib import Path

from deploy.embedded.supervision import processes
from tests.scale.counting import assert_all_stored, load
from tests.scale.pipeline import pipeline
from tests.scale.redis_servers import watched
from tests.skips import needs

RATE = 150.0


@needs("Redis 7.2")
def test_a_failover_under_load_loses_no_accepted_event(database_url: str, tmp_path: Path) -> None:
    # Given two replicas, and an acknowledgement that means: on the disk of one of them too
    with (
        watched(tmp_path / "redis", replicas=2) as redis,
        pipeline(
            tmp_path / "run", database_url=database_url, redis_url=redis.url, redis_replicas_acked="1", journal_partitions="2"
        ) as pipe,
    ):
        pipe.start_api()
        pipe.start_worker("one")
        pipe.start_worker("two")
        pipe.start_beat()
        pipe.await_ready()
        first = redis.master()

        # When the master is killed in the middle of the load
        accepted = load(pipe, tmp_path, seconds=20, rate=RATE, meanwhile=first.kill)

        # Then another server is the master, everything accepted is stored, and the account holds to the event
        assert redis.master() is not first
        assert_all_stored(pipe, database_url, accepted)
        pipe.await_ready()


@needs("Redis 7.2")
def test_writes_are_refused_without_the_required_replica(database_url: str, tmp_path: Path) -> None:
    # Given a master whose only replica is gone
    with (
        watched(tmp_path / "redis", replicas=1) as redis,
        pipeline(tmp_path / "run", database_url=database_url, redis_url=redis.url, redis_replicas_acked="1") as pipe,
    ):
        pipe.start_api()
        pipe.await_ready()
        replica = next(server for server in redis.servers if server is not redis.master())
        replica.kill()
        start = {"session_id": "s", "project_path": "/p", "started_at": "2026-05-01T12:00:00Z"}

        # Then a write is refused, to be sent again
        answer = pipe.post("/api/sessions/start", start)
        assert (answer.status_code, answer.json()["code"]) == (503, "QUEUE_UNAVAILABLE")

        # And accepted when the replica is back
        replica.start()
        assert processes.wait_until(lambda: pipe.post("/api/sessions/start", start).status_code in (200, 201), 60)
