"""The settings about Redis that services have in common: how they are written, what they say, what does not go together."""

from typing import Annotated, Final

from pydantic import AfterValidator

from shared.redis.url import SPELLINGS, broker, checked

RedisUrl = Annotated[str, AfterValidator(checked)]

REDIS_URL: Final = f"Redis: the journal, and Celery's broker unless TRACKER_BROKER_URL says another. {SPELLINGS}."
BROKER_URL: Final = "Celery's Redis where it is not that of the journal. A Cluster needs it: Celery does not speak with one."
PARTITIONS: Final = "Number of journal streams, each drained by one worker process at a time. May be changed at any time; the same for ingest, worker and query."
REPLICAS_ACKED: Final = "An event is answered when it is on the disks of so many Redis replicas too (WAITAOF, Redis 7.2 or later). The same for ingest and worker."


def check_broker(redis_url: str, broker_url: str | None) -> None:
    """ValueError if Celery could not speak with what it is given."""
    broker(broker_url or redis_url)
