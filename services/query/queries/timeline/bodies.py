"""The items of a page in full: texts, results, patches, and what a subagent did. Nothing is read of items that are not on the page."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec

from services.query.database import Connection, Row, rows
from services.query.queries.timeline.derived_items import SUBAGENT, Outline
from services.query.queries.timeline.item_order import NO_TIME, sql_array, sql_times
from services.query.queries.timeline.page_keys import Slot
from services.query.queries.timeline.usage import Usage, UsageByTime
from shared.sql_files import statement

PROMPT_CHARACTERS: Final = 300

_sql = partial(statement, __package__, "bodies.sql")


def read_bodies(connection: Connection, outline: Outline, usage: UsageByTime, slots: Sequence[Slot]) -> list[Row]:
    """What each item has besides the fields of all items, in the order of the slots."""
    messages = _by_id(connection, "messages", (slot.key[2] for slot in slots if slot.kind == "message"))
    calls = _by_id(connection, "tool_calls", (slot.key[2] for slot in slots if slot.kind == "tool_call"))
    alone = [slot.key[2] for slot in slots if slot.kind == "file_change"]
    changes = _by_id(connection, "changes", [*alone, *(change for slot in slots for change in slot.changes)])
    kinds = ("message", "tool_call", "file_change")
    entries = _by_id(connection, "entries", (slot.key[2] for slot in slots if slot.derived is None and slot.kind not in kinds))
    subagents = _subagents(connection, outline, usage, slots, calls)
    return [
        _derived(slot, subagents) if slot.derived is not None
        else messages[slot.key[2]] if slot.kind == "message"
        else _call(calls[slot.key[2]], [changes[each] for each in changes if each in slot.changes], subagents) if slot.kind == "tool_call"
        else changes[slot.key[2]] if slot.kind == "file_change"
        else entries[slot.key[2]]
        for slot in slots
    ]  # fmt: skip


def _by_id(connection: Connection, name: str, ids: Iterable[UUID]) -> dict[UUID, Row]:
    wanted = list(ids)
    found = rows(connection, _sql(name), {"ids": sql_array(wanted)}) if wanted else []
    return {row["id"]: row for row in found}


def _call(row: Row, changes: Iterable[Row], subagents: dict[str, Row]) -> Row:
    result = {
        "text": row.pop("result_text"),
        "left_out_characters": row.pop("result_left_out") or 0,
        "cut_at_character": row.pop("result_cut_at"),
        "media": row.pop("result_media") or [],
    }
    started = row.pop("started_agent")
    # The text as it was sent, not parsed and serialized again.
    row["parameters"] = msgspec.Raw(row["parameters"].encode()) if row["parameters"] is not None else None
    row["result"] = None if result["text"] is None and not result["media"] else result | {"text": result["text"] or ""}
    row["changes"] = list(changes)
    row["subagent"] = None if started is None else subagents[started]
    return row


def _derived(slot: Slot, subagents: dict[str, Row]) -> Row:
    assert slot.derived is not None
    return {"subagent": subagents[slot.derived.about["started_agent"]]} if slot.kind == SUBAGENT else slot.derived.shown()


def _subagents(
    connection: Connection, outline: Outline, usage: UsageByTime, slots: Sequence[Slot], calls: dict[UUID, Row]
) -> dict[str, Row]:
    """The summaries of all subagents that the page names."""
    lost = [slot.derived.about["started_agent"] for slot in slots if slot.derived is not None and slot.kind == SUBAGENT]
    named = sorted({*lost, *(row["started_agent"] for row in calls.values() if row["started_agent"] is not None)})
    if not named:
        return {}
    prompts = _first_prompts(connection, outline, named)
    return {agent_id: _subagent(outline, usage.of_thread(agent_id), agent_id, prompts.get(agent_id)) for agent_id in named}


def _subagent(outline: Outline, used: Usage, agent_id: str, prompt: str | None) -> Row:
    thread = outline.threads.get(agent_id)
    summary: dict[str, Any] = {
        "agent_id": agent_id,
        "items": thread.items if thread else 0,
        "tool_calls": thread.tool_calls if thread else 0,
        "first_time": thread.first_at if thread else None,
        "last_time": thread.last_at if thread else None,
        "prompt": prompt,
    }
    return summary | {"cost_usd": used.cost_usd, "tokens": used.total_tokens}


def _first_prompts(connection: Connection, outline: Outline, agent_ids: Sequence[str]) -> dict[str, str]:
    known = [agent_id for agent_id in agent_ids if agent_id in outline.threads]
    times = sql_times(outline.threads[agent_id].first_at or NO_TIME for agent_id in known)
    parameters = {
        "session_id": outline.view.session_id,
        "agent_ids": known,
        "times": times,
        "characters": PROMPT_CHARACTERS,
    }
    return {row["agent_id"]: row["prompt"] for row in rows(connection, _sql("first_prompts"), parameters)} if known else {}
