"""The settings of the embedded stack: where its data is and where it answers."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from deploy.embedded.supervision.processes import StartError
from shared.http.bind_safety import HttpSettings


class Settings(HttpSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="TRACKER_")

    data_dir: Path = Field(Path(".tracker"), description="Folder of everything that is kept: PostgreSQL, Redis, uploads, logs.")
    port: int = Field(8000, ge=1, le=65535, description="Port to serve on.")
    flower_port: int | Literal["on", "off"] = Field(
        "off",
        description="Port of Flower on loopback; `on` takes 5555 or the next free one, `off` starts none. `make up FLOWER=1` sets `on`.",
    )
    redis_max_memory_bytes: int = Field(
        1024**3, ge=32 * 1024**2, description="Redis' memory; with 80 % of it in use writes are answered 503 until it is less than 70 %."
    )
    flower_basic_auth: str | None = Field(
        None,
        pattern="^[^:,]+:[^,]+$",
        description="Login of Flower, as `name:password`. Without it `make up FLOWER=1` makes a password once and prints it;"
        " the containers' Flower does not start.",
    )


def read_settings() -> Settings:
    """The settings, or a StartError that names the invalid variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        raise StartError(f"TRACKER_{str(first['loc'][0]).upper()}={first['input']!s} does not work: {first['msg']}.") from None
