"""Why a row was left out. Its statements are in duplicates.sql.

A row has one id, which is made of the key that Claude Code itself gives to such a thing (services/worker/importers/formats/ids.py). What comes with an
id that is stored is left out, or replaces the stored version; so the stored row tells the whole story.
"""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from uuid import UUID

from services.query.answers.duplicates import Bringer, Duplicates, KeptRow, RowClaim, Table
from services.query.database import Connection, Row, one_row, rows
from shared.claude_formats.tool_results import natural_id, tool_call_id
from shared.sql_files import SqlFile

# The kinds of natural keys that are one text of a transcript.
_KINDS: Final = ("claude message", "message", "file change", "entry")
_KEYS: Final[dict[Table, str]] = {
    "messages": "`message.id` of the answer",
    "tool_calls": "the id of the call, `toolu_…`",
    "activities": "the id of the call that changed the file",
    "api_calls": "`message.id` and `requestId` of the answer",
    "timeline_entries": "`uuid` of the record",
}
_KEY_OF_PROMPT: Final = "`uuid` of the prompt's record"
_KEY_OF_CLIENT: Final = "the id that the client sent"

_SQL: Final = SqlFile(__package__, "duplicates.sql")


def duplicates(connection: Connection, name: str, request_id: str | None, *, with_refused: bool) -> Duplicates | None:
    """`name`: a row's id, or a transcript's own: `msg_…`, `toolu_…`, a record's `uuid`. None if no row has it, and no event was refused."""
    ids = _ids(name, request_id)
    found = rows(connection, _SQL.rows, {"ids": ids})
    claims: dict[UUID, list[str]] = defaultdict(list)
    for row in rows(connection, _SQL.claims, {"ids": [row["id"] for row in found]}):
        claims[row["row_id"]].append(row["session_id"])
    numbers = sorted({abs(number) for row in found for number in row["brought_by"] or ()} - {0})
    jobs = {row["number"]: row for row in rows(connection, _SQL.jobs, {"numbers": numbers})}
    refused = one_row(connection, _SQL.refused_events, {"ids": ids})["refused"] if with_refused else None
    if not found and not refused:
        return None
    return Duplicates(id=name, rows=[_kept(row, claims[row["id"]], jobs) for row in found], refused_events=refused)


def _ids(name: str, request_id: str | None) -> list[UUID]:
    """Every id that a row of this name may have."""
    ids = [tool_call_id(name), *(natural_id(kind, name) for kind in _KINDS), natural_id("api call", name, request_id or "")]
    with suppress(ValueError):
        ids.append(UUID(name))
    return ids


def _kept(row: Row, claims: list[str], jobs: dict[int, Row]) -> KeptRow:
    is_clients = row["brought_by"] is None or 0 in row["brought_by"]
    return KeptRow(
        table=row["table"],
        id=row["id"],
        key=_KEY_OF_CLIENT if row["brought_by"] is None else _KEY_OF_PROMPT if row["is_persons"] else _KEYS[row["table"]],
        session_id=row["session_id"],
        timestamp=row["timestamp"],
        source=row["source"],
        brought_by=[_bringer(number, jobs) for number in ([0] if row["brought_by"] is None else row["brought_by"])],
        claims=[RowClaim(session_id=each, counts=each == row["session_id"]) for each in claims],
        explanation=_explanation(row, claims, is_clients=is_clients),
    )


def _bringer(number: int, jobs: dict[int, Row]) -> Bringer:
    if number == 0:
        return Bringer(kind="client", job_id=None)
    job = jobs.get(abs(number))
    if job is None:
        return Bringer(kind="other", job_id=None)
    return Bringer(kind=job["kind"] if job["kind"] in ("import", "capture", "reparse") else "other", job_id=job["id"])


def _explanation(row: Row, claims: Iterable[str], *, is_clients: bool) -> str:
    sessions = list(claims)
    if len(sessions) > 1:
        return (
            f"The files of {len(sessions)} sessions have it, as forks and copies do. It counts once, for the session that had it first: "
            f"{row['session_id']}."
        )
    if is_clients and row["brought_by"] is not None:
        return "A client sent it, and a file has it too. The client's version stays, and the file's was left out."
    if is_clients:
        return "A client sent it. What is sent again with this id is not stored again."
    if row["source"] == "hook":
        return "A hook told it. A transcript that has it takes its place; what hooks tell again is left out."
    if len(row["brought_by"]) > 1:
        return f"{len(row['brought_by'])} jobs brought it. The version with the most in it is kept, whichever came first."
    return "One job brought it. What comes again with this key is not stored again, unless it has more in it."
