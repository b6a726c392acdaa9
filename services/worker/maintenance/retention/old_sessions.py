"""SQL over a session s: whether it is older than its texts, or it as a whole, are kept."""

from functools import partial
from typing import Final

from services.worker.sql_text import sql
from shared.sql_files import statement

_sql = partial(statement, __package__, "old_sessions.sql")

LAST_SEEN: Final = _sql("last_seen")
_IS_OLD: Final = _sql("is_old")
FAMILY: Final = _sql("family")


def is_old(what: str) -> str:
    """`what`: texts or sessions. Parameters: as_of, and the setting's days."""
    return sql(_IS_OLD, last_seen=LAST_SEEN, what=what, days=f"{what}_days")
