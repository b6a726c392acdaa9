"""Runs a program that is asked nothing: without input, its output as text."""

import subprocess
from collections.abc import Mapping, Sequence


def run_program(command: Sequence[str], environment: Mapping[str, str], seconds: float | None = None) -> "subprocess.CompletedProcess[str]":
    """OSError if it cannot be run, subprocess.TimeoutExpired if it takes longer than `seconds`."""
    return subprocess.run(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )
