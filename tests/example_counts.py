"""How many examples a property is tried with: a third by day, all with HYPOTHESIS_PROFILE=nightly (`make test-long`).

An example over rows of a database costs 50 to 500 ms. The examples are random, so the runs of some days together try as many.
"""

import os
import random
from collections.abc import Sequence
from typing import Final, TypeVar

IS_NIGHTLY: Final = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
LEAST: Final = 3

Item = TypeVar("Item")


def examples(nightly: int) -> int:
    """For settings(max_examples=…)."""
    return nightly if IS_NIGHTLY else max(nightly // 3, min(nightly, LEAST))


def a_third(corpus: Sequence[Item]) -> list[Item]:
    """By day a third of what costs much each, another third in each run: the run's first lines have the seed. All at night."""
    return random.sample(corpus, examples(len(corpus)))
