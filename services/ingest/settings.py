"""The ingest service's settings, from the environment."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from shared.http.bind_safety import HttpSettings
from shared.redis.settings import BROKER_URL, PARTITIONS, REDIS_URL, REPLICAS_ACKED, RedisUrl, check_broker


class Settings(HttpSettings):
    """TRACKER_* variables that ingest reads. An invalid value stops the start."""

    model_config = SettingsConfigDict(env_prefix="TRACKER_", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str = Field("postgresql://tracker@localhost/tracker", description="Postgres: where events and aggregates are kept.")
    redis_url: RedisUrl = Field("redis://localhost:6379/0", description=REDIS_URL)
    broker_url: RedisUrl | None = Field(None, description=BROKER_URL)
    redis_replicas_acked: int = Field(0, ge=0, le=10, description=REPLICAS_ACKED)
    journal_partitions: int = Field(1, ge=1, le=256, description=PARTITIONS)
    blob_url: str = Field(
        "file:///var/lib/tracker/blobs",
        description="Where uploads are until their import is done: `file://` and a folder, or `s3://bucket/prefix`.",
    )
    max_upload_bytes: int = Field(2 * 1024**3, ge=1, description="The largest body of an import.")
    uploads_reserve_bytes: int = Field(
        1024**3,
        ge=0,
        description="Uploads stop while less than this is free on the disk of their folder, which the journal may need; 0: never.",
    )
    import_shares: int = Field(
        2, ge=1, le=64, description="An archive is worked on in this many shares, each by one import worker at a time."
    )
    redact: bool = Field(True, description="`off` keeps secrets in texts as they came. The same for ingest and worker.")
    body_seconds: float = Field(30.0, gt=0, description="A JSON body that takes longer to arrive is answered 408.")
    backlog_max_entries: int = Field(1_000_000, ge=1, description="With more entries than this in the journal, writes are answered 503.")
    idempotency_bytes: int = Field(
        64 * 1024**2,
        ge=1024,
        description="Redis' memory for Idempotency-Keys, 10.6 bytes each, at most an eighth of its own; the oldest fall out.",
    )
    known_sessions: int = Field(50_000, ge=1, description="How many sessions an ingest process remembers without asking Redis.")
    ingest_database_connections: int = Field(4, ge=1, le=100, description="The most Postgres connections of an ingest process.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @model_validator(mode="after")
    def _has_broker(self) -> Self:
        check_broker(self.redis_url, self.broker_url)
        return self
