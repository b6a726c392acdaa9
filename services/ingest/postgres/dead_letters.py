"""The SQL of dead letters on the writing side: what is to be put back on the journal, that it was, and what is deleted.

That an event is stored, or died again, is written by the worker alone, in the transaction in which it is so.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from services.ingest.postgres.audit import Act, audited
from services.ingest.postgres.registry import Registry
from shared.journal.dead_letter_envelope import DeadLetter

# Of a group, at most this much at once: an answer within a second, a journal that is not flooded.
GROUP_LETTERS: Final = 500
GROUP_BYTES: Final = 2 * 1024**2

_ONE = """
    SELECT id, kind, journal_entry_id, event_id, request_id, received_at, payload, stored_at IS NOT NULL AS is_stored, last_seen_at
    FROM dead_letters WHERE id = %(id)s"""
# One may be stored already by the time that it is marked; that it was replayed is true all the same.
_REPLAYED = """
    WITH marked AS (UPDATE dead_letters SET replayed_at = clock_timestamp(), replays = replays + 1 WHERE id = ANY(%(ids)s))
    SELECT true AS done"""
_DELETE = "DELETE FROM dead_letters WHERE id = %(id)s RETURNING true AS done"

_OF_GROUP = """stored_at IS NULL AND last_seen_at < %(seen_before)s
    AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)"""
# Those that were put on the journal since then are on their way, or have died again and will again.
_NOT_YET = f"{_OF_GROUP} AND coalesce(replayed_at, '-infinity') < %(seen_before)s"
_GROUP = f"""
    SELECT id, kind, journal_entry_id, event_id, request_id, received_at, payload
    FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY id) - octet_length(payload) AS bytes_before
          FROM (SELECT * FROM dead_letters WHERE {_NOT_YET} ORDER BY id LIMIT {GROUP_LETTERS}) AS first) AS g
    WHERE bytes_before < {GROUP_BYTES} ORDER BY id"""
_LEFT = f"SELECT count(*) AS number FROM dead_letters WHERE {_NOT_YET}"
_DELETE_GROUP = f"""
    WITH gone AS (
        DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters WHERE {_OF_GROUP} ORDER BY id LIMIT {GROUP_LETTERS}) RETURNING id
    )
    SELECT (SELECT count(*) FROM gone) AS number, (SELECT count(*) FROM dead_letters WHERE {_OF_GROUP}) AS before"""
_NOW = "SELECT clock_timestamp() AS now"


class Group(Struct, frozen=True):
    """Which letters: those that wait, were last seen before then, and are of this kind and reason; None is any."""

    seen_before: datetime
    kind: str | None = None
    reason: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Of the statements."""
        return {"seen_before": self.seen_before, "kind": self.kind, "reason": self.reason}


class Row(Struct, frozen=True):
    """A letter with its id; of a stored one the payload is gone. `last_seen_at` is None where it was not asked for."""

    id: UUID
    letter: DeadLetter
    is_stored: bool = False
    last_seen_at: datetime | None = None


async def find(registry: Registry, letter_id: UUID) -> Row | None:
    """One letter, stored or not."""
    found = await registry.rows(_ONE, {"id": letter_id})
    return _row(found[0]) if found else None


async def group(registry: Registry, wanted: Group) -> list[Row]:
    """The oldest of a group, as much as may go onto the journal at once."""
    return [_row(row) for row in await registry.rows(_GROUP, wanted.parameters())]


async def left(registry: Registry, wanted: Group) -> int:
    """How many of a group have not been put on the journal."""
    [row] = await registry.rows(_LEFT, wanted.parameters())
    number: int = row["number"]
    return number


async def mark_replayed(registry: Registry, letter_ids: Sequence[UUID], act: Act) -> None:
    """Writes down that they are on the journal, and by whom."""
    await audited(registry, _REPLAYED, {"ids": list(letter_ids)}, act)


async def delete(registry: Registry, letter_id: UUID, act: Act) -> bool:
    """Deletes one. False if there is none."""
    return await audited(registry, _DELETE, {"id": letter_id}, act) is not None


async def delete_group(registry: Registry, wanted: Group, act: Act) -> tuple[int, int]:
    """Deletes the oldest of a group: how many it were, and how many are left."""
    row = await audited(registry, _DELETE_GROUP, wanted.parameters(), act, done="number")
    assert row is not None
    return row["number"], row["before"] - row["number"]


async def now(registry: Registry) -> datetime:
    """By the clock that dates the letters."""
    [row] = await registry.rows(_NOW, {})
    moment: datetime = row["now"]
    return moment


def _row(row: dict[str, Any]) -> Row:
    letter_id, is_stored, last_seen_at = row.pop("id"), row.pop("is_stored", False), row.pop("last_seen_at", None)
    return Row(letter_id, DeadLetter(**row), is_stored, last_seen_at)
