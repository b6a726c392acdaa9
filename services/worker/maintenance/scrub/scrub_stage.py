"""What a stage of a scrub is: a part of what is stored that it goes over step by step."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg import Connection

from services.worker.resources import Resources


class Step(NamedTuple):
    """What a stage is given. `connection` is in a transaction, in which its progress is written too; for a stage of its own effects, it is in none.

    `after` is what the last step of the stage gave; None at its beginning.
    """

    worker: Resources
    connection: Connection[Any]
    after: str | None
    is_dry_run: bool


class Done(NamedTuple):
    """What a step did, and where the next one goes on; None at the stage's end. `waits`: there was nothing to do yet.

    `remains`: what the stage could not reach, by its name, with what to do about it.
    """

    after: str | None
    scanned: int = 0
    changed: int = 0
    redactions: Mapping[str, int] = Counter()
    remains: Mapping[str, str] = {}
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a stage that is not `in_transaction` may take up to `lease_seconds`. It may be taken again after a crash."""

    name: str
    step: Callable[[Step], Done]
    in_transaction: bool = True
    # A stage that changes no texts itself: a dry run leaves it out.
    is_left_out_of_dry_runs: bool = False
