"""What Claude Code writes and nothing reads, by its version."""

from typing import Final

from services.query.answers.formats import Formats, UnreadName, VersionFormats
from services.query.database import Connection, fetch_groups
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "formats.sql")


def formats(connection: Connection) -> Formats:
    """All versions of which something is not read. The worker keeps a bounded number of names."""
    found = fetch_groups(connection, UnreadName, "version", _SQL.unread)
    newest_first = sorted(found, key=_place, reverse=True)
    return Formats([VersionFormats(version, found[version]) for version in newest_first])


def _place(version: str) -> tuple[int, ...]:
    """`2.1.332` as numbers. Words for no version are last."""
    return tuple(int(part) for part in version.split(".")) if version[0].isdigit() else ()
