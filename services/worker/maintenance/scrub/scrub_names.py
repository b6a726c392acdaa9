"""Names that aggregates are kept by, without secrets: of tools and models. Rows and cells change in one transaction, so that they agree after it.

Names of projects and users are columns of one row each (scrub_tables.py), and aggregates have their ids.
"""

from collections import Counter
from typing import Any, Final, NamedTuple

from psycopg import Connection

from services.worker import lock_order
from services.worker.aggregates import dropped_contributions
from services.worker.aggregates.registry import ERROR_ROLLUPS, TOOL_ROLLUPS, USAGE_ROLLUPS, Aggregate
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from services.worker.sql_text import sql
from shared.redaction.redact import redact_text


class Name(NamedTuple):
    """A column by which cells are kept. `known` selects all its values: there are few."""

    column: str
    known: str
    tables: tuple[str, ...]
    aggregates: tuple[Aggregate, ...]

    @property
    def cells(self) -> list[str]:
        """The tables of its sums."""
        return [table for aggregate in self.aggregates for table in (aggregate.table, aggregate.base)]


NAMES: Final = (
    Name(
        "tool_name",
        "SELECT tool_name FROM tool_rollups WHERE project_id = -1 AND user_id = -1 AND grain_minutes = 0",
        ("tool_calls",),
        (TOOL_ROLLUPS, ERROR_ROLLUPS),
    ),
    Name(
        "model",
        "SELECT model FROM usage_rollups WHERE project_id = -1 AND user_id = -1 AND grain_minutes = 0"
        " UNION SELECT model FROM sessions WHERE model IS NOT NULL",
        ("api_calls", "sessions"),
        (USAGE_ROLLUPS,),
    ),
)

_RENAME_ROWS: Final = "UPDATE $table SET $column = %(new)s WHERE $column = %(old)s"


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
    lock_order.lock_aggregates_exclusive(connection)
    changed = 0
    for old, new in renamed.items():
        for statement in rename_statements(name):
            changed += connection.execute(statement.encode(), {"old": old, "new": new}).rowcount
    return changed


def rename_statements(name: Name) -> list[str]:
    """All that gives %(old)s the name %(new)s."""
    rows = [sql(_RENAME_ROWS, table=table, column=name.column) for table in name.tables]
    return rows + [statement for aggregate in name.aggregates for statement in dropped_contributions.rename(aggregate, name.column)]
