"""The SQL of API keys on the writing side: adds, finds and revokes them, and stores their times of use. Only a key's SHA-256 is stored."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.ingest.postgres.audit import AuditRecord, run_audited
from services.ingest.postgres.database import Connection, Database
from shared.auth.keys import FIND, LOGINS_OF_A_KEY, Scope, StoredKey, stored_key

_HAS_ADMIN = "SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL AND 'admin' = ANY(scopes)) AS found"
# Nothing if a project does not exist; the answer says which do.
_ADD = """
    WITH known AS (
        SELECT coalesce(array_agg(id), '{}') AS ids FROM projects WHERE id = ANY(%(project_ids)s::bigint[])
    ), added AS (
        INSERT INTO api_keys (id, name, sha256, scopes, user_name, project_ids)
        SELECT %(id)s, %(name)s, %(sha256)s, %(scopes)s, %(user_name)s, %(project_ids)s FROM known
        WHERE coalesce(%(project_ids)s::bigint[], '{}') <@ known.ids
        RETURNING created_at
    )
    SELECT known.ids, (SELECT created_at FROM added) AS created_at FROM known"""
# A key that is revoked stays revoked at its time.
_REVOKE = """
    WITH done AS (
        UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = %(id)s AND revoked_at IS NULL RETURNING revoked_at
    ), logged_out AS (
        DELETE FROM key_logins WHERE key_id = %(id)s
    )
    SELECT name, coalesce((SELECT revoked_at FROM done), k.revoked_at) AS revoked_at, EXISTS (SELECT FROM done) AS done
    FROM api_keys AS k WHERE id = %(id)s"""
_LIST = """
    SELECT id, name, scopes, user_name AS user, project_ids, created_at, last_used_at, revoked_at FROM api_keys ORDER BY created_at DESC, id"""
# Deletes also what has ended, of any key, and the oldest of this key beyond LOGINS_OF_A_KEY.
_LOG_IN = """
    WITH ended AS (
        DELETE FROM key_logins WHERE expires_at <= clock_timestamp() OR id IN (
            SELECT id FROM key_logins WHERE key_id = %(key_id)s ORDER BY created_at DESC, id OFFSET %(kept)s
        )
    )
    INSERT INTO key_logins (id, key_id, sha256, expires_at)
    VALUES (%(id)s, %(key_id)s, %(sha256)s, clock_timestamp() + %(seconds)s * interval '1 second')
    RETURNING expires_at"""
_LOG_OUT = "DELETE FROM key_logins WHERE id = %(id)s AND sha256 = %(sha256)s"
_USED = """
    UPDATE api_keys AS k SET last_used_at = u.at FROM unnest(%(ids)s::text[], %(times)s::timestamptz[]) AS u (id, at)
    WHERE k.id = u.id AND coalesce(k.last_used_at, '-infinity') < u.at"""


class ApiKeys:
    """Every method answers within a second or raises Unavailable DATABASE_UNAVAILABLE."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key_id: str) -> StoredKey | None:
        """A key that is not revoked, or a login of one."""
        found = await self._database.rows(FIND, {"id": key_id})
        return stored_key(found[0]) if found else None

    async def has_admin(self) -> bool:
        """Whether there is an admin key, which can make others."""
        [row] = await self._database.rows(_HAS_ADMIN, {})
        return bool(row["found"])

    async def add(
        self,
        key_id: str,
        sha256: bytes,
        *,
        name: str,
        scopes: Sequence[Scope],
        user: str | None,
        project_ids: Sequence[int] | None,
        record: AuditRecord,
    ) -> tuple[datetime | None, list[int]]:
        """When the key was made, None if a project of it does not exist; and the projects that do exist."""
        ids = None if project_ids is None else list(project_ids)
        params = {"id": key_id, "sha256": sha256, "name": name, "scopes": list(scopes), "user_name": user, "project_ids": ids}
        row = await run_audited(self._database, _ADD, params, record, done="created_at")
        assert row is not None
        return row["created_at"], row["ids"]

    async def revoke(self, key_id: str, record: AuditRecord) -> dict[str, Any] | None:
        """{name, revoked_at, done}: done if it was not revoked before. None if there is no such key."""
        return await run_audited(self._database, _REVOKE, {"id": key_id}, record)

    async def keys(self) -> list[dict[str, Any]]:
        """All keys without their hashes, newest first."""
        return await self._database.rows(_LIST, {})

    async def note_used(self, used: Mapping[str, datetime]) -> None:
        """Stores when keys were used last."""

        async def write(connection: Connection) -> None:
            await connection.execute(_USED, {"ids": list(used), "times": list(used.values())})

        await self._database.run(write)

    async def log_in(self, key_id: str, login_id: str, sha256: bytes, seconds: int) -> datetime:
        """Adds a login of a key; when it will end."""
        params = {"key_id": key_id, "id": login_id, "sha256": sha256, "seconds": seconds, "kept": LOGINS_OF_A_KEY - 1}
        [row] = await self._database.rows(_LOG_IN, params)
        expires_at: datetime = row["expires_at"]
        return expires_at

    async def log_out(self, login_id: str, sha256: bytes) -> None:
        """Ends a login, if there is one with this token."""

        async def write(connection: Connection) -> None:
            await connection.execute(_LOG_OUT, {"id": login_id, "sha256": sha256})

        await self._database.run(write)
