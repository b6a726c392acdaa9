"""The query service's settings, from the environment."""

from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from shared.http.bind_safety import HttpSettings
from shared.redis.settings import PARTITIONS, REDIS_URL, RedisUrl


class Settings(HttpSettings):
    """TRACKER_* variables that the query service reads. A value that does not parse stops the start."""

    model_config = SettingsConfigDict(env_prefix="TRACKER_", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str = Field("postgresql://tracker@localhost/tracker", description="Postgres: where events and aggregates are kept.")
    query_database_url: str | None = Field(
        None, description="A streaming replica of TRACKER_DATABASE_URL from which the query service reads what may be a moment old."
    )
    redis_url: RedisUrl = Field("redis://localhost:6379/0", description=REDIS_URL)
    journal_partitions: int = Field(1, ge=1, le=256, description=PARTITIONS)
    timezone: str = Field("UTC", description="What a day is where a request has no `tz`: an IANA name.")
    idle_gap_seconds: int = Field(
        300,
        ge=1,
        le=3600,
        description="A longer pause between two events is not active time. A database keeps the first value that it is used with.",
    )
    query_database_connections: int = Field(10, ge=1, le=200, description="The most Postgres connections of a query process.")
    ready_lag_seconds: int = Field(
        60, ge=1, description="With an older entry than this in the journal, /readyz of the query service answers 503."
    )
    canary_seconds: float = Field(15.0, ge=0, description="0: there is no canary, and none is missed.")
    canary_max_age_seconds: float = Field(
        60.0, gt=0, description="With the newest canary that came back sent longer ago than this, /readyz of the query service answers 503."
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        ZoneInfo(name)
        return name
