"""The items of a page in full: texts, results, patches, and what a subagent did. Nothing is read of items that are not on the page."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from msgspec import Struct

from services.query.answers.fields import Decided
from services.query.answers.lists import ToolResult
from services.query.answers.timeline import (
    EntryItem,
    FileChangeItem,
    IdleGapItem,
    MessageItem,
    ModelSwitchItem,
    SubagentItem,
    SubagentSummary,
    TimelineChange,
    TimelineItem,
    ToolCallItem,
)
from services.query.database import Connection, Kind, Prepare, as_it_is, fetch, fetch_by, rows
from services.query.queries.lists.events import prepare_texts
from services.query.queries.timeline.derived_items import IdleGap, LostSubagent, ModelSwitch, Outline, Thread
from services.query.queries.timeline.item_order import NO_TIME, sql_array, sql_times
from services.query.queries.timeline.page_keys import Slot, StoredItem
from services.query.queries.timeline.usage import UsageByTime
from shared.sql_files import SqlFile

PROMPT_CHARACTERS: Final = 300
# Rows of all other kinds are timeline entries.
_NO_ENTRIES: Final = ("message", "tool_call", "file_change")

_SQL: Final = SqlFile(__package__, "bodies.sql")


class Place(NamedTuple):
    """The fields with which every item begins, in their order (answers/timeline.py): `MessageItem(*place, kind="message", …)`."""

    id: str
    timestamp: datetime | None
    agent_id: str | None
    offset: int
    turn: int
    cost_usd_so_far: float | None
    tokens_so_far: int


class _Message(Struct):
    role: Literal["user", "assistant"]
    content: str
    model: str | None
    source: str | None


class _Call(Struct):
    tool_name: str
    parameters: Any
    result_status: Literal["success", "error", "rejected", "cancelled", "timeout", "pending"]
    error_class: str | None
    execution_time_ms: int | None
    duration_source: Literal["reported", "timestamps"] | None
    wait_ms: int | None
    result: ToolResult | None
    started_agent: str | None
    decision: Decided | None
    is_sandboxed: bool | None
    source: str | None


class _Entry(Struct):
    content: str
    details: Any
    source: str | None


class _Bodies(Struct):
    """What the items of a page have besides their places, by id. `changes_of` are those that a call made."""

    messages: dict[UUID, _Message]
    calls: dict[UUID, _Call]
    changes: dict[str, TimelineChange]
    changes_of: dict[str | None, list[TimelineChange]]
    entries: dict[UUID, _Entry]
    subagents: dict[str, SubagentSummary]


def read_items(
    connection: Connection, outline: Outline, usage: UsageByTime, slots: Sequence[Slot], places: Sequence[Place]
) -> list[TimelineItem]:
    """The items of some slots, each with its place, in their order."""
    bodies = _read_bodies(connection, outline, usage, slots)
    return [_item(slot, place, bodies) for slot, place in zip(slots, places, strict=True)]


def _item(slot: Slot, place: Place, bodies: _Bodies) -> TimelineItem:
    match slot:
        case StoredItem():
            return _stored_item(slot, place, bodies)
        case ModelSwitch():
            return ModelSwitchItem(*place, kind="model_switch", from_model=slot.from_model, to_model=slot.to_model)
        case IdleGap():
            return IdleGapItem(*place, kind="idle_gap", until=slot.until, seconds=(slot.until - slot.key[0]).total_seconds())
        case LostSubagent():
            return SubagentItem(*place, kind="subagent", subagent=bodies.subagents[slot.started_agent])


def _stored_item(slot: StoredItem, place: Place, bodies: _Bodies) -> TimelineItem:
    row_id = slot.key[2]
    match slot.kind:
        case "message":
            message = bodies.messages[row_id]
            return MessageItem(
                *place, kind="message", role=message.role, content=message.content, model=message.model, source=message.source
            )
        case "tool_call":
            call = bodies.calls[row_id]
            return ToolCallItem(
                *place,
                kind="tool_call",
                tool_name=call.tool_name,
                parameters=call.parameters,
                result_status=call.result_status,
                error_class=call.error_class,
                execution_time_ms=call.execution_time_ms,
                duration_source=call.duration_source,
                wait_ms=call.wait_ms,
                result=call.result,
                changes=bodies.changes_of.get(place.id, []),
                subagent=None if call.started_agent is None else bodies.subagents[call.started_agent],
                decision=call.decision,
                is_sandboxed=call.is_sandboxed,
                source=call.source,
            )
        case "file_change":
            change = bodies.changes[place.id]
            return FileChangeItem(
                *place,
                kind="file_change",
                file_path=change.file_path,
                action=change.action,
                lines_added=change.lines_added,
                lines_removed=change.lines_removed,
                is_estimated=change.is_estimated,
                patch=change.patch,
                patch_left_out_lines=change.patch_left_out_lines,
                tool_call_id=change.tool_call_id,
                source=change.source,
            )
        case kind:
            entry = bodies.entries[row_id]
            return EntryItem(*place, kind=kind, content=entry.content, details=entry.details, source=entry.source)


def _read_bodies(connection: Connection, outline: Outline, usage: UsageByTime, slots: Sequence[Slot]) -> _Bodies:
    stored = [slot for slot in slots if isinstance(slot, StoredItem)]
    alone = [slot.id for slot in stored if slot.kind == "file_change"]
    change_ids = [*alone, *(change for slot in stored for change in slot.changes)]
    changes = fetch(connection, TimelineChange, _SQL.changes, {"ids": sql_array(change_ids)}) if change_ids else []
    changes_of: dict[str | None, list[TimelineChange]] = defaultdict(list)
    for change in changes:
        changes_of[change.tool_call_id].append(change)
    calls = _by_id(connection, _Call, "tool_calls", [slot.key[2] for slot in stored if slot.kind == "tool_call"], prepare_texts)
    lost = [slot.started_agent for slot in slots if isinstance(slot, LostSubagent)]
    started = {*lost, *(call.started_agent for call in calls.values() if call.started_agent is not None)}
    return _Bodies(
        messages=_by_id(connection, _Message, "messages", [slot.key[2] for slot in stored if slot.kind == "message"]),
        calls=calls,
        changes={change.id: change for change in changes},
        changes_of=changes_of,
        entries=_by_id(connection, _Entry, "entries", [slot.key[2] for slot in stored if slot.kind not in _NO_ENTRIES]),
        subagents=_subagents(connection, outline, usage, sorted(started)),
    )


def _by_id(connection: Connection, kind: type[Kind], name: str, ids: Sequence[UUID], prepare: Prepare = as_it_is) -> dict[UUID, Kind]:
    return fetch_by(connection, kind, "id", _SQL[name], {"ids": sql_array(ids)}, prepare) if ids else {}


def _subagents(connection: Connection, outline: Outline, usage: UsageByTime, agent_ids: Sequence[str]) -> dict[str, SubagentSummary]:
    prompts = _first_prompts(connection, outline, agent_ids)
    found = {}
    for agent_id in agent_ids:
        thread, used = outline.threads.get(agent_id, Thread()), usage.of_thread(agent_id)
        found[agent_id] = SubagentSummary(
            agent_id=agent_id,
            items=thread.items,
            tool_calls=thread.tool_calls,
            cost_usd=used.cost_usd,
            tokens=used.total_tokens,
            first_time=thread.first_at,
            last_time=thread.last_at,
            prompt=prompts.get(agent_id),
        )
    return found


def _first_prompts(connection: Connection, outline: Outline, agent_ids: Sequence[str]) -> dict[str, str]:
    known = [agent_id for agent_id in agent_ids if agent_id in outline.threads]
    times = sql_times(outline.threads[agent_id].first_at or NO_TIME for agent_id in known)
    parameters = {
        "session_id": outline.view.session_id,
        "agent_ids": known,
        "times": times,
        "characters": PROMPT_CHARACTERS,
    }
    return {row["agent_id"]: row["prompt"] for row in rows(connection, _SQL.first_prompts, parameters)} if known else {}
