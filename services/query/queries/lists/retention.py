"""Retention: its rules and runs, and what a run has dropped."""

from uuid import UUID

from services.query.answers.operations import Dropped, Retention, RetentionRun, RetentionSetting, StoredRule
from services.query.database import Connection, fetch, rows
from shared.retention import WHAT
from shared.settings import RetentionSettings
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "retention.sql")

_NEWEST = "SELECT id FROM retention_runs WHERE is_dry_run = %(is_dry_run)s ORDER BY created_at DESC LIMIT 1"


def retention(connection: Connection, settings: RetentionSettings) -> Retention:
    """What is kept for how long, and the newest runs."""
    days = {what: getattr(settings, f"{what}_days") or None for what in WHAT}
    return Retention(
        [RetentionSetting(what, days[what]) for what in WHAT],
        fetch(connection, StoredRule, _SQL.rules, {}),
        _newest(connection, is_dry_run=False),
        _newest(connection, is_dry_run=True),
    )


def run(connection: Connection, run_id: UUID) -> RetentionRun | None:
    """One run."""
    found = rows(connection, _SQL.run, {"id": run_id})
    return RetentionRun(**found[0], dropped=fetch(connection, Dropped, _SQL.dropped, {"id": run_id})) if found else None


def _newest(connection: Connection, *, is_dry_run: bool) -> RetentionRun | None:
    found = rows(connection, _NEWEST, {"is_dry_run": is_dry_run})
    return run(connection, found[0]["id"]) if found else None
