"""A fault is a function that brings it about in a running stack, keeps it for a while, and takes it away again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.faults.product.stack import Stack


@dataclass
class Scene:
    """Where a fault happens. It lasts for up to `seconds`; what it notices goes to `problems` (a promise broken) and `notes` (a number)."""

    stack: Stack
    rng: Random
    seconds: float
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def last(self) -> None:
        """The fault lasts: not at all in one case of two, else for some of its time."""
        if self.rng.random() < 0.5:
            time.sleep(self.rng.uniform(0, self.seconds))

    def last_long(self) -> None:
        """It lasts for all of its time."""
        time.sleep(self.seconds)


@dataclass(frozen=True)
class Fault:
    """`number` is that of docs/evidence/faults.md. Two faults that touch the same thing do not happen at once; "everything" touches all.

    `times` says how often it comes in a round of a campaign, `stretch` how much longer than others it lasts. `is_kill`: with -9.
    """

    number: str
    name: str
    happen: Callable[[Scene], None]
    touches: tuple[str, ...]
    times: int = 1
    stretch: float = 1.0
    is_kill: bool = False
    needs_proxy: bool = False

    def may_meet(self, other: "Fault") -> bool:
        """Whether both can happen at once."""
        return "everything" not in (*self.touches, *other.touches) and not set(self.touches) & set(other.touches)
