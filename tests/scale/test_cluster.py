"""The journal on a Redis Cluster of three masters with partitions on different ones, and a separate Redis for Celery."""

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from fastapi.testclient import TestClient

from services.ingest.app import create_app
from services.ingest.settings import Settings as IngestSettings
from services.worker.maintenance.idle_sessions import remove_dead_consumers
from services.worker.maintenance.jobs import run_job
from services.worker.resources import open_resources
from services.worker.settings import Settings
from shared.feed import FEED_KEY, ITEMS_FIELD, FeedItem, encode_items
from shared.jobs import SCRUB
from shared.journal.streams import stream_key
from tests.conftest import LOCAL
from tests.scale.counting import assert_all_stored, load
from tests.scale.pipeline import pipeline
from tests.scale.redis_servers import Server, cluster, cluster_client, cluster_url
from tests.skips import needs

RATE = 200.0
PARTITIONS = 4
SECRET = "ghp_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"


def test_four_partitions_on_three_masters_store_every_event_once(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with cluster(tmp_path / "redis", masters=3) as servers:
        # Given partitions that are not all on one master
        with cluster_client(servers) as redis:
            nodes = {redis.get_node_from_key(stream_key(partition)).name for partition in range(PARTITIONS)}
        assert len(nodes) == 3
        settings = {"database_url": database_url, "redis_url": cluster_url(servers), "broker_url": redis_url}
        with pipeline(tmp_path / "run", journal_partitions=str(PARTITIONS), canary_seconds="2", **settings) as pipe:
            pipe.start_api()
            canary = {"TRACKER_CANARY_URL": pipe.url}
            pipe.start_worker("one", **canary)
            pipe.start_worker("two", **canary)
            pipe.start_beat()
            pipe.await_ready()

            # When events come, and a worker dies
            accepted = load(pipe, tmp_path, seconds=6, rate=RATE, meanwhile=lambda: pipe.kill("one"))

            # Then they are all stored, each once, and the equation holds over all masters; canaries come back too
            assert_all_stored(pipe, database_url, accepted)
            pipe.await_ready()

        # And what beat has done now and then finds its way
        worker = open_resources(Settings(journal_partitions=PARTITIONS, **settings))
        assert remove_dead_consumers(worker) == 0
        worker.close()


def test_a_scrub_leaves_nothing_in_the_files_of_any_master(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with cluster(tmp_path / "redis", masters=3) as servers:
        # Given keys of users with a secret on all masters, and the live feed
        with cluster_client(servers) as redis:
            for number in range(30):
                redis.set(f"session:{number}", f'{{"user":"{SECRET}"}}')
            redis.xadd(FEED_KEY, {ITEMS_FIELD: b"".join(encode_items([FeedItem(kind="prompt", content=SECRET)]))})
        assert all(SECRET.encode() in each for each in files_of(servers))
        worker = open_resources(Settings(database_url=database_url, redis_url=cluster_url(servers), broker_url=redis_url))
        with worker.transaction() as connection:
            connection.execute("INSERT INTO jobs (kind, id) VALUES ('scrub', %s)", (scrub_id := uuid4(),))

        while run_job(worker, SCRUB, scrub_id):
            pass

        assert not any(SECRET.encode() in each for each in files_of(servers))
        worker.close()


def files_of(servers: Sequence[Server]) -> list[bytes]:
    """All that is in the folder of each server."""
    return [b"".join(path.read_bytes() for path in server.folder.rglob("*") if path.is_file()) for server in servers]


def test_idempotency_keys_work_on_every_master(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with cluster(tmp_path / "redis", masters=3) as servers:
        settings = IngestSettings(database_url=database_url, redis_url=cluster_url(servers), broker_url=redis_url)
        settings = settings.model_copy(update={"blob_url": (tmp_path / "blobs").as_uri()})
        with TestClient(create_app(settings), LOCAL) as http:

            def send(n: int, content: str) -> int:
                body = {"session_id": "s", "role": "user", "content": content}
                return http.post("/api/conversations", json=body, headers={"Idempotency-Key": f"k-{n}"}).status_code

            assert http.post("/api/sessions/start", json={"session_id": "s", "project_path": "/p"}).status_code == 201
            assert [send(n, "one") for n in range(30)] == [201] * 30
            assert [send(n, "one") for n in range(30)] == [201] * 30
            assert [send(n, "two") for n in range(30)] == [409] * 30
        for server in servers:
            with server.client() as master:
                assert list(master.scan_iter("idempotency:*"))


@needs("Redis 7.2")
def test_a_replica_takes_over_the_partitions_of_its_master(database_url: str, redis_url: str, tmp_path: Path) -> None:
    # Given a Cluster in which each master has two replicas, and an acknowledgement that means: on the disk of one replica too
    with cluster(tmp_path / "redis", masters=3, replicas=6) as servers:
        settings = {"database_url": database_url, "redis_url": cluster_url(servers), "broker_url": redis_url, "redis_replicas_acked": "1"}
        with pipeline(tmp_path / "run", journal_partitions=str(PARTITIONS), **settings) as pipe:
            pipe.start_api()
            pipe.start_worker("one")
            pipe.start_beat()
            pipe.await_ready()

            # When a master is killed in the middle of the load
            accepted = load(pipe, tmp_path, seconds=20, rate=100, meanwhile=servers[0].kill)

            # Then everything accepted is stored, and the account holds to the event
            assert_all_stored(pipe, database_url, accepted)
            pipe.await_ready()
