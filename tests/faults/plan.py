"""A campaign's plan: which faults, in which order and at which moments. A seed decides all of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from random import Random

from tests.faults.kinds.catalogue import FAULTS
from tests.faults.kinds.scene import Fault

TOGETHER = "two at once"


@dataclass(frozen=True)
class Plan:
    """`rate` is in events per second. It ends when all of `rounds`, `minutes` and `kills` are reached, at the latest after `at_most_minutes`.

    A round has every fault as often as it says, those that kill `kill_weight` times as often, some of them two at a time.
    """

    seed: int
    faults: Sequence[str]
    rate: float
    rounds: int = 1
    minutes: float = 0.0
    at_most_minutes: float = inf
    kills: int = 0
    kill_weight: int = 1
    # The longest time for which a fault lasts (some say: so many times that), and between a recovery and the next fault.
    seconds: float = 2.0
    pause_seconds: float = 0.5
    overlap: float = 0.15

    @property
    def needs_proxy(self) -> bool:
        """Whether one of the faults is about the connections."""
        return any(FAULTS[name].needs_proxy for name in self.faults)


@dataclass(frozen=True)
class Strike:
    """One or two faults at once, after a pause. `round` counts from 1."""

    faults: tuple[Fault, ...]
    pause_seconds: float
    round: int

    @property
    def name(self) -> str:
        """The row of the table it counts for."""
        return TOGETHER if len(self.faults) > 1 else self.faults[0].name

    @property
    def title(self) -> str:
        """Its name, for a person."""
        return " + ".join(fault.name for fault in self.faults)

    @property
    def kills(self) -> int:
        """How many of its faults kill with -9."""
        return sum(fault.is_kill for fault in self.faults)


def strikes(plan: Plan) -> Iterator[Strike]:
    """Round after round, without end."""
    rng = Random(f"{plan.seed}/strikes")
    number = 0
    while True:
        number += 1
        left = [fault for name in plan.faults for fault in [FAULTS[name]] * _times(FAULTS[name], plan)]
        rng.shuffle(left)
        while left:
            faults: tuple[Fault, ...] = (left.pop(),)
            if rng.random() < plan.overlap and (other := next((fault for fault in left if fault.may_meet(faults[0])), None)):
                left.remove(other)
                faults += (other,)
            yield Strike(faults, rng.uniform(0, plan.pause_seconds), number)


def _times(fault: Fault, plan: Plan) -> int:
    return fault.times * plan.kill_weight if fault.is_kill else fault.times
