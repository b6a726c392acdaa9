"""The settings of the embedded stack: where its data is and where it answers."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from deploy.embedded.processes import StartError
from shared.reach import ReachSettings


class Settings(ReachSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="TRACKER_")

    data_dir: Path = Field(Path(".tracker"), description="Folder of everything that is kept: PostgreSQL, Redis, uploads, logs.")
    port: int = Field(8000, ge=1, le=65535, description="Port to serve on.")
    flower_port: int | Literal["off"] = Field(
        5555, description="Port of Flower on loopback, or `off`. If the default is in use the next free one."
    )
    flower_basic_auth: str | None = Field(
        None,
        pattern="^[^:,]+:[^,]+$",
        description="Who may look at Flower, as `name:password`. Without it `make up` makes a password, once, and says it;"
        " the containers' Flower does not start.",
    )


def read_settings() -> Settings:
    """The settings, or a StartError that names the variable which is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        raise StartError(f"TRACKER_{str(first['loc'][0]).upper()}={first['input']!s} does not work: {first['msg']}.") from None
