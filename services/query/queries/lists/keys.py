"""API keys: one to be checked, the list without what is kept of the keys themselves, and the audit log."""

from services.query.database import Connection, rows
from services.query.queries.lists.paging import Conditions, Page, Paging
from services.query.queries.lists.paging import page as read_page
from shared.auth.keys import Grant, StoredKey

_FIND = "SELECT sha256, scopes, user_name, project_ids FROM api_keys WHERE id = %(id)s AND revoked_at IS NULL"
_HAS_ADMIN = "SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL AND 'admin' = ANY(scopes)) AS found"
_KEYS = """
    SELECT id, name, scopes, user_name AS user, project_ids, created_at, last_used_at, revoked_at
    FROM api_keys
    {where}
    ORDER BY created_at DESC, id DESC
"""
_AUDIT = """
    SELECT id, at, who, (SELECT name FROM api_keys AS k WHERE k.id = who) AS key_name, act, subject, details, request_id
    FROM audit_log
    {where}
    ORDER BY id DESC
"""


def find_key(connection: Connection, key_id: str) -> StoredKey | None:
    """A key that is not revoked."""
    found = rows(connection, _FIND, {"id": key_id})
    if not found:
        return None
    row = found[0]
    project_ids = row["project_ids"]
    grant = Grant(key_id, frozenset(row["scopes"]), row["user_name"], None if project_ids is None else tuple(project_ids))
    return StoredKey(bytes(row["sha256"]), grant)


def has_admin(connection: Connection) -> bool:
    """Whether anybody can make keys."""
    return bool(rows(connection, _HAS_ADMIN)[0]["found"])


def keys(connection: Connection, paging: Paging) -> Page:
    """All of them, revoked ones too, the newest first."""
    conditions = Conditions()
    conditions.add_after(paging.after(("time", "text")), "created_at, id", ("timestamptz", "text"))
    return read_page(connection, _KEYS, conditions, paging, lambda row: (row["created_at"], row["id"]))


def audit(connection: Connection, paging: Paging) -> Page:
    """What admins did, the newest first."""
    conditions = Conditions()
    conditions.add_after(paging.after(("int",)), "id", ("bigint",))
    return read_page(connection, _AUDIT, conditions, paging, lambda row: (row["id"],))
