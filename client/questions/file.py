"""`tracker file`: who changed a file, when, and what the person had asked for."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from client.http.server import Server
from client.options import At
from client.output.console import Console, Indented, console, paged
from client.output.local_time import local_time
from client.output.terminal import write_json
from client.questions import cells
from client.questions.filters import Filters
from client.questions.lists import Limit
from client.questions.lookup import PAGE, Item, answers, get, short_session_id
from client.questions.output import Format, Output, write_csv
from client.questions.period import Days
from shared.quantities import counted

FIELDS: Final = (
    "timestamp", "file_path", "action", "lines_added", "lines_removed", "is_estimated", "user", "session_id", "session_title",
    "project_name", "agent_id", "tool_call_id", "prompt", "patch",
)  # fmt: skip
# Wider lines are hard to read.
_WIDTH: Final = 100
_MOST_SUGGESTED: Final = 10
_STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}


def file_history(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file, a folder, or a beginning of paths that ends in *.")],
    patch: Annotated[bool, typer.Option("--patch", "-p", help="Show the diff of each change.")] = False,
    chosen: Filters = Filters(),
    days: Days = Days(),
    limit: Limit = 20,
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Shows who changed a file, when, and what for.

    Every change of all sessions and machines, newest first, with the prompt that led to it. A relative path begins in the current
    folder, or with --project in that project's.
    """
    wanted, zone = form.format, days.zone
    period = days.period()
    server = at.server()
    filters = chosen.of(server) | period.parameters()
    asked = _asked(path, is_in_project=chosen.project is not None)
    found = _history(server, filters | {"path": asked}, limit)
    if wanted is Format.JSON:
        write_json(found)
    elif wanted is Format.CSV:
        write_csv((each | {"prompt": (each["prompt"] or {}).get("text")} for each in found["items"]), FIELDS)
    elif not found["items"]:
        _suggest(server, path, asked)
    else:
        _show(found, asked, zone, with_patch=patch)


def _asked(path: str, *, is_in_project: bool) -> str:
    """The path as the API takes it: from the root, unless a project is named. A folder is everything in it."""
    beginning, star = (path[:-1], "*") if path.endswith("*") else (path, "")
    if is_in_project and not os.path.isabs(beginning):
        return path if star or not path.endswith("/") else f"{path}*"
    absolute = os.path.abspath(os.path.expanduser(beginning))
    is_folder = beginning.endswith(("/", os.sep)) or (not star and Path(absolute).is_dir())
    return f"{absolute}{os.sep if is_folder else ''}{star or ('*' if is_folder else '')}"


def _history(server: Server, filters: Item, most: int) -> Item:
    """The first page, with the items of as many more as it takes."""
    read = answers(server, "/api/files/history", filters, most, page=PAGE)
    found = next(read)
    for page in read:
        found["items"] += page["items"]
        found["next_cursor"] = page["next_cursor"]
    return found


def _suggest(server: Server, path: str, asked: str) -> None:
    """Says that nothing is known, and which files end alike: on another machine the same file has another path."""
    typer.echo(f"No changes of {asked} are known.")
    name = path.rstrip("*/").replace("\\", "/").rpartition("/")[2]
    if name.strip(". "):
        others = get(server, "/api/files", {"contains": name[:400], "limit": _MOST_SUGGESTED})["items"]
        if others:
            typer.echo("Files with a similar path:")
            for each in others:
                typer.echo(f"  {each['file_path']}  ({counted(each['changes'], 'change')})")


def _show(found: Item, asked: str, zone: str, *, with_patch: bool) -> None:
    out = console(most=_WIDTH)
    with paged(out):
        summary = found["summary"]
        # A path is not broken, so that it can be copied.
        out.print(Text(asked, style="bold"), soft_wrap=True)
        out.print(Text(_in_words(summary, zone), style="dim"))
        for change in found["items"]:
            _show_change(out, change, zone, with_path=summary["files"] > 1, with_patch=with_patch)
        if found["next_cursor"]:
            out.print(Text(f"\nThese are the newest {len(found['items'])}; --limit shows more.", style="dim"))


def _in_words(summary: Item, zone: str) -> str:
    more = "" if summary["is_complete"] else " or more"
    parts = [f"{counted(summary['changes'], 'change')}{more}"]
    if summary["files"] > 1:
        parts.append(counted(summary["files"], "file"))
    parts += [counted(summary["sessions"], "session"), counted(summary["people"], "person", "people")]
    parts.append(f"{cells.lines(summary['lines_added'], summary['lines_removed'])} lines")
    if summary["first_change"]:
        parts.append(f"{local_time(summary['first_change'], zone)} to {local_time(summary['last_change'], zone)}")
    return ", ".join(parts)


def _show_change(out: Console, change: Item, zone: str, *, with_path: bool, with_patch: bool) -> None:
    head = Text("\n").append(local_time(change["timestamp"], zone), style="bold cyan").append(f"  {change['action']}  ")
    head.append(cells.lines(change["lines_added"], change["lines_removed"]))
    if change["user"]:
        head.append(f"  {change['user']}")
    if change["session_id"]:
        head.append(f"  {short_session_id(change['session_id'])}", style="dim")
    if change["agent_id"]:
        head.append("  by a subagent", style="dim")
    out.print(head)
    if with_path:
        out.print(Text(f"  {change['file_path']}", style="bold"), soft_wrap=True)
    if change["prompt"]:
        out.print(Indented(Text(_one_line(change["prompt"])), 2))
    if with_patch and change["patch"]:
        _show_patch(out, change)


def _one_line(prompt: Item) -> str:
    line = " ".join(prompt["text"].split())
    most = 3 * _WIDTH
    return line if len(line) <= most and not prompt["left_out_characters"] else f"{line[:most]}…"


def _show_patch(out: Console, change: Item) -> None:
    for line in change["patch"].splitlines():
        out.print(Indented(Text(line, style=_STYLES.get(line[:1], "dim")), 2))
    if change["patch_left_out_lines"]:
        out.print(Indented(Text(f"… {counted(change['patch_left_out_lines'], 'more line')}", style="dim"), 2))
