"""A stage of a scrub: a part of what is stored that it goes over step by step."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from services.worker.maintenance.staged_job import Counts, Done
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
    stage: str = ""

    def scrubbed(
        self, after: str | None, scanned: int, changed: int, redactions: Mapping[str, int], remains: Mapping[str, str] = {}
    ) -> Done:
        """The result of a step that goes over rows. `after`: the last key; None at the end."""
        changed_in = {self.stage: changed} if changed else {}
        counts: Counts = {"rows_scanned": scanned, "rows_changed": changed, "redactions": redactions, "changed_in": changed_in}
        return Done(after, counts, remains)
