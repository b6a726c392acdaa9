"""Work that is counted instead of timed: the same on any machine, and on a busy one."""

import sys
from collections.abc import Callable
from typing import Final, TypeVar

Result = TypeVar("Result")
# The most that twice the text may cost.
TWICE: Final = 2.2


def calls_for(act: Callable[[], Result]) -> tuple[int, Result]:
    """How many functions an act calls, those in C too, and its result."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        result = act()
    finally:
        sys.setprofile(before)
    return calls, result
