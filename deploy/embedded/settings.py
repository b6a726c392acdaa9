"""The settings of the embedded stack: where its data is and where it answers."""

import os
from pathlib import Path
from typing import Final, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.ingest.settings import Settings as IngestSettings
from services.query.settings import Settings as QuerySettings
from services.worker.settings import Settings as WorkerSettings
from shared.http.bind_safety import HttpSettings
from shared.setting_names import check_names
from shared.settings import check_values, read_values


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
        repr=False,
        pattern="^[^:,]+:[^,]+$",
        description="Login of Flower, as `name:password`. Without it `make up FLOWER=1` makes a password once and prints it;"
        " the containers' Flower does not start.",
    )


# {who reads them: the class that declares them}
READERS: Final[dict[str, type[BaseSettings]]] = {
    "make up": Settings,
    "ingest": IngestSettings,
    "query": QuerySettings,
    "worker": WorkerSettings,
}


def read_settings() -> Settings:
    """The settings of the stack. InvalidSettings names the variable."""
    return read_values(Settings)


def check_every_setting() -> None:
    """InvalidSettings if a process of the stack would not start with the environment."""
    check_names(os.environ)
    check_values(*READERS.values())
