"""The words of exports on a session and its items: times, durations, costs, and a tool call in one line."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Literal, assert_never
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from services.query.answers.lists import Session, ToolResult
from services.query.answers.timeline import (
    EntryItem,
    FileChangeItem,
    IdleGapItem,
    ModelSwitchItem,
    SubagentItem,
    SubagentSummary,
    ToolCallItem,
)
from services.query.answers.tool_calls import FileChange
from services.query.export.plain_text import one_line, plain
from shared.quantities import counted, day_text, duration, minutes
from shared.sessions.telling_parameters import TELLING_PARAMETERS
from shared.terms import error_class_label


class ExportedSession(Session, kw_only=True):
    """A session as in /api/sessions/{id}, with what only exports say of it. `models`: the most used first, at most 10."""

    models: list[str]
    project_path: str | None


Tools = Literal["none", "lines", "full"]


class Options(Struct, frozen=True):
    """`tools`: tool calls left out, a line for each, or with input, diff and output. Thinking is left out before, if it is not asked for."""

    tools: Tools
    zone: ZoneInfo


_MOST_CHARACTERS: Final = 160
# A file change, below its call or an item by itself.
Change = FileChange | FileChangeItem
# Items that are neither said nor called.
Entry = EntryItem | ModelSwitchItem | IdleGapItem | SubagentItem

_OUTCOMES: Final = {
    "success": "✓",
    "error": "✗",
    "rejected": "✗ rejected",
    "timeout": "✗ timed out",
    "cancelled": "✗ cancelled",
    "pending": "… no result",
}


def local_time(at: datetime | None, zone: ZoneInfo) -> str:
    """`Mon 16 Feb 2026 14:05` in the zone, in English everywhere; empty for None."""
    if at is None:
        return ""
    there = at.astimezone(zone)
    return f"{day_text(there)} {there:%H:%M}"


def lines_changed(added: int, removed: int) -> str:
    """`+12 −3`"""
    return f"+{added:,} −{removed:,}"


def cost(session: ExportedSession) -> str | None:
    """`$1.23`; with a + if not every call has a price. None if no price is known."""
    if session.cost_usd is None:
        return None
    return f"${session.cost_usd:,.2f}" + ("+" if session.unpriced_calls else "")


def title(session: ExportedSession) -> str:
    """The session's title in one line, or else its id."""
    return one_line(session.title or "", 200) or f"Session {plain(session.session_id)}"


def facts(session: ExportedSession, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """The head of an export: names and values."""
    known = (("Project", session.project_name), ("Branch", session.git_branch), ("Person", session.user))
    yield from ((name, one_line(value, 200)) for name, value in known if value)
    if session.start_time:
        until = session.end_time
        yield "Time", local_time(session.start_time, zone) + (f" – {local_time(until, zone)}" if until else "") + f" ({zone.key})"
    yield "Active", minutes(session.active_minutes)
    if session.models:
        yield ("Model" if len(session.models) == 1 else "Models"), ", ".join(one_line(each, 100) for each in session.models)
    if (paid := cost(session)) is not None:
        yield "Cost", paid
    tokens = session.input_tokens + session.output_tokens + session.cache_creation_tokens + session.cache_read_tokens
    if tokens:
        yield "Tokens", f"{tokens:,}"
    failed = f", {session.tool_errors_count:,} failed" if session.tool_errors_count else ""
    work = [counted(session.messages_count, "message"), counted(session.tool_calls_count, "tool call") + failed]
    if session.files_modified_count:
        changed = lines_changed(session.lines_added, session.lines_removed)
        work.append(f"{counted(session.files_modified_count, 'file')} changed, {changed} lines")
    yield "Work", " · ".join(work)
    yield "Session", one_line(session.session_id, 200)


def parameters_of(call: ToolCallItem) -> Any:
    """A call's parameters as a value; None without any."""
    raw = call.parameters
    return msgspec.json.decode(raw) if isinstance(raw, msgspec.Raw) else raw


def call_summary(parameters: Any) -> str:
    """A tool call's parameters in one line."""
    if not isinstance(parameters, dict):
        return ""
    return one_line(next((str(parameters[key]) for key in TELLING_PARAMETERS if parameters.get(key)), ""), _MOST_CHARACTERS)


def outcome(call: ToolCallItem) -> str:
    """`✓`, `✗`, `✗ rejected`"""
    return _OUTCOMES[call.result_status]


def details(call: ToolCallItem) -> list[str]:
    """Why a call failed, how long it took, and which files it changed."""
    found = [] if call.error_class is None else [one_line(error_class_label(call.error_class), 60)]
    if call.execution_time_ms is not None:
        found.append(duration(call.execution_time_ms))
    found += [lines_changed(change.lines_added, change.lines_removed) for change in call.changes]
    return found


def media(result: ToolResult) -> list[str]:
    """The parts of a call's result besides text: `image/png, 12,345 bytes`"""
    return [f"{one_line(each.type, 60)}, {counted(each.bytes, 'byte')}" for each in result.media]


def left_out(result: ToolResult) -> str | None:
    """The sentence in place of the characters that were not kept."""
    number = result.left_out_characters
    return f"… {counted(number, 'character')} left out …" if number else None


def result_text(result: ToolResult) -> str:
    """The result of a call, with a line where something was left out."""
    note, at, text = left_out(result), result.cut_at_character, result.text
    if note is None:
        return plain(text)
    at = len(text) if at is None else at
    return plain(f"{text[:at].rstrip()}\n{note}\n{text[at:].lstrip()}")


def subagent_line(subagent: SubagentSummary) -> str:
    """`12 items, 4 tool calls, $0.12: what it was asked`"""
    parts = [counted(subagent.items, "item"), counted(subagent.tool_calls, "tool call")]
    if subagent.cost_usd is not None:
        parts.append(f"${subagent.cost_usd:,.2f}")
    prompt = one_line(subagent.prompt or "", 120)
    return ", ".join(parts) + (f": {prompt}" if prompt else "")


def is_queued_prompt(entry: EntryItem) -> bool:
    """Whether it is a prompt that a person wrote while Claude worked."""
    return entry.kind == "notice" and (entry.details or {}).get("type") == "queued_prompt"


def entry(item: Entry) -> tuple[str, str]:
    """Its name and its text."""
    match item:
        case EntryItem():
            return _stored_entry(item)
        case ModelSwitchItem():
            return "Model", f"{item.from_model} → {item.to_model}"
        case IdleGapItem():
            return f"{duration(item.seconds * 1_000)} later", ""
        case SubagentItem():
            return "Subagent", subagent_line(item.subagent)
        case _:
            assert_never(item)


def _stored_entry(entry: EntryItem) -> tuple[str, str]:
    match entry.kind:
        case "compaction":
            given = entry.details or {}
            facts_of = [given.get("trigger"), f"{given['tokens_before']:,} tokens before" if given.get("tokens_before") else None]
            return "Compaction", ", ".join(each for each in facts_of if each) or entry.content
        case "compaction_summary":
            return "Summary of what was before", entry.content
        case "command":
            return "Command", entry.content
        case "command_output":
            return "Output", entry.content
        case "interruption":
            return "Interrupted", entry.content.strip("[]")
        case "api_error":
            return "Error of the API", entry.content
        case "notice" | "thinking":
            return "Notice", entry.content
        case kind:
            assert_never(kind)
