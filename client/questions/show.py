"""`tracker show`: what came of a session, and all of it from beginning to end. A person reads the server's export as Markdown; a program gets JSON or CSV."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.rule import Rule
from rich.text import Text

from client.options import At
from client.output.console import Console, console, paged
from client.output.local_time import local_zone
from client.output.terminal import write_json
from client.questions import cells
from client.questions.export_text import export_lines, write_text
from client.questions.lookup import Item, pages, session
from client.questions.outcome import outcome_of, write_outcome
from client.questions.output import Format, Output, write_csv
from client.questions.period import Zone
from shared.sessions.telling_parameters import TELLING_PARAMETERS

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
_MOST_CHARACTERS: Final = 160
# Wider lines are hard to read.
_WIDTH: Final = 100
_COUNTED: Final = ("messages", "tool_calls", "activities")
_SPEAKERS: Final = {"## You ": "bold green", "## Claude ": "bold cyan"}


def show(
    name: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, or its beginning; `tracker sessions` has them.")],
    no_tools: Annotated[bool, typer.Option("--no-tools", help="Leave out tool calls and file changes.")] = False,
    outcome: Annotated[bool, typer.Option("--outcome", help="Show what came of it alone, and why it cost what it cost.")] = False,
    tools: Annotated[bool, typer.Option("--tools", help="Show tool calls with input, diff and output.")] = False,
    thinking: Annotated[bool, typer.Option("--thinking", help="Show Claude's thinking, where it was kept.")] = False,
    tz: Zone = None,
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Shows what came of a session, then all of it.

    It opens with ask, answer, commits, tests, files, failures and the reasons of the cost. Then it has the messages, the tool calls and the file changes,
    in the order of time. On a terminal it opens in a pager.
    """
    wanted, zone = form.format, local_zone(tz)
    if tools and no_tools:
        raise typer.BadParameter("--tools and --no-tools exclude each other")
    if outcome and (wanted is Format.CSV or tools or no_tools or thinking):
        raise typer.BadParameter("--outcome goes with --json and --tz alone")
    if thinking and wanted is not Format.TABLE:
        raise typer.BadParameter("--thinking is for people; `tracker export SESSION --format json --thinking` has it for programs")
    server = at.server()
    found = session(server, name)
    if outcome:
        told = outcome_of(server, found["session_id"], zone)
        if wanted is Format.JSON:
            write_json(told)
        else:
            write_outcome(console(most=_WIDTH), told)
        return
    if wanted is Format.TABLE:
        options = {
            "tools": "none" if no_tools else "full" if tools else "lines",
            "include_thinking": "true" if thinking else None,
            "tz": zone,
        }
        with export_lines(server, found["session_id"], {"format": "markdown", **options}) as lines:
            _show(console(most=_WIDTH), outcome_of(server, found["session_id"], zone), lines)
        return
    of_session = {"session_id": found["session_id"]}
    messages = list(pages(server, "/api/conversations", of_session))
    with_results = {"include_result": "true"} if tools else {}
    calls = [] if no_tools else list(pages(server, f"/api/tool-calls/session/{quote(found['session_id'], safe='')}", with_results))
    changes = [] if no_tools else list(pages(server, "/api/activities", of_session))
    if wanted is Format.JSON:
        write_json({"session": found} | dict(zip(_COUNTED, (messages, calls, changes), strict=True)))
    else:
        write_csv(_in_order(messages, calls, changes), FIELDS)


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
    named = next((str(parameters[key]) for key in TELLING_PARAMETERS if parameters.get(key)), "")
    return cells.cut(" ".join(named.split()), _MOST_CHARACTERS)


def _show(out: Console, outcome: Item, lines: Iterator[str]) -> None:
    """Markdown as it is into a pipe; on a terminal in a pager, with the outcome first, and colours where it has them."""
    if not out.is_terminal:
        write_text(lines)
        return
    # Only a session on a terminal needs Markdown, and through it pygments; the import would cost every command 22 ms.
    from rich.markdown import Markdown  # noqa: PLC0415

    with paged(out):
        write_outcome(out, outcome)
        for head, body in _sections(lines):
            if head:
                style = next((style for start, style in _SPEAKERS.items() if head.startswith(start)), "bold")
                out.print()
                out.print(Rule(Text(head.lstrip("# ").rstrip(), style=style), align="left", style="dim"))
            out.print(Markdown(body, hyperlinks=False))


def _sections(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The parts of an export: the line of who speaks, empty for the first part, and what follows. Lines inside code begin no part."""
    head, fence = "", ""
    body: list[str] = []
    for line in lines:
        stripped = line.strip()
        if fence:
            if stripped.startswith(fence) and not stripped.strip(fence[0]):
                fence = ""
        elif line.startswith(("```", "~~~")):
            fence = stripped[: len(stripped) - len(stripped.lstrip(stripped[0]))]
        elif line.startswith(tuple(_SPEAKERS)):
            yield head, "".join(body)
            head, body = line, []
            continue
        body.append(line)
    yield head, "".join(body)
