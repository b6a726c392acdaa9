"""How many examples a property is tried with: a third by day, all with HYPOTHESIS_PROFILE=nightly (`make test-long`).

An example over rows of a database costs 50 to 500 ms. The examples are random, so the runs of some days together try as many.
"""

import os
from typing import Final

IS_NIGHTLY: Final = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
LEAST: Final = 8


def examples(nightly: int) -> int:
    """For settings(max_examples=…)."""
    return nightly if IS_NIGHTLY else max(nightly // 3, min(nightly, LEAST))
