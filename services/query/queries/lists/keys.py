"""API keys: one for a check, the list without the keys' hashes, and the audit log."""

from services.query.database import Connection, first_row, one_row
from services.query.queries.lists.paging import Page, Paging, page
from shared.auth.keys import FIND, StoredKey, stored_key

_HAS_ADMIN = "SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL AND 'admin' = ANY(scopes)) AS found"
_KEYS = """
    SELECT id, name, scopes, user_name AS user, project_ids, created_at, last_used_at, revoked_at,
        (SELECT count(*) FROM key_logins AS l WHERE l.key_id = k.id AND l.expires_at > clock_timestamp()) AS logins
    FROM api_keys AS k
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
    """A key that is not revoked, or a login of one."""
    row = first_row(connection, FIND, {"id": key_id})
    return None if row is None else stored_key(row)


def has_admin(connection: Connection) -> bool:
    """Whether an admin key exists."""
    return bool(one_row(connection, _HAS_ADMIN)["found"])


def keys(connection: Connection, paging: Paging) -> Page:
    """All of them, revoked ones too, the newest first."""
    return page(connection, _KEYS, paging.after(time="time", id="text"), paging, lambda row: (row["created_at"], row["id"]))


def audit(connection: Connection, paging: Paging) -> Page:
    """The actions of admins, the newest first."""
    return page(connection, _AUDIT, paging.after(id="int"), paging, lambda row: (row["id"],))
