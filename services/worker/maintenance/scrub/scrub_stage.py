"""What a stage of a scrub is: a part of what is stored that it goes over step by step."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from services.worker.resources import Resources


class Options(NamedTuple):
    """What was asked for. `text_count`: how many texts were given; 0: today's rules are applied."""

    scrub_id: UUID
    is_dry_run: bool
    text_count: int
    keep_out: bool
    rewrite_large: bool
    delete_uploads: bool


class Step(NamedTuple):
    """What a stage is given. `connection` is in a transaction, in which its progress is written too; for a stage of its own effects, it is in none.

    `after` is what the last step of the stage gave; None at its beginning.
    """

    worker: Resources
    connection: Connection[Any]
    after: str | None
    options: Options

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is to be changed."""
        return self.options.is_dry_run


class Done(NamedTuple):
    """What a step did, and where the next one goes on; None at the stage's end. `waits`: there was nothing to do yet.

    `remains`: what the stage could not reach, by its name, with what to do about it. `long_locks`: seconds for which a table would be locked.
    """

    after: str | None
    scanned: int = 0
    changed: int = 0
    redactions: Mapping[str, int] = Counter()
    remains: Mapping[str, str] = {}
    waits: bool = False
    long_locks: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a stage that is not `in_transaction` may take up to `lease_seconds`. It may be taken again after a crash."""

    name: str
    step: Callable[[Step], Done]
    in_transaction: bool = True
    # A stage that changes no texts itself: a dry run leaves it out.
    is_left_out_of_dry_runs: bool = False
    # Whether a step of its own effects ends within the usual lease, so that after a crash another worker goes on soon.
    is_short: bool = False
