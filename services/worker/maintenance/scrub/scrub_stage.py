"""A stage of a scrub: a part of what is stored that it goes over step by step."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from services.worker.maintenance.staged_job import Counts
from services.worker.resources import Resources


class Options(NamedTuple):
    """The wishes of the person who asked. `text_count`: how many texts were given; 0: today's rules are applied."""

    scrub_id: UUID = UUID(int=0)
    text_count: int = 0
    keep_out: bool = False
    rewrite_large: bool = False
    delete_uploads: bool = False


class Step(NamedTuple):
    """The arguments of a stage. `connection` is in a transaction, in which its progress is written too; for a stage of its own effects, it is in none.

    `after` is what the last step of the stage gave; None at its beginning.
    """

    worker: Resources
    connection: Connection[Any]
    after: str | None
    is_dry_run: bool
    options: Options = Options()


class Done(NamedTuple):
    """The work of a step, and where the next one goes on; None at the stage's end. `waits`: there was nothing to do yet.

    `remains`: what the stage could not reach, by its name, with what to do about it. `long_locks`: seconds for which a table would be locked.
    """

    after: str | None
    scanned: int = 0
    changed: int = 0
    redactions: Mapping[str, int] = Counter()
    remains: Mapping[str, str] = {}
    waits: bool = False
    long_locks: Mapping[str, int] = {}

    def counted(self, stage: str) -> Counts:
        """The counts of the scrub that it adds to."""
        changed_in = {stage: self.changed} if self.changed else {}
        rows = {"rows_scanned": self.scanned, "rows_changed": self.changed}
        return rows | {"redactions": self.redactions, "changed_in": changed_in, "long_locks": self.long_locks}
