"""SQL over a session s: whether it is older than its texts, or it as a whole, are kept."""

from typing import Final

from services.worker.sql_text import sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "old_sessions.sql")

LAST_SEEN: Final = _SQL.last_seen
FAMILY: Final = _SQL.family


def is_old(what: str) -> str:
    """`what`: texts or sessions. Parameters: as_of, and the setting's days."""
    return sql(_SQL.is_old, last_seen=LAST_SEEN, what=what, days=f"{what}_days")
