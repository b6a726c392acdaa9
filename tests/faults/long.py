"""Which form a fault test has: short, as in `make faults`, or long, with TRACKER_FAULTS=long in the environment."""

import os

from tests.skips import needs


def is_long() -> bool:
    """Whether minutes and gigabytes are wanted."""
    return os.environ.get("TRACKER_FAULTS") == "long"


long_only = needs("time")
