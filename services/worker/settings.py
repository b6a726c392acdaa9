"""The worker's settings, from the environment."""

from pathlib import Path

from pydantic import Field

from shared.settings import ArchiveSettings, RetentionSettings, WritingSettings


class Settings(WritingSettings, ArchiveSettings, RetentionSettings):
    """TRACKER_* variables that the worker reads. A value that does not parse stops the start."""

    idle_gap_seconds: int = Field(
        300, ge=1, le=3600, description="A pause up to this long counts as active time. A database keeps the first value it is used with."
    )
    session_idle_seconds: int = Field(
        1800, ge=60, description="An open session without an event for this long is closed at its last event."
    )
    blob_url: str = Field(
        "file:///var/lib/tracker/blobs",
        repr=False,
        description="Where ingest stores uploads, to be swept; imports know their own. The same as ingest's.",
    )
    archive: bool = Field(
        True,
        description="`off` archives no transcripts: those of imports are not kept, live ones until they are quiet for a day. What is archived stays.",
    )
    retention_hour: int = Field(
        3, ge=0, le=23, description="From this hour of the day, UTC, what is older than it is to be kept is dropped, once a day."
    )
    export_days: int = Field(
        7, ge=1, le=365, description="Days for which an export of everything is kept. Its archive is as large as all transcripts, packed."
    )
    tool_result_kib: int = Field(
        16,
        ge=1,
        le=1024,
        description="The most that is stored of one result, in 1,024 characters: three quarters from its beginning, one from its end.",
    )
    thinking: bool = Field(True, description="`off` stores nothing of Claude's thinking. What is stored stays; a reparse takes it out.")
    drain_batch_events: int = Field(2000, ge=1, le=20_000, description="The most events persisted in one transaction.")
    drain_seconds: float = Field(5.0, gt=0, le=20, description="How long one drain task goes on before it makes room for the next.")
    claim_idle_ms: int = Field(
        3000, ge=100, description="An entry that a worker holds unacknowledged for this long is taken over by another."
    )
    canary_seconds: float = Field(
        15.0, ge=0, description="A canary goes through the whole pipeline this often; 0: none. The same for query."
    )
    canary_url: str = Field(
        "http://127.0.0.1:8000", description="Where the canary enters: the address of the whole API. `make up` sets it."
    )
    error_classes: Path | None = Field(
        None,
        description="A file of one's own rules why tool calls fail, as services/worker/persist/derived_values/error_classes.toml. They come before the tracker's.",
    )
    prices: Path | None = Field(
        None,
        description="A file of one's own prices, JSON or TOML (docs/how-to/prices.md), read at the start. They come before the price list. The same for all workers.",
    )
    heartbeat_file: Path | None = Field(
        None,
        description="Touched while a worker or beat goes round; `python -m services.worker.healthcheck` tells by its age. Set in its image.",
    )
