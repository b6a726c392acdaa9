"""Machines: what their shippers said last, and which of their transcripts are not here yet."""

from datetime import datetime
from typing import Annotated, Final

from services.query.answers.answer import Answer
from services.query.answers.fields import NextCursor, doc
from services.query.database import Connection, Row
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile


class ExpiringTranscript(Answer):
    session_id: Annotated[str | None, doc("null for a key that can only read numbers.")]
    file: Annotated[str | None, doc("`<session>.jsonl`, or the path below the session's folder.", examples=["subagents/agent-a1.jsonl"])]
    project_path: str | None
    bytes: int
    changed_at: datetime
    deleted_after: Annotated[datetime, doc("Claude Code deletes it in the background of a session after this time.")]
    is_here: Annotated[bool, doc("All of it is stored here, whichever machine or import brought it.")]


class Machine(Answer):
    machine_id: Annotated[str | None, doc("Made at random by the machine's shipper. null for a key that can only read numbers.")]
    name: str | None
    user: str | None
    first_seen_at: datetime
    last_heard_at: Annotated[datetime, doc("When it last reported, or sent a hook or a part of a transcript.")]
    is_silent: Annotated[bool, doc("Not heard of for longer than TRACKER_MACHINE_SILENT_HOURS.")]
    tracker_version: str | None
    claude_version: str | None
    os: str | None
    spool_files: Annotated[int, doc("Hooks that its shipper has not sent yet.")]
    spool_bytes: int
    files_unsent: Annotated[int, doc("Transcripts of which something is not sent yet.")]
    bytes_unsent: int
    oldest_unsent_at: datetime | None
    cleanup_period_days: Annotated[int | None, doc("After so many days without a change, Claude Code deletes a transcript.")]
    last_error: Annotated[str | None, doc("Why its shipper could not send, if it could not.")]
    sessions_count: int
    expiring_count: Annotated[int, doc("Transcripts on its disk that Claude Code will delete soon.")]
    expiring_missing_count: Annotated[int, doc("Those of them that are not here.")]
    expiring: Annotated[list[ExpiringTranscript], doc("The first 50: those that are not here before others, then the first to be deleted.")]


class MachinePage(Answer):
    items: list[Machine]
    next_cursor: NextCursor


_SQL: Final = SqlFile(__package__, "machines.sql")

# The transcripts of a machine that are shown; all are counted.
SHOWN_TRANSCRIPTS: Final = 50


def machines(
    connection: Connection, user: str | None, key_users: list[str] | None, paging: Paging, *, silent_hours: int, is_bound: bool
) -> MachinePage:
    """Machines by name. `key_users`: the users whose machines the key sees. `is_bound`: it sees transcripts of sessions that it may read only."""
    parameters: Row = {"user": user, "key_users": key_users, "silent_hours": silent_hours, "is_bound": is_bound, "shown": SHOWN_TRANSCRIPTS}
    parameters |= paging.after(name="text", id="text")
    items, next_cursor = page(connection, Machine, _SQL.machines, parameters, paging, ("name", "machine_id"))
    return MachinePage(items, next_cursor)
