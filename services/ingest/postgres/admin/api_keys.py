"""The SQL of API keys on the writing side: adds, finds and revokes them, and stores their times of use. Only a key's SHA-256 is stored."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.ingest.postgres.audit import AuditRecord, change_audited, run_audited
from services.ingest.postgres.database import Connection, Database
from shared.auth.keys import FIND, LOGINS_OF_A_KEY, Scope, StoredKey, stored_key
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "api_keys.sql")

_HAS_ADMIN = "SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL AND 'admin' = ANY(scopes)) AS found"
_LOG_OUT = "DELETE FROM key_logins WHERE id = %(id)s AND sha256 = %(sha256)s"


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
        users: Sequence[str] | None,
        project_ids: Sequence[int] | None,
        record: AuditRecord,
    ) -> tuple[datetime | None, list[int], dict[int, int]]:
        """`users` are several, in place of one `user`. When the key was made, None if a project of it cannot be named; those that can; of parts their wholes."""
        ids = None if project_ids is None else list(project_ids)
        several = None if users is None else list(users)
        params = {
            "id": key_id,
            "sha256": sha256,
            "name": name,
            "scopes": list(scopes),
            "user_name": user,
            "user_names": several,
            "project_ids": ids,
        }
        row = await change_audited(self._database, _SQL.add, params, record, done="created_at")
        return row["created_at"], row["ids"], {int(part): whole for part, whole in row["wholes"].items()}

    async def revoke(self, key_id: str, record: AuditRecord) -> dict[str, Any] | None:
        """{name, revoked_at, done}: done if it was not revoked before. None if there is no such key."""
        return await run_audited(self._database, _SQL.revoke, {"id": key_id}, record)

    async def keys(self) -> list[dict[str, Any]]:
        """All keys without their hashes, newest first."""
        return await self._database.rows(_SQL.list, {})

    async def note_used(self, used: Mapping[str, datetime]) -> None:
        """Stores when keys were used last."""

        async def write(connection: Connection) -> None:
            await connection.execute(_SQL.used, {"ids": list(used), "times": list(used.values())})

        await self._database.run(write)

    async def log_in(self, key_id: str, login_id: str, sha256: bytes, seconds: int) -> datetime:
        """Adds a login of a key; when it will end."""
        params = {"key_id": key_id, "id": login_id, "sha256": sha256, "seconds": seconds, "kept": LOGINS_OF_A_KEY - 1}
        [row] = await self._database.rows(_SQL.log_in, params)
        expires_at: datetime = row["expires_at"]
        return expires_at

    async def log_out(self, login_id: str, sha256: bytes) -> None:
        """Ends a login, if there is one with this token."""

        async def write(connection: Connection) -> None:
            await connection.execute(_LOG_OUT, {"id": login_id, "sha256": sha256})

        await self._database.run(write)
