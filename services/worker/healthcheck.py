"""`python -m services.worker.healthcheck` exits with 1 and a sentence if this container's worker or beat had no heartbeat for a minute."""

import os
import sys
import time
from pathlib import Path

from shared.quantities import duration

MAX_AGE_SECONDS = 60.0


def problem(file: Path, now: float) -> str | None:
    """The fault; None if `file` was touched within MAX_AGE_SECONDS before `now`, in seconds of the epoch."""
    try:
        age_seconds = now - file.stat().st_mtime
    except FileNotFoundError:
        return f"There is no {file} yet: the worker has not started, or has never reached its broker."
    if age_seconds > MAX_AGE_SECONDS:
        return f"No heartbeat for {duration(age_seconds * 1_000)}: the worker hangs, or cannot reach its broker; see its log."
    return None


if __name__ == "__main__":
    sys.exit(problem(Path(os.environ.get("TRACKER_HEARTBEAT_FILE", "/tmp/heartbeat")), time.time()))  # noqa: S108
