"""Names that sums are kept by, without secrets: of tools and models. Rows get another name, and the sums follow by triggers.

Names of projects and users are columns of one row each (scrub_tables.py), and sums have their ids.
"""

from collections import Counter
from typing import Any, Final, NamedTuple

from psycopg import Connection

from services.worker import lock_order
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from services.worker.sql_text import sql
from shared.redaction.redact import redact_text
from shared.tables.sums import BASE, SUMS


class Name(NamedTuple):
    """A column by which sums are kept. `known` selects all its values: there are few. `rows`: the tables of what is summed, beside those base_*."""

    column: str
    known: str
    rows: tuple[str, ...]

    @property
    def sums(self) -> list[str]:
        """The tables of sums that have it, and those base_*."""
        return [table.name for table in SUMS if self.column in table.named()]

    @property
    def counted(self) -> list[str]:
        """The tables from which sums have it."""
        return [*self.rows, *(name for name in self.sums if name in BASE)]


NAMES: Final = (
    Name("tool_name", "SELECT tool_name FROM tool_rollups WHERE project_id = -1 AND user_id = -1 AND grain_minutes = 0", ("tool_calls",)),
    Name(
        "model",
        "SELECT model FROM usage_rollups WHERE project_id = -1 AND user_id = -1 AND grain_minutes = 0"
        " UNION SELECT model FROM sessions WHERE model IS NOT NULL",
        ("api_calls", "sessions"),
    ),
)

_RENAME: Final = "UPDATE $table SET $column = %(new)s WHERE $column = %(old)s"


def scrub_names(step: Step) -> Done:
    """Scrubs the names of one column. Where one has a secret, nothing else is written until the step's transaction ends."""
    number = int(step.after or 0)
    name, redactions = NAMES[number], Counter[str]()
    known = [value for (value,) in step.connection.execute(name.known.encode()).fetchall()]
    renamed = {old: new for old in known if (new := redact_text(old, redactions)) is not old}
    changed = 0
    if renamed and not step.is_dry_run:
        changed = _rename(step.connection, name, renamed)
    return step.scrubbed(str(number + 1) if number + 1 < len(NAMES) else None, len(known), changed or len(renamed), redactions)


def _rename(connection: Connection[Any], name: Name, renamed: dict[str, str]) -> int:
    lock_order.lock_import_order(connection)
    lock_order.lock_writing_exclusive(connection)
    changed = 0
    for old, new in renamed.items():
        for statement in rename_statements(name):
            changed += connection.execute(statement.encode(), {"old": old, "new": new}).rowcount
    return changed


def rename_statements(name: Name) -> list[str]:
    """All that gives %(old)s the name %(new)s."""
    return [sql(_RENAME, table=table, column=name.column) for table in name.counted]
