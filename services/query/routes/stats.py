"""Stats, tool stats and usage."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.query.answers.stats import Interval, Stats, ToolStats, UsageReport
from services.query.answers.work import WorkReport
from services.query.database import Connection
from services.query.http.list_response import LIST_RESPONSES, format_of, list_response, report_response
from services.query.http.parameters import dates, only_project, only_some_projects, selection, settings_of, stats_range
from services.query.parameters.fields import (
    Absent,
    Filtered,
    ListFormat,
    OptionalText,
    OptionalTool,
    ProjectId,
    StatsRange,
    table_of,
    text_of,
)
from services.query.parameters.stats import (
    AllStatsParameters,
    CompareParameters,
    ProjectStatsParameters,
    ToolStatsParameters,
    UsageBlocksParameters,
    UsageParameters,
    WorkParameters,
)
from services.query.queries.stats.comparison import GROUP_FIELDS, Comparison, comparison
from services.query.queries.stats.cost_parts import cost_parts
from services.query.queries.stats.ranges import MAX_POINTS, range_before
from services.query.queries.stats.stats import stats
from services.query.queries.stats.tool_errors import ToolErrors, tool_errors
from services.query.queries.stats.tool_stats import tool_stats
from services.query.queries.stats.usage import INTERVALS, KEY_FIELDS, UsageQuestion, dimensions_of, usage
from services.query.queries.stats.usage_blocks import UsageBlockPage, usage_blocks
from services.query.queries.stats.work import work
from services.query.routes.projects import existing_project
from shared.auth.authentication import grant_of
from shared.auth.scopes import METRICS, READ, requires
from shared.database import ALL
from shared.http.errors import invalid

MOST_EXAMPLES = 20
MOST_WORK = 100


class ToolErrorsParameters(Filtered, StatsRange):
    """A range, filters, and how many examples."""

    tool_name: OptionalTool = None
    error_class: Annotated[OptionalText, text_of("Only this class. Shares are of all classes.", 40, examples=["file_not_found"])] = None
    interval: Annotated[
        Interval | None,
        Absent(),
        Field(
            description="Adds `time_series`, and `calls_over_time` to each class. Without it there are none. "
            f"More than {MAX_POINTS:,} points are a 400 that names the interval to use.",
            examples=["day"],
        ),
    ] = None
    examples: int = Field(3, ge=0, le=MOST_EXAMPLES, description="The most examples of each class. A key that sees only numbers gets none.")
    format: Annotated[ListFormat | None, Absent(), table_of("classes")] = None


# Each has one list that is also given as CSV and NDJSON.
router = APIRouter(responses=LIST_RESPONSES)


@router.get("/api/projects/{project_id}/stats", response_model=Stats, tags=["projects", "stats"], summary="Stats of one project")
@requires(METRICS)
def show_project_stats(request: Request, project_id: ProjectId, parameters: Annotated[ProjectStatsParameters, Query()]) -> Response:
    """Totals, a time series without gaps, tools, files, users and a heat map. Without dates, events without a time count too."""
    wanted = stats_range(request, parameters, parameters.interval)
    idle_gap_seconds = settings_of(request).idle_gap_seconds

    def read(connection: Connection) -> Stats:
        project = existing_project(connection, project_id)
        chosen = selection(request, connection, project_id, parameters)
        return stats(connection, chosen, project, wanted, idle_gap_seconds)

    return report_response(request, parameters.format, read, rows="time_series")


@router.get("/api/stats", response_model=Stats, tags=["projects", "stats"], summary="Stats over all projects")
@requires(METRICS)
def show_stats(request: Request, parameters: Annotated[AllStatsParameters, Query()]) -> Response:
    """Totals, a time series, tools, files, users and a heat map. `project` is null. Over all projects, `top_files` have a `project_id`."""
    wanted = stats_range(request, parameters, parameters.interval)
    idle_gap_seconds = settings_of(request).idle_gap_seconds

    def read(connection: Connection) -> Stats:
        chosen = selection(request, connection, parameters.project_id, parameters)
        return stats(connection, chosen, None, wanted, idle_gap_seconds)

    return report_response(request, parameters.format, read, rows="time_series")


@router.get("/api/tool-calls/stats", response_model=ToolStats, tags=["tool calls"], summary="Stats of tools")
@requires(METRICS)
def show_tool_stats(request: Request, parameters: Annotated[ToolStatsParameters, Query()]) -> Response:
    """By tool, the most used first. Errors are calls that failed or timed out. Times are of measured durations; percentiles are within 2 % of exact."""
    wanted = stats_range(request, parameters, parameters.interval)

    def read(connection: Connection) -> ToolStats:
        return tool_stats(
            connection,
            selection(request, connection, parameters.project_id, parameters),
            parameters.tool_name,
            wanted,
            include_estimated=parameters.include_estimated,
            include_latency=parameters.include_latency,
        )

    return report_response(request, parameters.format, read, rows="tools")


@router.get("/api/tool-calls/errors", response_model=ToolErrors, tags=["tool calls"], summary="Why tool calls failed")
@requires(METRICS)
def show_tool_errors(request: Request, parameters: Annotated[ToolErrorsParameters, Query()]) -> Response:
    """Failed calls by class, the most frequent first, each with its tools and its newest calls; with `interval`, over time.

    A key that sees only numbers gets no calls.
    """
    wanted = stats_range(request, parameters, parameters.interval)
    grant = grant_of(request.scope)
    examples = 0 if grant is not None and grant.sees_only_numbers else parameters.examples

    def read(connection: Connection) -> ToolErrors:
        chosen = selection(request, connection, parameters.project_id, parameters)
        return tool_errors(connection, chosen, parameters.tool_name, parameters.error_class, wanted, examples=examples)

    return report_response(request, parameters.format, read, rows="classes")


@router.get("/api/usage", response_model=UsageReport, tags=["usage"], summary="What it cost, by one or two dimensions")
@requires(METRICS)
def show_usage(request: Request, parameters: Annotated[UsageParameters, Query()]) -> Response:
    """Tokens, API calls and their cost at the price of their day, and the activity. A session of which only a `claude.json` tells has what that says."""
    dimensions = dimensions_of(parameters.group_by)
    interval: Interval = next((each for each in INTERVALS if each in dimensions), "day")
    wanted = stats_range(request, parameters, interval)
    # By project, a key that is bound to several gets each of them, and their sums; of one session, its rows.
    of_session = parameters.session_id is not None
    by_projects = of_session or bool({"project", "group", "repository"} & set(dimensions))
    project_id = parameters.project_id or only_project(request) or (ALL if by_projects else None)
    if project_id == ALL and wanted.is_open and not of_session and only_some_projects(request) and set(dimensions) & set(INTERVALS):
        raise invalid(
            "start_date", "give start_date and end_date with this grouping: this key sees several projects, and no sums over all of them"
        )

    def read(connection: Connection) -> UsageReport:
        chosen = selection(request, connection, project_id, parameters, of_session=of_session)
        gap = settings_of(request).idle_gap_seconds
        question = UsageQuestion(dimensions, chosen, wanted, gap, parameters.model, parameters.session_id, parameters.branch)
        report = usage(connection, question)
        if parameters.include_cost_parts:
            report.cost_parts = cost_parts(connection, question, report.totals.cost_usd)
        return report

    return report_response(
        request,
        parameters.format,
        read,
        rows="items",
        leading=list(dict.fromkeys(field for each in dimensions for field in KEY_FIELDS[each])),
    )


@router.get("/api/work", response_model=WorkReport, tags=["usage"], summary="What commits, pull requests, branches and issues cost")
@requires(READ)
def show_work(request: Request, parameters: Annotated[WorkParameters, Query()]) -> Response:
    """The cost, active time and turns of the range by what they led to. Each call counts once, and all together are the cost of the range.

    A session is divided among its commits by its turns: a commit has what came after the commit before, up to the end of its turn, or up to itself where
    another one follows in that turn. The turns after that of the last commit led to none. Several commits of one call share it equally, and one that amends
    has the part of the commit that it replaces. The commits are those that shell commands made, as their results say.

    An issue has the commits whose subjects name it, as `#123` or `ABC-123`; a commit without one, and what led to no commit, counts for the issue that the
    branch names. Several issues share equally. A session is divided among the pull requests that it opened in the same way, and the last one has the rest;
    a session that opened none counts for that of its branch, unless many work on such a branch, as on `main`. A session has one branch.

    More than 5,000 sessions are a 400.
    """
    wanted = stats_range(request, parameters, None)
    project_id = parameters.project_id or only_project(request) or ALL
    gap = settings_of(request).idle_gap_seconds
    limit = parameters.limit or (MOST_WORK if format_of(request, parameters.format) == "json" else None)

    def read(connection: Connection) -> WorkReport:
        chosen = selection(request, connection, project_id, parameters)
        return work(connection, parameters.group_by, chosen, wanted, gap, limit)

    fields = {"commit": ("commit", "subject")}.get(parameters.group_by, (parameters.group_by,))
    return report_response(request, parameters.format, read, rows="items", leading=fields)


@router.get("/api/usage/blocks", response_model=UsageBlockPage, tags=["usage"], summary="Usage in blocks of five hours")
@requires(METRICS)
def show_usage_blocks(request: Request, parameters: Annotated[UsageBlocksParameters, Query()]) -> Response:
    """Blocks of five hours of observed usage, the newest first. A block begins with the full UTC hour of the first call after the block before.

    They are a report of usage, not the windows of Claude Code's limits: `/api/quota` has those, as Claude Code told them. All people together make one
    chain of blocks, each `user` one of their own. Blocks at the ends of the range are given whole.
    """
    within = dates(request, parameters)
    return list_response(
        request,
        parameters,
        lambda connection, wanted: usage_blocks(
            connection, selection(request, connection, parameters.project_id, parameters), parameters.model, within, wanted
        ),
    )


@router.get("/api/compare", response_model=Comparison, tags=["stats"], summary="Two periods side by side")
@requires(METRICS)
def compare(request: Request, parameters: Annotated[CompareParameters, Query()]) -> Response:
    """Each measure of a range and of one before it, with the difference: of everything, and by project, group, repository, user, model, branch, machine,
    tool or error class."""
    wanted = stats_range(request, parameters, None)
    before = range_before(parameters.compare, parameters.start_date, parameters.end_date, wanted.tz)
    group = parameters.group_by
    # As in /api/usage: by project, a key that is bound to several gets each of them, and their sums.
    project_id = parameters.project_id or only_project(request) or (ALL if group in ("project", "group", "repository") else None)

    def read(connection: Connection) -> Comparison:
        chosen = selection(request, connection, project_id, parameters)
        return comparison(connection, group, chosen, wanted, before, settings_of(request).idle_gap_seconds)

    return report_response(request, parameters.format, read, rows="items", leading=GROUP_FIELDS[group])
