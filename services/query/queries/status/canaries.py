"""The newest canary that is stored."""

from typing import Any

from sqlalchemy import Connection, text

_NEWEST = text("SELECT id, sent_at, stored_at FROM canaries ORDER BY stored_at DESC LIMIT 1")


def newest(connection: Connection) -> dict[str, Any]:
    """{"id", "sent_at", "stored_at"}, all None before the first."""
    found = connection.execute(_NEWEST).mappings().first()
    return dict(found) if found else {"id": None, "sent_at": None, "stored_at": None}
