"""Drops transcripts from the archive that did not change for as long as it keeps them. Their rows stay.

A machine that goes on with such a file is asked for all of it. The contents are deleted when garbage is collected.
"""

from typing import Final

from psycopg.rows import dict_row

from services.worker.maintenance.retention.old_sessions import is_old
from services.worker.maintenance.retention.retention_stage import SESSIONS_AT_ONCE, Count, Dropped, Step
from services.worker.sql_text import sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "drop_archive.sql")


def due_files() -> str:
    """Selects files that are older than the archive keeps them, but for those that go with their session or its texts."""
    return sql(_SQL.due, texts_go=is_old("texts"), goes_whole=is_old("sessions"))


def drop_archive(step: Step) -> Dropped:
    """The next files."""
    parameters = step.parameters | {"after": int(step.after or 0), "limit": SESSIONS_AT_ONCE * 10}
    with step.connection.cursor(row_factory=dict_row) as cursor:
        due = cursor.execute(due_files().encode(), parameters).fetchall()
        if not due:
            return Dropped(None)
        last, gone = str(due[-1]["id"]), {row["id"] for row in due}
        if not step.is_dry_run:
            gone = {row["id"] for row in cursor.execute(_SQL.delete, parameters | {"ids": [row["id"] for row in due]})}
    sessions = dict.fromkeys((row["project_id"], row["session_id"]) for row in due if row["id"] in gone)
    counts = [Count("archive", row["project_id"], 0, 1, row["bytes"]) for row in due if row["id"] in gone]
    return Dropped(last, [*counts, *(Count("archive", project_id, 1, 0, 0) for project_id, _ in sessions)])
