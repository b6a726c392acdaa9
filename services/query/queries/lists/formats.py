"""Names in Claude Code's records that the tracker does not read, by its version."""

from datetime import datetime
from typing import Annotated, Final, Literal

from services.query.answers.answer import Answer
from services.query.answers.fields import doc
from services.query.database import Connection, fetch_groups
from shared.sql_files import SqlFile


class UnreadName(Answer):
    kind: Annotated[
        Literal["record", "system", "attachment", "progress", "block", "field", "hook", "hook_field"],
        doc(
            "`record`: a type of records in transcripts; `system`, `attachment`, `progress`: a kind of these; `block`: of a message's content."
        ),
    ]
    name: Annotated[
        str,
        doc("Of a field: the type that has it, and the field. `(other)`: a name that is not kept as it is.", examples=["assistant.effort"]),
    ]
    count: Annotated[
        int,
        doc("Records or hooks that have it. Fields are looked for in a sample, so of a field it is the records of the sample."),
    ]
    first_seen_at: datetime
    last_seen_at: datetime


class VersionFormats(Answer):
    version: Annotated[str, doc("Of Claude Code; `(unknown)`: nothing says it.", examples=["2.1.332"])]
    unread: Annotated[list[UnreadName], doc("By kind and name.")]


class Formats(Answer):
    versions: Annotated[list[VersionFormats], doc("The newest first. Versions of which everything is read are not listed.")]


_SQL: Final = SqlFile(__package__, "formats.sql")


def formats(connection: Connection) -> Formats:
    """All versions of which something is not read. The worker keeps a bounded number of names."""
    found = fetch_groups(connection, UnreadName, "version", _SQL.unread)
    newest_first = sorted(found, key=_place, reverse=True)
    return Formats([VersionFormats(version, found[version]) for version in newest_first])


def _place(version: str) -> tuple[int, ...]:
    """`2.1.332` as numbers. Words for no version are last."""
    return tuple(int(part) for part in version.split(".")) if version[0].isdigit() else ()
