"""API keys: one for a check, the list without the keys' hashes, and the audit log."""

from services.query.database import Connection, first_row, one_row
from services.query.queries.lists.paging import Page, Paging, page
from shared.auth.keys import Grant, StoredKey

_FIND = "SELECT sha256, name, scopes, user_name, project_ids FROM api_keys WHERE id = %(id)s AND revoked_at IS NULL"
_HAS_ADMIN = "SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL AND 'admin' = ANY(scopes)) AS found"
_KEYS = """
    SELECT id, name, scopes, user_name AS user, project_ids, created_at, last_used_at, revoked_at
    FROM api_keys
    WHERE %(after_time)s::timestamptz IS NULL OR (created_at, id) < (%(after_time)s, %(after_id)s::text)
    ORDER BY created_at DESC, id DESC
    LIMIT %(fetch)s
"""
_AUDIT = """
    SELECT id, at, who, (SELECT name FROM api_keys AS k WHERE k.id = who) AS key_name, act, subject, details, request_id
    FROM audit_log
    WHERE %(after_id)s::bigint IS NULL OR id < %(after_id)s
    ORDER BY id DESC
    LIMIT %(fetch)s
"""


def find_key(connection: Connection, key_id: str) -> StoredKey | None:
    """A key that is not revoked."""
    row = first_row(connection, _FIND, {"id": key_id})
    if row is None:
        return None
    project_ids = row["project_ids"]
    grant = Grant(key_id, frozenset(row["scopes"]), row["user_name"], None if project_ids is None else tuple(project_ids), row["name"])
    return StoredKey(bytes(row["sha256"]), grant)


def has_admin(connection: Connection) -> bool:
    """Whether an admin key exists."""
    return bool(one_row(connection, _HAS_ADMIN)["found"])


def keys(connection: Connection, paging: Paging) -> Page:
    """All of them, revoked ones too, the newest first."""
    return page(connection, _KEYS, paging.after(time="time", id="text"), paging, lambda row: (row["created_at"], row["id"]))


def audit(connection: Connection, paging: Paging) -> Page:
    """The actions of admins, the newest first."""
    return page(connection, _AUDIT, paging.after(id="int"), paging, lambda row: (row["id"],))
