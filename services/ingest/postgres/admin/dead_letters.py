"""The SQL of dead letters on the writing side: finds those to replay, marks them as replayed, deletes them.

Only the worker records that an event was stored or failed again, in the same transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from services.ingest.postgres.audit import AuditRecord, change_audited, run_audited
from services.ingest.postgres.database import Database
from shared.events.messages import Binding
from shared.journal.dead_letter_envelope import DeadLetter
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "dead_letters.sql")

# The most of a group that one request changes: it answers within a second, and does not flood the journal.
GROUP_LETTERS: Final = 500
GROUP_BYTES: Final = 2 * 1024**2

_DELETE = "DELETE FROM dead_letters WHERE id = %(id)s RETURNING true AS done"

_NOW = "SELECT clock_timestamp() AS now"


class Group(Struct, frozen=True):
    """Selects dead letters: not stored, last seen before that time, with this kind and reason; None matches any."""

    seen_before: datetime
    kind: str | None = None
    reason: str | None = None

    def parameters(self) -> dict[str, Any]:
        """The statements' parameters."""
        limits = {"most_letters": GROUP_LETTERS, "most_bytes": GROUP_BYTES}
        return {"seen_before": self.seen_before, "kind": self.kind, "reason": self.reason} | limits


class Row(Struct, frozen=True):
    """A dead letter with its id. A stored dead letter has no payload any more. `last_seen_at` is None where it was not selected."""

    id: UUID
    letter: DeadLetter
    is_stored: bool = False
    last_seen_at: datetime | None = None


async def find(database: Database, letter_id: UUID) -> Row | None:
    """One dead letter, stored or not."""
    found = await database.rows(_SQL.one, {"id": letter_id})
    return _row(found[0]) if found else None


async def find_group(database: Database, group: Group) -> list[Row]:
    """The oldest of a group, as many as one request may replay."""
    return [_row(row) for row in await database.rows(_SQL.group, group.parameters())]


async def count_left(database: Database, group: Group) -> int:
    """How many of a group were not replayed yet."""
    [row] = await database.rows(_SQL.left, group.parameters())
    number: int = row["number"]
    return number


async def mark_replayed(database: Database, letter_ids: Sequence[UUID], record: AuditRecord) -> None:
    """Marks dead letters as replayed, and by whom."""
    await run_audited(database, _SQL.replayed, {"ids": list(letter_ids)}, record)


async def delete(database: Database, letter_id: UUID, record: AuditRecord) -> bool:
    """Deletes one. False if it does not exist."""
    return await run_audited(database, _DELETE, {"id": letter_id}, record) is not None


async def delete_group(database: Database, group: Group, record: AuditRecord) -> tuple[int, int]:
    """Deletes the oldest of a group. Gives how many it deleted and how many are left."""
    row = await change_audited(database, _SQL.delete_group, group.parameters(), record, done="number")
    return row["number"], row["before"] - row["number"]


async def now(database: Database) -> datetime:
    """The time by the clock that dates the dead letters."""
    [row] = await database.rows(_NOW, {})
    moment: datetime = row["now"]
    return moment


def _row(row: dict[str, Any]) -> Row:
    letter_id, is_stored, last_seen_at = row.pop("id"), row.pop("is_stored", False), row.pop("last_seen_at", None)
    bound = row.pop("bound")
    return Row(letter_id, DeadLetter(**row, bound=None if bound is None else msgspec.convert(bound, Binding)), is_stored, last_seen_at)
