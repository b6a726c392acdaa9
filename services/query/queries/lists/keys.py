"""API keys: one for a check, the list without the keys' hashes, and the audit log."""

from services.query.answers.operations import Act, ApiKey, AuditPage, KeyPage
from services.query.database import Connection, first_row, one_row
from services.query.queries.lists.paging import Paging, page
from shared.auth.keys import FIND, StoredKey, stored_key
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "keys.sql")

_HAS_ADMIN = "SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL AND 'admin' = ANY(scopes)) AS found"


def find_key(connection: Connection, key_id: str) -> StoredKey | None:
    """A key that is not revoked, or a login of one."""
    row = first_row(connection, FIND, {"id": key_id})
    return None if row is None else stored_key(row)


def has_admin(connection: Connection) -> bool:
    """Whether an admin key exists."""
    return bool(one_row(connection, _HAS_ADMIN)["found"])


def keys(connection: Connection, paging: Paging) -> KeyPage:
    """All of them, revoked ones too, the newest first."""
    items, next_cursor = page(connection, ApiKey, _SQL.keys, paging.after(time="time", id="text"), paging, ("created_at", "id"))
    return KeyPage(items, next_cursor)


def audit(connection: Connection, paging: Paging) -> AuditPage:
    """The actions of admins, the newest first."""
    items, next_cursor = page(connection, Act, _SQL.audit, paging.after(id="int"), paging, ("id",))
    return AuditPage(items, next_cursor)
