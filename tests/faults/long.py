"""Which form a fault test has: short, as in `make faults`, or long, with TRACKER_FAULTS=long in the environment."""

import os

import pytest


def is_long() -> bool:
    """Whether minutes and gigabytes are wanted."""
    return os.environ.get("TRACKER_FAULTS") == "long"


long_only = pytest.mark.skipif(not is_long(), reason="takes a minute more: TRACKER_FAULTS=long")
