"""The ingest service's settings, from the environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.reach import ReachSettings


class Settings(ReachSettings):
    """TRACKER_* variables that ingest reads. A value that does not parse stops the start."""

    model_config = SettingsConfigDict(env_prefix="TRACKER_", extra="ignore")

    database_url: str = Field("postgresql://tracker@localhost/tracker", description="Postgres: where events and aggregates are kept.")
    redis_url: str = Field(
        "redis://localhost:6379/0", description="Redis: the journal and Celery's broker. `unix:///path.sock?db=0` for a socket."
    )
    journal_partitions: int = Field(1, ge=1, le=256, description="Number of journal streams. The same for ingest, worker and query.")
    blob_url: str = Field(
        "file:///var/lib/tracker/blobs",
        description="Where uploads are until their import is done: `file://` and a folder, or `s3://bucket/prefix`.",
    )
    max_upload_bytes: int = Field(2 * 1024**3, ge=1, description="The largest body of an import.")
    import_shares: int = Field(
        2, ge=1, le=64, description="An archive is worked on in this many shares, each by one import worker at a time."
    )
    redact: bool = Field(True, description="`off` keeps secrets in texts as they came. The same for ingest and worker.")
    body_seconds: float = Field(30.0, gt=0, description="A JSON body that takes longer to arrive is answered 408.")
    backlog_max_entries: int = Field(1_000_000, ge=1, description="With more entries than this in the journal, writes are answered 503.")
    known_sessions: int = Field(50_000, ge=1, description="How many sessions an ingest process remembers without asking Redis.")
    ingest_database_connections: int = Field(4, ge=1, le=100, description="The most Postgres connections of an ingest process.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
