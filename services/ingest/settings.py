"""The ingest service's settings, from the environment."""

from pydantic import Field

from shared.http.bind_safety import HttpSettings
from shared.settings import WritingSettings


class Settings(HttpSettings, WritingSettings):
    """TRACKER_* variables that ingest reads. An invalid value stops the start."""

    blob_url: str = Field(
        "file:///var/lib/tracker/blobs",
        repr=False,
        description="Where uploads are stored until their import has ended: `file://` and a folder, or `s3://bucket/prefix`.",
    )
    max_upload_bytes: int = Field(2 * 1024**3, ge=1, description="The largest body of an import.")
    uploads_reserve_bytes: int = Field(
        1024**3,
        ge=0,
        description="Uploads stop while less than this is free on the disk of their folder, which the journal may need; 0: never.",
    )
    import_shares: int = Field(
        2, ge=1, le=64, description="An archive is imported in this many shares, each by one import worker at a time."
    )
    body_seconds: float = Field(30.0, gt=0, description="A JSON body that takes longer to arrive is answered 408.")
    backlog_max_entries: int = Field(1_000_000, ge=1, description="With more entries than this in the journal, writes are answered 503.")
    idempotency_bytes: int = Field(
        64 * 1024**2,
        ge=1024,
        description="Redis' memory for Idempotency-Keys, 10.6 bytes each, at most an eighth of its own; the oldest are dropped.",
    )
    known_sessions: int = Field(50_000, ge=1, description="How many sessions an ingest process remembers without asking Redis.")
    login_days: int = Field(30, ge=1, le=365, description="How long a browser stays logged in with an API key.")
    ingest_database_connections: int = Field(4, ge=1, le=100, description="The most Postgres connections of an ingest process.")
