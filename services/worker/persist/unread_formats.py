"""Adds to the counts of what nothing reads. Imports, live capture and hooks all count here, in the transaction that stores their rows.

So what live capture reads counts once. An import of a content that was imported before counts nothing; a file that has grown, or comes by another way
too, counts its beginning again. Names and versions are exact all the same.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from psycopg import Connection

from services.worker.persist.records import OTHER, Unread
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "unread_formats.sql")

# A version brings some dozens of names.
MAX_ROWS: Final = 2_000


def count_unread(connection: Connection[Any], unread: Mapping[Unread, int]) -> None:
    """Adds the counts. Must be called under the order of imports, which keeps two from counting at a time."""
    if unread:
        connection.execute(_SQL.count, _columns(unread) | {"numbers": list(unread.values()), "most": MAX_ROWS, "other": OTHER})


def known_contents(connection: Connection[Any], sha256s: Iterable[bytes]) -> set[bytes]:
    """The contents among these that an import has brought before."""
    return {row[0] for row in connection.execute(_SQL.known_contents, {"sha256s": list(sha256s)})}


def versions_of_machines(connection: Connection[Any], machine_ids: Iterable[str]) -> dict[str, str | None]:
    """The version of Claude Code that each machine has reported last."""
    return dict(connection.execute(_SQL.versions_of_machines, {"machine_ids": sorted(set(machine_ids))}).fetchall())


def forget_known(connection: Connection[Any], is_known: Callable[[str, str], bool]) -> int:
    """Forgets what a newer tracker reads by now, or leaves out by name. Gives how many names went."""
    known = [unread for unread in map(Unread._make, connection.execute(_SQL.all).fetchall()) if is_known(unread.kind, unread.name)]
    if known:
        connection.execute(_SQL.forget, _columns(known))
    return len(known)


def _columns(unread: Collection[Unread]) -> dict[str, list[str]]:
    return {"versions": [each.version for each in unread], "kinds": [each.kind for each in unread], "names": [each.name for each in unread]}
