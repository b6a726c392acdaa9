"""`tracker show`: one session from beginning to end, as a conversation."""

import os
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from client.display import Quiet
from client.local_time import local_time, local_zone
from client.options import DEFAULT_URL, Token, Url, failures_as_exit_codes, server_at
from client.phrases import counted
from client.questions import cells
from client.questions.lookup import Item, pages, session
from client.questions.output import AsCsv, AsJson, Format, console, format_of, write_csv, write_json
from client.questions.period import Zone

FIELDS: Final = (
    "timestamp",
    "kind",
    "role",
    "agent_id",
    "tool_name",
    "result_status",
    "execution_time_ms",
    "file_path",
    "action",
    "lines_added",
    "lines_removed",
    "text",
)
# A tool call is described by the first of these parameters that it has.
_TELLING: Final = ("command", "file_path", "pattern", "path", "query", "url", "description", "prompt", "skill", "notebook_path")
_MOST_CHARACTERS: Final = 160
# Wider lines are hard to read.
_WIDTH: Final = 100
_SIGNS: Final = {"success": ("✓", "green"), "error": ("✗", "red"), "rejected": ("✗ rejected", "red"), "timeout": ("✗ timed out", "red")}
_COUNTED: Final = ("messages", "tool_calls", "activities")


def show(
    name: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, or its beginning; `tracker sessions` has them.")],
    no_tools: Annotated[bool, typer.Option("--no-tools", help="Leave out tool calls and file changes.")] = False,
    tz: Zone = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Shows a session from beginning to end.

    It has the messages, the tool calls and the file changes, in the order of time.
    """
    wanted, zone = format_of(as_json, as_csv), local_zone(tz)
    with failures_as_exit_codes():
        server = server_at(url, token, Quiet())
        found = session(server, name)
        of_session = {"session_id": found["session_id"]}
        messages = list(pages(server, "/api/conversations", of_session))
        calls = [] if no_tools else list(pages(server, f"/api/tool-calls/session/{quote(found['session_id'], safe='')}", {}))
        changes = [] if no_tools else list(pages(server, "/api/activities", of_session))
        if wanted is Format.JSON:
            write_json({"session": found} | dict(zip(_COUNTED, (messages, calls, changes), strict=True)))
            return
        events = _in_order(messages, calls, changes)
        if wanted is Format.CSV:
            write_csv(events, FIELDS)
            return
        out = console(most=_WIDTH)
        # `less` shows colours, ends at once if all fits on a page, and leaves the text on the screen.
        os.environ.setdefault("LESS", "-RFX")
        with out.pager(styles=out.color_system is not None) if out.is_terminal else nullcontext():
            _head(out, found, zone)
            for event in events:
                _show_event(out, event, zone)


def _in_order(messages: list[Item], calls: list[Item], changes: list[Item]) -> list[dict[str, Any]]:
    """All of a session by time; what happened at the same time in the order: said, called, changed."""
    said = [{"kind": "message", "text": each["content"], **each} for each in messages]
    called = [{"kind": "tool_call", "text": _told(each.get("parameters")), **each} for each in calls]
    changed = [{"kind": "file_change", "text": None, **each} for each in changes]
    return sorted((*said, *called, *changed), key=lambda each: each["timestamp"] or "")


def _told(parameters: Any) -> str:
    """A tool call's parameters in one line."""
    if not isinstance(parameters, dict):
        return ""
    named = next((str(parameters[key]) for key in _TELLING if parameters.get(key)), "")
    line = " ".join(named.split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[: _MOST_CHARACTERS - 1]}…"


def _head(out: Console, found: Item, zone: str) -> None:
    out.print(Text(found["title"] or f"Session {found['session_id']}", style="bold"))
    facts = [found["project_name"], found["user"], found["git_branch"], found["model"]]
    out.print(Text(_in_lines([str(fact) for fact in facts if fact], out.width), style="cyan"))
    out.print(Text(_in_lines(_facts(found, zone), out.width), style="dim"))
    out.print(Text(found["session_id"], style="dim"))


def _in_lines(facts: Iterable[str], width: int) -> str:
    """The facts side by side; a line ends between two of them, not inside one."""
    lines = [""]
    for fact in facts:
        if lines[-1] and cell_len(lines[-1]) + 2 + cell_len(fact) > width:
            lines.append("")
        lines[-1] += f"  {fact}" if lines[-1] else fact
    return "\n".join(lines)


def _facts(found: Item, zone: str) -> Iterator[str]:
    yield local_time(found["start_time"], zone)
    yield f"{cells.minutes(found['active_minutes'])} active"
    yield counted(found["messages_count"], "message")
    yield counted(found["tool_calls_count"], "tool call")
    if found["lines_added"] or found["lines_removed"]:
        yield f"{cells.lines(found['lines_added'], found['lines_removed'])} lines"
    if found["cost_usd"] is not None:
        yield cells.usd(found["cost_usd"], found["unpriced_calls"])


def _show_event(out: Console, event: dict[str, Any], zone: str) -> None:
    indent = 4 if event.get("agent_id") else 0
    if event["kind"] == "message":
        if not event["text"].strip():
            # Claude only called tools.
            return
        who = "You" if event["role"] == "user" else "Claude"
        style = "bold green" if event["role"] == "user" else "bold cyan"
        out.print()
        out.print(
            Padding(Rule(Text(f"{who}  {local_time(event['timestamp'], zone)}", style=style), align="left", style="dim"), (0, 0, 0, indent))
        )
        out.print(Padding(_body(out, event), (0, 0, 0, indent)))
    elif event["kind"] == "tool_call":
        sign, style = _SIGNS.get(event["result_status"], (event["result_status"], "yellow"))
        line = Text(f"  {event['tool_name']}  ", style="dim bold").append(event["text"], style="dim").append(f"  {sign}", style=style)
        if event["execution_time_ms"] is not None:
            line.append(f" {cells.milliseconds(event['execution_time_ms'])}", style="dim")
        out.print(Padding(line, (0, 0, 0, indent)))
    else:
        lines = cells.lines(event["lines_added"], event["lines_removed"])
        out.print(Padding(Text(f"  {event['action']} {event['file_path']}  {lines}", style="dim"), (0, 0, 0, indent)))


def _body(out: Console, event: dict[str, Any]) -> RenderableType:
    """A message's text. Claude writes Markdown; a pipe gets it as it is."""
    if not out.is_terminal or event["role"] != "assistant":
        return Text(event["text"])
    # Only a session on a terminal needs Markdown, and through it pygments; the import would cost every command 22 ms.
    from rich.markdown import Markdown  # noqa: PLC0415

    return Markdown(event["text"])
