"""What exports say about a session and its items, in words: times, durations, costs, and a tool call in one line."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from services.query.database import Row
from services.query.export.plain_text import one_line, plain
from shared.quantities import counted, day_text, duration, minutes
from shared.terms import error_class_label

# A tool call is described by the first of these parameters that it has.
_TELLING: Final = ("command", "file_path", "pattern", "path", "query", "url", "description", "prompt", "skill", "notebook_path")
_MOST_CHARACTERS: Final = 160
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


def cost(session: Row) -> str | None:
    """`$1.23`; with a + if not every call has a price. None if no price is known."""
    if session["cost_usd"] is None:
        return None
    return f"${session['cost_usd']:,.2f}" + ("+" if session["unpriced_calls"] else "")


def title(session: Row) -> str:
    """The session's title in one line, or else its id."""
    return one_line(session["title"] or "", 200) or f"Session {plain(session['session_id'])}"


def facts(session: Row, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """What stands at the head of an export: names and values."""
    known = (("Project", session["project_name"]), ("Branch", session["git_branch"]), ("Person", session["user"]))
    yield from ((name, one_line(str(value), 200)) for name, value in known if value)
    if session["start_time"]:
        until = session["end_time"]
        yield "Time", local_time(session["start_time"], zone) + (f" – {local_time(until, zone)}" if until else "") + f" ({zone.key})"
    yield "Active", minutes(session["active_minutes"])
    if session["models"]:
        yield ("Model" if len(session["models"]) == 1 else "Models"), ", ".join(one_line(each, 100) for each in session["models"])
    if (paid := cost(session)) is not None:
        yield "Cost", paid
    tokens = sum(session[f"{kind}_tokens"] for kind in ("input", "output", "cache_creation", "cache_read"))
    if tokens:
        yield "Tokens", f"{tokens:,}"
    failed = f", {session['tool_errors_count']:,} failed" if session["tool_errors_count"] else ""
    work = [counted(session["messages_count"], "message"), counted(session["tool_calls_count"], "tool call") + failed]
    if session["files_modified_count"]:
        changed = lines_changed(session["lines_added"], session["lines_removed"])
        work.append(f"{counted(session['files_modified_count'], 'file')} changed, {changed} lines")
    yield "Work", " · ".join(work)
    yield "Session", one_line(session["session_id"], 200)


def parameters_of(call: Row) -> Any:
    """A call's parameters as a value; None if there are none."""
    raw = call["parameters"]
    return msgspec.json.decode(raw) if isinstance(raw, msgspec.Raw) else raw


def call_summary(parameters: Any) -> str:
    """A tool call's parameters in one line."""
    if not isinstance(parameters, dict):
        return ""
    return one_line(next((str(parameters[key]) for key in _TELLING if parameters.get(key)), ""), _MOST_CHARACTERS)


def outcome(call: Row) -> str:
    """`✓`, `✗`, `✗ rejected`"""
    return _OUTCOMES.get(call["result_status"], one_line(call["result_status"], 40))


def details(call: Row) -> list[str]:
    """Why a call failed, how long it took, and which files it changed."""
    found = [] if call["error_class"] is None else [one_line(error_class_label(call["error_class"]), 60)]
    if call["execution_time_ms"] is not None:
        found.append(duration(call["execution_time_ms"]))
    found += [lines_changed(change["lines_added"], change["lines_removed"]) for change in call["changes"]]
    return found


def media(result: Row | None) -> list[str]:
    """What a call gave back besides text: `image/png, 12,345 bytes`"""
    return [f"{one_line(str(each['type']), 60)}, {counted(each['bytes'], 'byte')}" for each in (result["media"] if result else ())]


def left_out(result: Row) -> str | None:
    """The sentence in place of the characters that were not kept."""
    number = result["left_out_characters"]
    return f"… {counted(number, 'character')} left out …" if number else None


def result_text(result: Row) -> str:
    """What a call gave back, with a line where something was left out."""
    note, at = left_out(result), result["cut_at_character"]
    text: str = result["text"]
    if note is None:
        return plain(text)
    at = len(text) if at is None else at
    return plain(f"{text[:at].rstrip()}\n{note}\n{text[at:].lstrip()}")


def subagent_line(subagent: Row) -> str:
    """`12 items, 4 tool calls, $0.12: what it was asked`"""
    parts = [counted(subagent["items"], "item"), counted(subagent["tool_calls"], "tool call")]
    if subagent["cost_usd"] is not None:
        parts.append(f"${subagent['cost_usd']:,.2f}")
    prompt = one_line(subagent["prompt"] or "", 120)
    return ", ".join(parts) + (f": {prompt}" if prompt else "")


def entry(row: Row) -> tuple[str, str]:
    """The name and the text of an item that is neither said nor called."""
    given = row.get("details") or {}
    match row["kind"]:
        case "model_switch":
            return "Model", f"{row['from_model']} → {row['to_model']}"
        case "idle_gap":
            return f"{duration(row['seconds'] * 1_000)} later", ""
        case "subagent":
            return "Subagent", subagent_line(row["subagent"])
        case "compaction":
            facts_of = [given.get("trigger"), f"{given['tokens_before']:,} tokens before" if given.get("tokens_before") else None]
            return "Compaction", ", ".join(each for each in facts_of if each) or row["content"]
        case "compaction_summary":
            return "Summary of what was before", row["content"]
        case "command":
            return "Command", row["content"]
        case "command_output":
            return "Output", row["content"]
        case "interruption":
            return "Interrupted", row["content"].strip("[]")
        case "api_error":
            return "Error of the API", row["content"]
    return "Notice", row["content"]
