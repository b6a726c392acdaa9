"""The program `claude`: where it is, and which version."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from client.connect.run_program import run_program
from client.connect.settings.hook_events import Version, parse_version

# For each of its commands.
SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class ClaudeProgram:
    """`version` is None if it does not tell."""

    path: str
    version: Version | None
    environment: Mapping[str, str]


def find_claude(environment: Mapping[str, str]) -> ClaudeProgram | None:
    """The program in PATH. None without the program, or if it does not run."""
    path = shutil.which("claude", path=environment.get("PATH", os.defpath))
    if path is None:
        return None
    try:
        ended = run_program([path, "--version"], environment, SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ClaudeProgram(path, parse_version(ended.stdout), environment)
