"""Looks of beat that failed: beat counts them, and the query service tells them as a metric."""

from typing import Final

# A hash in Redis: {name of the look: how often it failed}.
FAILED_LOOKS_KEY: Final = "beat:failed_looks"
