"""The rows of captured files: which are to be read, and how far they are."""

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

# The least that waits comes first: what is said now must not wait for what a machine sends of old sessions. The oldest gets its turn in each round.
_DUE = """
    WITH due AS (
        SELECT id, session_id, file_name, user_name, parsed_offset, stored_offset, facts_ids, changed_at FROM transcript_files
        WHERE parsed_offset < stored_offset AND brought_by IS NULL
    )
    SELECT * FROM (
        (SELECT * FROM due ORDER BY stored_offset - parsed_offset, changed_at, id LIMIT %(limit)s)
        UNION
        (SELECT * FROM due ORDER BY changed_at, id LIMIT 1)
    ) AS next ORDER BY stored_offset - parsed_offset, changed_at, id"""
_IS_ANY_DUE = "SELECT EXISTS (SELECT FROM transcript_files WHERE parsed_offset < stored_offset AND brought_by IS NULL)"
_ADVANCE = """
    UPDATE transcript_files SET parsed_offset = %(end)s, facts_ids = %(facts_ids)s, parser_version = %(parser_version)s
    WHERE id = %(id)s AND parsed_offset = %(start)s"""
# Facts that files bring under the same id are one row, which stays while one of the files has it.
_SUPERSEDED = """
    SELECT old.id FROM unnest(%(old)s::uuid[]) AS old (id)
    WHERE NOT EXISTS (SELECT FROM transcript_files AS f WHERE f.facts_ids @> ARRAY[old.id] AND f.id <> %(file_id)s)"""


class CapturedFile(NamedTuple):
    """A file of which some is not read yet."""

    id: int
    session_id: str
    file_name: str
    user: str | None
    parsed_offset: int
    stored_offset: int
    # Of the last reading.
    facts_ids: list[UUID]

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.session_id}/{self.file_name}"


class MovedOnError(Exception):
    """Somebody else has read the file meanwhile; what was read here must not be committed."""


def due_files(connection: Connection[Any], limit: int) -> list[CapturedFile]:
    """Files to be read in the next round, at most one more than `limit`."""
    found = connection.execute(_DUE, {"limit": limit}).fetchall()
    return [CapturedFile(*row[:7]) for row in found]


def is_any_due(connection: Connection[Any]) -> bool:
    """Whether anything is left to be read."""
    [(is_any,)] = connection.execute(_IS_ANY_DUE).fetchall()
    return bool(is_any)


def advance(connection: Connection[Any], file: CapturedFile, end_offset: int, facts_ids: Collection[UUID], parser_version: int) -> None:
    """Notes how far the file is read. MovedOnError if it is not where it was."""
    parameters = {"id": file.id, "start": file.parsed_offset, "end": end_offset, "facts_ids": list(facts_ids)}
    if not connection.execute(_ADVANCE, parameters | {"parser_version": parser_version}).rowcount:
        raise MovedOnError(file.name)


def superseded_facts(connection: Connection[Any], file: CapturedFile, facts_ids: Collection[UUID]) -> list[UUID]:
    """Facts of the file's last reading that neither this reading nor another file has."""
    old = list(set(file.facts_ids) - set(facts_ids))
    if not old:
        return []
    return [row[0] for row in connection.execute(_SUPERSEDED, {"old": old, "file_id": file.id})]
