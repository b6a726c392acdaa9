"""The newest canary that is stored."""

from typing import Any

from services.query.database import Connection, first_row

_NEWEST = "SELECT id, sent_at, stored_at FROM canaries ORDER BY stored_at DESC LIMIT 1"


def newest(connection: Connection) -> dict[str, Any]:
    """{"id", "sent_at", "stored_at"}, all None before the first."""
    return first_row(connection, _NEWEST) or {"id": None, "sent_at": None, "stored_at": None}
