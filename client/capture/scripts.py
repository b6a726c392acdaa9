"""The two scripts in the capture folder: the hook, and how it starts `tracker ship`."""

import shlex
import sys
from importlib.resources import files
from pathlib import Path

from client.capture.folder import make_private_folder, write_private

_PRIVATE_PROGRAM = 0o700


def hook_script() -> str:
    """The content of hook.sh."""
    return files("client.capture").joinpath("hook.sh").read_text(encoding="utf-8")


def ship_script() -> str:
    """The content of `ship`: this Python, with this installation or clone, wherever it is called. -P: not what lies in that folder."""
    path = shlex.quote(str(Path(__file__).parents[2]))
    return f'#!/bin/sh\nPYTHONPATH={path} exec {shlex.quote(sys.executable)} -P -m client ship "$@"\n'


def scripts(folder: Path) -> dict[Path, str]:
    """The paths and the contents of both."""
    return {folder / "hook.sh": hook_script(), folder / "ship": ship_script()}


def write_scripts(folder: Path) -> None:
    """Writes both, for their owner alone. OSError if that is not possible."""
    make_private_folder(folder)
    for path, content in scripts(folder).items():
        write_private(path, content)
        path.chmod(_PRIVATE_PROGRAM)
