"""Lists of events: conversations, activities, a session's tool calls."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from services.query.answers.fields import Decided
from services.query.answers.lists import ActivityPage, FileActivity, Media, Message, MessagePage, SessionToolCall, ToolCallPage, ToolResult
from services.query.database import Connection, Row, as_it_is, fetch, rows
from services.query.queries.columns import COLUMNS
from services.query.queries.lists.paging import Paging, page, page_of_texts
from services.query.queries.lists.projects import ALL_PROJECTS, ChosenProjects
from services.query.queries.stats.tool_errors import check_error_class
from shared.like_patterns import escape_like
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "events.sql", **COLUMNS)

NUMBER_OF_MESSAGES = _SQL.number_of_messages
# Few files lead to their activities by an index. With many, a walk from the newest activity backwards soon meets enough.
FEW_FILES = 500

TOOL_CALLS = _SQL.tool_calls


class EventFilters(Struct, frozen=True):
    """The filters for events; None matches any."""

    session_id: str | None = None
    projects: ChosenProjects = ALL_PROJECTS
    start: datetime | None = None
    end: datetime | None = None
    user: str | None = None
    branch: str | None = None
    source: str | None = None
    # Only messages have one.
    model: str | None = None
    # The id or the name of one that the session was seen on.
    machine: str | None = None

    def parameters(self, connection: Connection) -> Row:
        """For SQL."""
        return asdict(self) | self.projects.parameters(connection)


# The columns that a list of events is sorted by.
BY_TIME: Final = ("timestamp", "id")


def conversations(connection: Connection, filters: EventFilters, role: str | None, paging: Paging) -> MessagePage:
    """Messages, newest first; those without a date last."""
    parameters = filters.parameters(connection) | {"role": role} | paging.after(time="time", id="uuid")
    items, next_cursor = page_of_texts(connection, Message, _SQL.messages, parameters, paging, BY_TIME)
    return MessagePage(items, next_cursor)


def activities(
    connection: Connection, filters: EventFilters, file_path: str | None, action: str | None, paging: Paging, *, include_patch: bool = False
) -> ActivityPage:
    """Changes of files, newest first. `file_path` is exact, or a beginning if it ends in *."""
    parameters = filters.parameters(connection) | {"action": action, "include_patch": include_patch}
    parameters |= file_parameters(connection, file_path) | paging.after(time="time", id="uuid")
    prepare = as_it_is if include_patch else _without_patch
    items, next_cursor = page(
        connection, FileActivity, _SQL.activities, parameters, paging, BY_TIME, prepare=prepare, has_texts=include_patch
    )
    return ActivityPage(items, next_cursor)


def _without_patch(row: Row) -> None:
    del row["patch"], row["patch_left_out_lines"]


def file_parameters(connection: Connection, file_path: str | None) -> Row:
    """The files of a path: itself, or a beginning that ends in *. With few files their keys, with many the beginning."""
    if file_path is None or not file_path.endswith("*"):
        return {"file_path": file_path, "file_keys": None, "path_prefix": None}
    prefix = file_path[:-1]
    below = {"like_prefix": escape_like(prefix[:200]), "path_prefix": prefix, "most": FEW_FILES + 1}
    file_keys = [row["file_key"] for row in rows(connection, _SQL.files_below, below)]
    are_few = len(file_keys) <= FEW_FILES
    return {"file_path": None, "file_keys": file_keys if are_few else None, "path_prefix": None if are_few else prefix}


def tool_calls(
    connection: Connection,
    filters: EventFilters,
    tool_name: str | None,
    status: str | None,
    error_class: str | None,
    paging: Paging,
    sort: str = "timestamp",
    *,
    ascending: bool = False,
    include_result: bool = False,
) -> ToolCallPage:
    """Tool calls by their time or duration. Calls without a time or duration sort below all others."""
    check_error_class(connection, error_class)
    by_timestamp = sort == "timestamp"
    after = {"after_time": None, "after_number": None} | (
        paging.after(time="time", id="uuid") if by_timestamp else paging.after(number="int", id="uuid")
    )
    parameters = filters.parameters(connection) | {"tool_name": tool_name, "status": status, "error_class": error_class} | after
    parameters |= {"sort": sort, "ascending": ascending, "include_result": include_result}
    items, next_cursor = page_of_texts(
        connection,
        SessionToolCall,
        TOOL_CALLS,
        parameters,
        paging,
        BY_TIME if by_timestamp else ("sort_number", "id"),
        prepare=_prepare_call if include_result else _without_result,
    )
    return ToolCallPage(items, next_cursor)


def stored_calls(connection: Connection, ids: str) -> dict[UUID, SessionToolCall]:
    """Calls with their results by their ids, an array of which is given as text."""
    found = fetch(connection, SessionToolCall, _SQL.calls_by_id, {"ids": ids, "include_result": True}, _prepare_call)
    return {call.id: call for call in found}


def _without_result(row: Row) -> None:
    _prepare_call(row)
    del row["result"]


def _prepare_call(call: Row) -> None:
    """Makes the fields of an answer from the columns of a call: parameters as they were sent, and the columns of the result,
    and those of the decision, as one object each.
    """
    call.pop("sort_number", None)
    # The text, not parsed and serialized again.
    call["parameters"] = msgspec.Raw(call["parameters"].encode()) if call["parameters"] is not None else None
    left_out, cut_at, media = (call.pop(f"result_{name}") for name in ("left_out", "cut_at", "media"))
    source, told_by, wait_ms = (call.pop(f"decision_{name}") for name in ("source", "told_by", "wait_ms"))
    if call["decision"] is not None:
        call["decision"] = Decided(call["decision"], source, wait_ms, told_by)
    if call["result"] is not None:
        kept = [] if media is None else msgspec.json.decode(media, type=list[Media])
        call["result"] = ToolResult(call["result"], left_out or 0, cut_at, kept)
