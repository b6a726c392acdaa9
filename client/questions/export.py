"""`tracker export`: a session as a file, a list as CSV or NDJSON, or everything as one archive."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from client.options import At
from client.output.display import display_for
from client.questions import full_export
from client.questions.export_text import list_path, session_path, write_pieces
from client.questions.filters import Filters
from client.questions.lookup import project_id, session
from client.questions.period import Days


class ListName(Enum):
    """The lists that can be taken out."""

    SESSIONS = "sessions"
    CONVERSATIONS = "conversations"
    ACTIVITIES = "activities"
    TOOL_CALLS = "tool-calls"
    PROJECTS = "projects"
    USERS = "users"
    MACHINES = "machines"


class Tools(Enum):
    """How much of tool calls is shown."""

    NONE = "none"
    LINES = "lines"
    FULL = "full"


_OF_SESSION: Final = {"md": "markdown", "markdown": "markdown", "digest": "digest"}
_OF_LIST: Final = ("csv", "ndjson")
_NOT_DATES: Final = frozenset({"project_id", "group", "repository", "user", "machine"})
# The filters of each list, besides dates, which all but machines have.
_FILTERS: Final[dict[ListName, frozenset[str]]] = {
    ListName.PROJECTS: frozenset({"group", "repository", "user", "machine"}),
    ListName.USERS: frozenset({"project_id", "group", "repository", "user"}),
    ListName.MACHINES: frozenset({"user"}),
}


def export(
    name: Annotated[str | None, typer.Argument(metavar="[SESSION]", help="A session's id, or its beginning.")] = None,
    list_name: Annotated[ListName | None, typer.Option("--list", help="A list in place of a session.")] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All rows and transcripts as a zip, or those of --user or --project. It needs -o.")
    ] = False,
    form: Annotated[
        str | None,
        typer.Option("--format", help="For a session md (default), or digest for a pull request. For a list csv (default) or ndjson."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write into this file, once it is complete.")
    ] = None,
    tools: Annotated[
        Tools | None, typer.Option("--tools", help="Tool calls: left out, a line for each, or with input, diff and output.")
    ] = None,
    thinking: Annotated[bool, typer.Option("--thinking", help="With Claude's thinking, where it was kept.")] = False,
    chosen: Filters = Filters(),
    days: Days = Days(),
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="With --list: how many at most. Default: all.")] = None,
    at: At = At(),
) -> None:
    """Writes a session, a list or everything, to keep or to pass on.

    `tracker export SESSION -o FILE.md` makes a text to read.
    `tracker export --list tool-calls --since 7d -o calls.csv` makes a table.
    `tracker export --everything -o tracker.zip` makes what `tracker import` brings into another tracker.
    """
    if everything:
        _refuse(name is not None or list_name is not None or form is not None, "--everything goes without a session, --list and --format")
        _refuse(output is None, "--everything needs a file: -o tracker.zip")
        _refuse(chosen.user is not None and chosen.project is not None, "--everything goes with --user or --project, not with both")
        _refuse(chosen.group is not None or chosen.repository is not None, "--group and --repository are for lists")
        display = display_for(is_quiet=False)
        server = at.server(display)
        full_export.export_to(server, display, output, user=chosen.user, project_id=project_id(server, chosen.project))
        return
    if (name is None) == (list_name is None):
        raise typer.BadParameter("name a session, or a list with --list")
    zone = days.zone
    period = days.period()
    if list_name is None:
        _refuse(
            chosen != Filters() or (days.since, days.until, limit) != (None,) * 3,
            "--project, --group, --repository, --user, --machine, --since, --until and --limit are for lists",
        )
    else:
        _refuse(tools is not None or thinking, "--tools and --thinking are for sessions")
    server = at.server()
    if name is not None:
        wanted = _format(form or "md", _OF_SESSION)
        options = {"tools": tools and tools.value, "include_thinking": "true" if thinking else None, "tz": zone}
        path = session_path(session(server, name)["session_id"], {"format": wanted, **options})
    else:
        assert list_name is not None
        given = chosen.of(server) | ({} if list_name is ListName.MACHINES else period.parameters())
        asked = _allowed(list_name, given)
        path = list_path(
            list_name.value, {"format": _format(form or "csv", dict(zip(_OF_LIST, _OF_LIST, strict=True))), "limit": limit, **asked}
        )
    with server.download(path) as pieces:
        write_pieces(pieces, output)


def _format(form: str, known: dict[str, str]) -> str:
    if form not in known:
        raise typer.BadParameter(f"{form!r} is not one of {', '.join(known)}", param_hint="--format")
    return known[form]


def _allowed(name: ListName, given: dict[str, Any]) -> dict[str, Any]:
    """The filters that are given. BadParameter for one that the list does not have."""
    known = _FILTERS.get(name)
    for filter_name, value in given.items():
        if known is not None and value is not None and filter_name in _NOT_DATES and filter_name not in known:
            raise typer.BadParameter(f"{name.value} cannot be filtered by {filter_name.removesuffix('_id')}")
    return {filter_name: value for filter_name, value in given.items() if value is not None}


def _refuse(is_wrong: bool, reason: str) -> None:
    if is_wrong:
        raise typer.BadParameter(reason)
