"""Why a row was left out: the row that has its key, and who else brought it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from services.query.answers.answer import Answer
from services.query.answers.fields import doc

Table = Literal["messages", "tool_calls", "activities", "api_calls", "timeline_entries"]


class Bringer(Answer):
    """What brought the row, or brought it again."""

    kind: Annotated[
        Literal["client", "import", "capture", "reparse", "other"],
        doc(
            "`client`: a client sent it over the API. `import`, `capture`, `reparse`: a job read it from a file. `other`: a job that is not kept any more."
        ),
    ]
    job_id: UUID | None


class RowClaim(Answer):
    """A session whose files have the row."""

    session_id: str
    counts: Annotated[bool, doc("Whether the row counts for this session. It does for one alone.")]


class KeptRow(Answer):
    """The row that is stored under the key."""

    table: Table
    id: UUID
    key: Annotated[str, doc("What tells such rows apart, for a person.")]
    session_id: str | None
    timestamp: datetime | None
    source: Annotated[str | None, doc("Where the stored version is from.")]
    brought_by: list[Bringer]
    claims: Annotated[list[RowClaim], doc("Empty unless files of several sessions have it.")]
    explanation: Annotated[str, doc("Why what came besides it was left out, for a person.")]


class Duplicates(Answer):
    id: Annotated[str, doc("As it was asked for.")]
    rows: list[KeptRow]
    refused_events: Annotated[
        int | None,
        doc(
            "Events that clients sent with this id and other content: they are dead letters, and no duplicates. null for a key that is bound."
        ),
    ]
