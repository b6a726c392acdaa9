"""The query service's settings, from the environment."""

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from shared.http.bind_safety import HttpSettings
from shared.settings import ArchiveSettings, RetentionSettings

# Besides `query_database_connections`, for searches with a regular expression alone.
PATTERN_CONNECTIONS = 2


class Settings(HttpSettings, ArchiveSettings, RetentionSettings):
    """TRACKER_* variables that the query service reads. A value that does not parse stops the start."""

    query_database_url: str | None = Field(
        None,
        repr=False,
        description="A streaming replica of TRACKER_DATABASE_URL from which the query service reads what may be a moment old.",
    )
    timezone: str = Field("UTC", description="What a day is where a request has no `tz`: an IANA name.")
    idle_gap_seconds: int = Field(
        300,
        ge=1,
        le=3600,
        description="A longer pause between two events is not active time. A database keeps the first value that it is used with.",
    )
    query_database_connections: int = Field(
        10, ge=1, le=200, description="The most Postgres connections of a query process, and two more for regular expressions."
    )
    search_folder: Path = Field(
        Path("/var/lib/tracker/search"),
        description="Folder of the index by which sessions are ranked. Each query process makes its own in it, from Postgres; a backup needs none of it.",
    )
    ready_lag_seconds: int = Field(
        60, ge=1, description="With an older entry than this in the journal, /readyz of the query service answers 503."
    )
    sessions: Literal["private", "shared"] = Field(
        "private",
        description="Whether keys that are bound to users also read sessions of others: `private`, no, or `shared`, yes. A project and a session may"
        " say otherwise.",
    )
    machine_silent_hours: int = Field(
        72,
        ge=1,
        le=8760,
        description="A machine that was not heard of for longer is silent. 72 spares one that is closed over a weekend.",
    )
    canary_seconds: float = Field(15.0, ge=0, description="0: there is no canary, and none is missed.")
    canary_max_age_seconds: float = Field(
        60.0, gt=0, description="With the newest canary that came back sent longer ago than this, /readyz of the query service answers 503."
    )

    flower_url: str | None = Field(
        None,
        pattern=r"^(/|https?://).*",
        description="Where the dashboard links to Flower: a path behind the gateway, or a URL. `make up`, the containers and Kubernetes set it.",
    )

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, OSError):
            raise ValueError("it is not a time zone; write an IANA name, as Europe/Berlin") from None
        return name
