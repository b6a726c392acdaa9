"""The SQL that finds out what became of events: stored as rows, or dead letters.

Every function answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from services.ingest.postgres.database import Database

_DEAD_LETTERS_OF = "SELECT id, event_id, reason FROM dead_letters WHERE stored_at IS NULL AND journal_entry_id = ANY(%(entry_ids)s)"
_STORED = "SELECT count(*) AS stored FROM {table} WHERE id = ANY(%(ids)s)"


async def are_stored(database: Database, ids_by_table: Mapping[str, Collection[UUID]]) -> bool:
    """Whether all ids are in their tables."""
    for table, ids in ids_by_table.items():
        [row] = await database.rows(_STORED.format(table=table), {"ids": list(ids)})
        if row["stored"] < len(ids):
            return False
    return True


async def dead_letters_of(database: Database, entry_ids: Collection[str]) -> list[dict[str, Any]]:
    """{id, event_id, reason} of the dead letters that came in these entries of the journal and are not stored since."""
    return await database.rows(_DEAD_LETTERS_OF, {"entry_ids": list(entry_ids)})
