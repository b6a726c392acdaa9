"""The items of a page in full: texts, results, patches, and what a subagent did. Nothing is read of items that are not on the page."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from msgspec import Struct

from services.query.answers.answer import Answer
from services.query.answers.lists import SessionToolCall
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
from services.query.database import Connection, Row, fetch, rows
from services.query.queries.columns import COLUMNS
from services.query.queries.lists.events import stored_calls
from services.query.queries.timeline.derived_items import IdleGap, LostSubagent, ModelSwitch, Outline, Thread
from services.query.queries.timeline.item_order import NO_TIME, sql_array, sql_times
from services.query.queries.timeline.page_keys import Slot, StoredItem
from services.query.queries.timeline.usage import UsageByTime
from shared.sql_files import SqlFile

PROMPT_CHARACTERS: Final = 300
# Rows of all other kinds are timeline entries.
_NO_ENTRIES: Final = ("message", "tool_call", "file_change")

_SQL: Final = SqlFile(__package__, "bodies.sql", **COLUMNS)


class Place(NamedTuple):
    """The fields with which every item begins, in their order (answers/timeline.py): `MessageItem(*place, kind="message", …)`."""

    id: str
    timestamp: datetime | None
    agent_id: str | None
    offset: int
    turn: int
    cost_usd_so_far: float | None
    tokens_so_far: int


class _Bodies(Struct):
    """The contents of a page's items, by id. `changes_of`: changes by the id of the call that made them."""

    messages: dict[UUID, Row]
    calls: dict[UUID, SessionToolCall]
    changes: dict[str, TimelineChange]
    changes_of: dict[str | None, list[TimelineChange]]
    entries: dict[UUID, Row]
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
            return MessageItem(*place, kind="message", **bodies.messages[row_id])
        case "tool_call":
            call = bodies.calls[row_id]
            return ToolCallItem(
                *place,
                kind="tool_call",
                changes=bodies.changes_of.get(place.id, []),
                subagent=None if call.started_agent is None else bodies.subagents[call.started_agent],
                **_shared(call, ToolCallItem),
            )
        case "file_change":
            return FileChangeItem(*place, kind="file_change", **_shared(bodies.changes[place.id], FileChangeItem))
        case kind:
            return EntryItem(*place, kind=kind, **bodies.entries[row_id])


def _shared(stored: Answer, item: type[Answer]) -> Row:
    """The fields that an item has from another answer."""
    return {name: getattr(stored, name) for name in _names_in_both(type(stored), item)}


@cache
def _names_in_both(stored: type[Answer], item: type[Answer]) -> list[str]:
    known = set(stored.__struct_fields__) - set(Place._fields)
    return [name for name in item.__struct_fields__ if name in known]


def _read_bodies(connection: Connection, outline: Outline, usage: UsageByTime, slots: Sequence[Slot]) -> _Bodies:
    stored = [slot for slot in slots if isinstance(slot, StoredItem)]
    alone = [slot.id for slot in stored if slot.kind == "file_change"]
    change_ids = [*alone, *(change for slot in stored for change in slot.changes)]
    changes = fetch(connection, TimelineChange, _SQL.changes, {"ids": sql_array(change_ids)}) if change_ids else []
    changes_of: dict[str | None, list[TimelineChange]] = defaultdict(list)
    for change in changes:
        changes_of[change.tool_call_id].append(change)
    call_ids = [slot.key[2] for slot in stored if slot.kind == "tool_call"]
    calls = stored_calls(connection, sql_array(call_ids)) if call_ids else {}
    lost = [slot.started_agent for slot in slots if isinstance(slot, LostSubagent)]
    started = {*lost, *(call.started_agent for call in calls.values() if call.started_agent is not None)}
    return _Bodies(
        messages=_by_id(connection, "messages", [slot.key[2] for slot in stored if slot.kind == "message"]),
        calls=calls,
        changes={change.id: change for change in changes},
        changes_of=changes_of,
        entries=_by_id(connection, "entries", [slot.key[2] for slot in stored if slot.kind not in _NO_ENTRIES]),
        subagents=_subagents(connection, outline, usage, sorted(started)),
    )


def _by_id(connection: Connection, name: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
    return {row.pop("id"): row for row in rows(connection, _SQL[name], {"ids": sql_array(ids)})} if ids else {}


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
