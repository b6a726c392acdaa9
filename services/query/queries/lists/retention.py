"""Retention: its rules and runs, and what a run has dropped."""

from uuid import UUID

from services.query.answers.operations import Dropped, Retention, RetentionRun, RetentionSetting, StoredRule
from services.query.database import Connection, fetch, rows
from shared.retention import WHAT
from shared.settings import RetentionSettings
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "retention.sql")


def retention(connection: Connection, settings: RetentionSettings) -> Retention:
    """The settings and rules of retention, and its newest run and dry run."""
    days = {what: getattr(settings, f"{what}_days") or None for what in WHAT}
    return Retention(
        [RetentionSetting(what, days[what]) for what in WHAT],
        fetch(connection, StoredRule, _SQL.rules, {}),
        run(connection, None, is_dry_run=False),
        run(connection, None, is_dry_run=True),
    )


def run(connection: Connection, run_id: UUID | None, *, is_dry_run: bool | None = None) -> RetentionRun | None:
    """One run; without an id the newest."""
    found = rows(connection, _SQL.run, {"id": run_id, "is_dry_run": is_dry_run})
    return RetentionRun(**found[0], dropped=fetch(connection, Dropped, _SQL.dropped, {"id": found[0]["run_id"]})) if found else None
