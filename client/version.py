"""The version of `tracker`: that of the installed package, else that of the clone which holds this file."""

import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

PACKAGE: Final = "claude-code-tracker"


def version() -> str:
    """For example `0.1.0`."""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        # `./tracker` runs a clone, in which nothing is installed.
        with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
