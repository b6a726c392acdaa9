"""The manifest of an export of everything: what its archive is, and each member with its hash. docs/reference/export-format.md says it to people.

The archive is a zip: EXPORT_MARKER first (shared/claude_formats/upload_kinds.py), then rows and transcripts, at last the manifest.
"""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct

from shared.events.messages import EARLIEST, LATEST
from shared.tables.catalogue import TABLES
from shared.tables.sums import SUMS
from shared.tables.table import EXPORTED, Owner

FORMAT: Final = "claude-code-tracker export"
# Raised when a reader of the version before would store something wrong. New members and fields do not raise it.
VERSION: Final = 1
MANIFEST: Final = "manifest.json"

# The tables in the order in which they are written and read: who and where, then sessions, then what happened. Tables without a place of their own
# come behind these.
_IN_ORDER: Final = (
    *("users", "projects", "project_places", "project_rules", "machines"),
    # Before rows come: what has gone stays so, and counts.
    *("dropped_texts", *(table.name for table in SUMS if table.export == EXPORTED)),
    *("session_facts", "session_events", "messages", "tool_calls", "activities", "api_calls", "timeline_entries"),
    *("session_marks", "sessions", "saved_views", "transcript_files"),
)
# A transcript of which a range was erased comes in before the range is closed.
_LAST: Final = "tombstones"

Name = Annotated[str, Meta(min_length=1, max_length=4096)]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class ManifestMember(Struct, frozen=True):
    """`bytes`: unpacked."""

    name: Name
    bytes: Count
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]


class Selection(Struct, frozen=True, omit_defaults=True):
    """The selection: one user's sessions, one project's, or everything. `project_id`: in the tracker that wrote the export."""

    user: Name | None = None
    project_id: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None

    @property
    def is_everything(self) -> bool:
        return self.user is None and self.project_id is None


class ExportManifest(Struct, kw_only=True):
    """Everything that is known of an export when it ends."""

    format: str
    version: int
    # The last migration of the database that it was written from.
    schema: str
    # When the rows were as they are here.
    snapshot_at: datetime
    selection: Selection = Selection()
    # A pause up to this long counts as active time there. Another value here gives other active times.
    idle_gap_seconds: int
    # Rows by table.
    counts: dict[str, Count]
    # Sums over the sessions, to compare with.
    totals: dict[str, int] = {}
    # The parts of the selection that are not here, since they cannot be told apart: {what: why}.
    not_told_apart: dict[str, str] = {}
    # Transcripts of which the archive had lost a part, by member.
    damaged: list[str] = []
    members: list[ManifestMember]


def beside_sessions() -> list[str]:
    """The tables whose rows go with a session as they are: by the catalogue, without a line elsewhere."""
    return [name for name, table in TABLES.items() if table.owner == Owner.SESSION and table.export == EXPORTED and name not in _IN_ORDER]


def row_tables_in_order() -> list[str]:
    """All tables of an export."""
    return [*_IN_ORDER, *beside_sessions(), _LAST]


def exported_columns(table: str) -> list[str]:
    """The columns that go into an export of everything under their own names."""
    return [column.name for column in TABLES[table].columns if column.is_exported]


def rows_member(table: str) -> str:
    """The member with a table's rows."""
    return f"rows/{table}.ndjson"


def check_times(row: Struct) -> None:
    """ValueError for a time that no tracker stores: Postgres would take it, and who reads it could not."""
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if isinstance(value, datetime) and not EARLIEST <= value <= LATEST:
            raise ValueError(f"{name} is not between {EARLIEST:%Y} and {LATEST:%Y}")


class StoredTranscript(Struct, kw_only=True):
    """A line of rows/transcript_files.ndjson: a content of a session's file, and how it lies in the archive.

    `dropped_to`: retention has dropped what was before.
    `pieces`: [offset in the file on its machine at which it ends, bytes of redacted content], one for each part of the content.
    """

    session_id: Annotated[str, Meta(min_length=1, max_length=200)]
    machine_id: Annotated[str, Meta(max_length=200)]
    file_name: Annotated[str, Meta(min_length=1, max_length=1_000)]
    generation: Annotated[int, Meta(ge=0, le=2**62)]
    user: str | None = None
    facts_ids: list[UUID] = []
    parser_version: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    dropped_to: Annotated[int, Meta(ge=0, le=2**53)] = 0
    is_live: bool = False
    created_at: Annotated[datetime, Meta(tz=True)]
    changed_at: Annotated[datetime, Meta(tz=True)]
    member: Name
    pieces: list[tuple[Annotated[int, Meta(ge=0, le=2**53)], Annotated[int, Meta(ge=0, le=64 * 1024**2)]]]
    # A part of it could not be read.
    is_damaged: bool = False

    def __post_init__(self) -> None:
        """ValueError."""
        check_times(self)
