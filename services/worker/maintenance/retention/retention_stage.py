"""A stage of a retention run: a kind of thing that is kept for a time, and dropped step by step."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from services.worker.resources import Resources
from shared.retention import WHAT

# The most that one transaction drops.
SESSIONS_AT_ONCE: Final = 10
ROWS_AT_ONCE: Final = 150


class Step(NamedTuple):
    """The arguments of a stage. `connection` is in a transaction, in which its progress and its counts are written too.

    `after` is what the last step of the stage gave; None at its beginning. Days are counted back from `as_of`.
    """

    worker: Resources
    connection: Connection[Any]
    run_id: UUID
    after: str | None
    is_dry_run: bool
    as_of: datetime

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the statements that find what is old: run_id, as_of, after, and the settings' days by kind."""
        settings = self.worker.settings
        days = {f"{what}_days": getattr(settings, f"{what}_days") for what in WHAT}
        return {"run_id": self.run_id, "as_of": self.as_of, "after": self.after or ""} | days


class Count(NamedTuple):
    """The number of a project's rows that were dropped, or would be. Bytes as they are stored."""

    what: str
    project_id: int
    sessions: int
    rows: int
    bytes: int


class Dropped(NamedTuple):
    """The rows that a step dropped, and where the next one goes on; None at the stage's end."""

    after: str | None
    counts: Sequence[Count] = ()
    waits: bool = False
