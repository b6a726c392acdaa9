"""One URL describes the Redis servers, for our clients and for Celery."""

import pytest
from pydantic import ValidationError

from services.ingest.settings import Settings as IngestSettings
from services.query.settings import Settings as QuerySettings
from services.worker.settings import Settings as WorkerSettings
from shared.broker import celery_settings
from shared.redis.url import Servers, broker, checked, servers

SENTINELS = "sentinel://ann:p%40ss@one:26379,[::1]:26380,three/journal/2?sentinel_password=quiet"


def test_a_sentinel_url_names_sentinels_and_their_master() -> None:
    assert servers(SENTINELS) == Servers(
        addresses=(("one", 26379), ("::1", 26380), ("three", 26379)),
        credentials={"username": "ann", "password": "p@ss"},
        master="journal",
        db=2,
        sentinel_credentials={"password": "quiet"},
    )


def test_a_cluster_url_names_some_nodes() -> None:
    assert servers("cluster://:word@one:7000,two") == Servers((("one", 7000), ("two", 6379)), {"password": "word"})


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://one", "is not a Redis URL"),
        ("sentinel:///journal/0", "names no host"),
        ("sentinel://one:26379", "names no master"),
        ("sentinel://one:26379/journal/first", "names no master"),
        ("cluster://", "names no host"),
    ],
)
def test_an_incomplete_url_is_refused_with_the_missing_part(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked(url)


@pytest.mark.parametrize("url", ["redis://:word@one:6379/0", "rediss://one", "unix:///run/redis.sock?db=0", SENTINELS, "cluster://one"])
def test_every_supported_form_of_url_is_accepted(url: str) -> None:
    assert checked(url) == url


def test_celery_gets_the_url_in_its_own_form() -> None:
    assert broker("redis://one:6379/0") == ("redis://one:6379/0", {})
    assert broker("unix:///run/redis.sock?db=1") == ("redis+socket:///run/redis.sock?virtual_host=1", {})
    settings = celery_settings(SENTINELS)
    login = "ann:p%40ss@"
    assert settings["broker_url"] == ";".join(f"sentinel://{login}{host}/2" for host in ("one:26379", "[::1]:26380", "three:26379"))
    options = settings["broker_transport_options"]
    assert (options["master_name"], options["sentinel_kwargs"]["password"]) == ("journal", "quiet")
    # The options that were set for every Redis are still there.
    assert options["visibility_timeout"] == 120


@pytest.mark.parametrize("settings", [IngestSettings, WorkerSettings])
def test_a_cluster_needs_a_separate_broker_url(settings: type[IngestSettings | WorkerSettings]) -> None:
    with pytest.raises(ValidationError, match="TRACKER_BROKER_URL"):
        settings(redis_url="cluster://one:7000")
    settings(redis_url="cluster://one:7000", broker_url="redis://two:6379/0")


@pytest.mark.parametrize("settings", [IngestSettings, QuerySettings, WorkerSettings])
def test_an_invalid_url_stops_the_start(settings: type[IngestSettings | QuerySettings | WorkerSettings]) -> None:
    with pytest.raises(ValidationError, match="is not a Redis URL"):
        settings(redis_url="localhost:6379")
