"""The newest canary that is stored."""

from services.query.answers.operations import Canary
from services.query.database import Connection, fetch_first

_NEWEST = "SELECT id, sent_at, stored_at FROM canaries ORDER BY stored_at DESC LIMIT 1"


def newest(connection: Connection) -> Canary:
    """All its fields are None before the first."""
    return fetch_first(connection, Canary, _NEWEST) or Canary(None, None, None)
