"""`tracker sessions`, `projects`, `tools` and `usage`: one table each."""

from collections.abc import Collection, Iterable
from operator import itemgetter
from typing import Annotated, Any, Final

import typer

from client.errors import Failure, Refused
from client.http.server import Server
from client.options import At
from client.output.console import console
from client.output.local_time import local_zone, short_time
from client.output.terminal import write_json
from client.phrases import command
from client.questions import cells
from client.questions.filters import Filters, Group, Repository
from client.questions.lookup import FORBIDDEN, Item, dropped_note, get, kept_field, label_rows, pages, short_session_id
from client.questions.output import Column, Format, Output, Row, table, write_csv
from client.questions.period import Days, Zone
from shared import quantities
from shared.quantities import counted, plural

Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many at most.")]
IncludeEstimated = Annotated[
    bool,
    typer.Option(
        "--include-estimated",
        help="Count durations that are only the time between two records of a transcript, with waits for permissions.",
    ),
]

SESSION_FIELDS: Final = (
    "session_id", "title", "project_id", "project_name", "user", "start_time", "end_time", "duration_minutes", "active_minutes", "status",
    "messages_count", "tool_calls_count", "tool_errors_count", "files_modified_count", "lines_added", "lines_removed", "input_tokens",
    "output_tokens", "cache_creation_tokens", "cache_read_tokens", "cost_usd", "cache_saved_usd", "model", "git_branch", "client_version",
    "source", "is_starred", "tags", "note",
)  # fmt: skip
PROJECT_FIELDS: Final = (
    "id", "name", "path", "total_sessions", "active_minutes", "total_time_minutes", "messages_count", "tool_calls_count",
    "files_modified_count", "lines_changed_count", "cost_usd", "last_session", "group", "archived", "repository",
)  # fmt: skip
TOOL_FIELDS: Final = (
    "tool_name", "calls", "success", "errors", "rejected", "cancelled", "pending", "error_rate", "measured_calls", "estimated_calls", "untimed_calls",
    "avg_wait_ms", "avg_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms", "last_used",
)  # fmt: skip
USAGE_FIELDS: Final = (
    "input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "total_tokens", "api_calls", "unpriced_calls", "cost_usd",
    "cache_saved_usd",
)  # fmt: skip
USAGE_BY: Final = {
    "day": ["day"],
    "week": ["week"],
    "month": ["month"],
    "model": ["model"],
    "project": ["project_id", "project_name"],
    "group": ["group"],
    "repository": ["repository"],
    "user": ["user"],
    "session": ["session_id", "session_title"],
    "branch": ["branch"],
    "machine": ["machine_id", "machine"],
}
_INTERVALS: Final = frozenset({"day", "week", "month"})


def list_sessions(
    chosen: Filters = Filters(),
    days: Days = Days(),
    only_open: Annotated[bool, typer.Option("--open", help="Only sessions that have not ended.")] = False,
    starred: Annotated[bool, typer.Option("--starred", help="Only sessions with a star.")] = False,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only sessions with this tag.")] = None,
    limit: Limit = 20,
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Lists sessions, newest first.

    With --since or --until: those in which something happened then, with their numbers of these days.
    """
    wanted, zone = form.format, days.zone
    period = days.period()
    server = at.server()
    filters = chosen.of(server) | {"status": "open" if only_open else None}
    filters |= {"is_starred": "true" if starred else None, "tag": tag}
    if period.is_limited:
        filters |= {"by": "active", "include_share": "true"}
    found = list(pages(server, "/api/sessions", filters | period.parameters(), limit))
    if write(found, SESSION_FIELDS, wanted):
        return
    label_rows(server, found)
    for row in found:
        row |= _within_days(row)
    columns = (
        Column("Started", lambda row: short_time(row["start_time"], zone), right=False),
        Column("Active", lambda row: quantities.minutes(row["active_minutes"]), rank=1),
        Column("Project", lambda row: row["project_name"] or "", rank=2, right=False, least=12),
        Column("Title", _title, right=False, least=32),
        *([Column("Tags", lambda row: cells.plain(row["tags"]), rank=5, right=False, least=8)] if any(map(_tags, found)) else ()),
        Column("User", lambda row: row["user"] or "", rank=9, right=False),
        Column("Messages", lambda row: cells.count(row["messages_count"]), rank=6),
        Column("Tools", lambda row: cells.count(row["tool_calls_count"]), rank=7),
        Column("Lines", lambda row: cells.lines(row["lines_added"], row["lines_removed"]), rank=8),
        Column("Cost", lambda row: cells.usd(row["cost_usd"], row["unpriced_calls"]), rank=3),
        Column("Session", lambda row: short_session_id(row["session_id"]), right=False),
    )
    show_table(found, columns, "No sessions.")


def _within_days(row: Item) -> Item:
    """The numbers of a session that the table shows: where days are chosen, what of it is within them."""
    share = row.get("share")
    if share is None:
        return {}
    names = ("active_minutes", "lines_added", "lines_removed", "cost_usd", "unpriced_calls")
    return {name: share[name] for name in names} | {"messages_count": share["messages"], "tool_calls_count": share["tool_calls"]}


def _title(row: Item) -> str:
    return ("★ " if row["is_starred"] else "") + (row["title"] or "")


def _tags(row: Item) -> list[str]:
    tags: list[str] = row["tags"]
    return tags


def list_projects(
    group: Group = None,
    repository: Repository = None,
    archived: Annotated[bool, typer.Option("--archived", help="Archived projects too.")] = False,
    tz: Zone = None,
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Lists projects, the last used first."""
    wanted, zone = form.format, local_zone(tz)
    found: list[Item] = get(
        at.server(),
        "/api/projects",
        {"limit": 1000, "group": group, "repository": repository, "archived": "all" if archived else None},
    )
    if write(found, PROJECT_FIELDS, wanted):
        return
    columns = (
        Column("Id", lambda row: str(row["id"])),
        Column("Project", lambda row: row["label"] or row["name"], right=False, least=16, keeps_end=True),
        *([Column("Group", lambda row: row["group"] or "", rank=4, right=False)] if any(row.get("group") for row in found) else ()),
        Column("Sessions", lambda row: cells.count(row["total_sessions"]), rank=2),
        Column("Active", lambda row: quantities.minutes(row["active_minutes"])),
        Column("Lines", lambda row: cells.count(row["lines_changed_count"]), rank=5),
        Column("Cost", lambda row: cells.usd(row["cost_usd"], row["unpriced_calls"]), rank=1),
        Column("Last session", lambda row: short_time(row["last_session"], zone), rank=3, right=False),
        Column("Path", lambda row: row["path"], rank=6, right=False, least=24, keeps_end=True),
    )
    show_table(found, columns, f"No projects yet; `{command()} import` brings Claude Code's history.")


def list_tools(
    chosen: Filters = Filters(), days: Days = Days(), include_estimated: IncludeEstimated = False, form: Output = Output(), at: At = At()
) -> None:
    """Lists tools: calls, failures and measured durations."""
    wanted, zone = form.format, days.zone
    period = days.period()
    server = at.server()
    filters = chosen.of(server)
    asked = filters | period.parameters() | ({"include_estimated": "true"} if include_estimated else {})
    found: list[Item] = get(server, "/api/tool-calls/stats", asked)["tools"]
    if not write(found, TOOL_FIELDS, wanted):
        show_table(found, tool_columns(zone, found), "No tool calls.")
        if not include_estimated and (note := estimated_note(found)):
            console().print(note)


def tool_columns(zone: str, rows: list[Item]) -> tuple[Column, ...]:
    """The table of tools."""
    most = max((row["calls"] for row in rows), default=0)
    return (
        Column("Tool", lambda row: row["tool_name"], right=False, least=20, keeps_end=True),
        Column("Calls", lambda row: cells.count(row["calls"])),
        Column("", lambda row: cells.bar(row["calls"], most, 12), rank=5, right=False, style="cyan"),
        Column("Failed", lambda row: cells.count(row["errors"]), rank=2),
        Column("Rate", lambda row: quantities.percent(row["error_rate"]), rank=3),
        Column("Median", lambda row: quantities.duration(row["p50_ms"]), rank=1),
        Column("95 % within", lambda row: quantities.duration(row["p95_ms"]), rank=4),
        Column("Last used", lambda row: short_time(row["last_used"], zone), rank=6, right=False),
    )


def list_usage(
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="|".join(USAGE_BY), help="One row for each of them; two, as `user,month` or repeated. Default: day."),
    ] = None,
    chosen: Filters = Filters(),
    days: Days = Days(),
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Lists tokens and cost, by day or what --by names."""
    dimensions = dimensions_of(by or ["day"], USAGE_BY)
    wanted = form.format
    period = days.period()
    server = at.server()
    filters = {"group_by": ",".join(dimensions)} | chosen.of(server)
    answer = get(server, "/api/usage", filters | period.parameters())
    # Days without an API call are not listed.
    found = [row for row in answer["items"] if row["api_calls"]]
    for each in dimensions:
        check_shown(server, each, USAGE_BY[each][0], found)
    if wanted is Format.JSON:
        write_json(found)
    elif not write(found, (*(field for each in dimensions for field in USAGE_BY[each]), *kept_field(dimensions), *USAGE_FIELDS), wanted):
        label_rows(server, found)
        titles = {USAGE_BY[each][-1]: each.capitalize() for each in dimensions}
        total = dict.fromkeys(titles) | {USAGE_BY[dimensions[0]][-1]: "Total"}
        show_table(found, usage_columns(titles), "No API calls.", answer["totals"] | total)
        if note := dropped_note(answer, chosen.machine):
            console().print(note, style="dim")


def dimensions_of(given: Iterable[str], known: Collection[str]) -> list[str]:
    """The names that --by has, repeated or with a comma between them. BadParameter if it is unknown, named twice, or does not go together."""
    dimensions = [each.strip() for text in given for each in text.split(",")]
    for each in dimensions:
        if each not in known:
            raise typer.BadParameter(f"{each!r} is not one of {', '.join(known)}", param_hint="--by")
    if len(dimensions) > 2 or len(set(dimensions)) < len(dimensions) or len(set(dimensions) & _INTERVALS) > 1:
        intervals = ", ".join(each for each in known if each in _INTERVALS)
        raise typer.BadParameter(f"takes one or two different ones, at most one of {intervals}", param_hint="--by")
    if "tool" in dimensions and len(dimensions) > 1:
        raise typer.BadParameter("tool goes with no other", param_hint="--by")
    return dimensions


def usage_columns(titles: dict[str, str]) -> tuple[Column, ...]:
    """The table of tokens, as people know it from other tools. `titles` are those of the first columns, by their fields."""
    return (
        *(Column(title, itemgetter(name), right=False, least=12) for name, title in titles.items()),
        Column("Input", lambda row: cells.count(row["input_tokens"]), rank=3),
        Column("Output", lambda row: cells.count(row["output_tokens"]), rank=2),
        Column("Cache write", lambda row: cells.count(row["cache_creation_tokens"]), rank=5),
        Column("Cache read", lambda row: cells.count(row["cache_read_tokens"]), rank=4),
        Column("Tokens", lambda row: cells.count(row["total_tokens"]), rank=1),
        Column("Cost", lambda row: cells.usd(row["cost_usd"], row["unpriced_calls"])),
    )


def write(rows: list[Item], fields: tuple[str, ...], wanted: Format) -> bool:
    """Writes rows for a program; False if a person is to read them."""
    if wanted is Format.JSON:
        write_json(rows)
    elif wanted is Format.CSV:
        write_csv(rows, fields)
    return wanted is not Format.TABLE


def show_table(rows: list[Item], columns: tuple[Column, ...], nothing: str, total: Row | None = None) -> None:
    """The table, or a sentence if there are no rows."""
    out = console()
    out.print(table(rows, columns, out.width, total) if rows else nothing)


def check_shown(server: Server, by: str, name: str, rows: list[Item]) -> None:
    """Failure if the key hides the names of the rows, because the rows then look the same."""
    if by not in ("session", "branch") or not rows or any(row[name] is not None for row in rows):
        return
    # A row without a name may also hold data that belongs to no session, or to no branch.
    try:
        get(server, "/api/sessions", {"limit": 1})
    except Refused as error:
        if error.status != FORBIDDEN:
            raise
        names = "sessions" if by == "session" else "branches"
        raise Failure(f"This key does not show {names}: --by {by} needs a key with the scope read.") from None


def estimated_note(tools: list[Item]) -> str | None:
    """The sentence below durations of tools, if some were not measured."""
    estimated, untimed = (sum(tool.get(name) or 0 for tool in tools) for name in ("estimated_calls", "untimed_calls"))
    if not estimated:
        return None
    rest = f" Of {counted(untimed, 'call')} no duration is known." if untimed else ""
    return (
        f"{counted(estimated, 'call')} without a measured duration {plural(estimated, 'is', 'are')} left out of the times; "
        f"see --include-estimated.{rest}"
    )


def unpriced_note(totals: dict[str, Any]) -> str | None:
    """The sentence below costs that are not complete."""
    calls = totals.get("unpriced_calls")
    if not calls:
        return None
    return f"+ The price of {counted(calls, 'API call')} is not known; {plural(calls, 'it is', 'they are')} not in the cost."
