"""The shared parts of the routes: documented failures, and parameters as filters, ranges and pages."""

from datetime import datetime
from typing import Any, Protocol

from fastapi import Request

from services.query import cursor
from services.query.answers.stats import Interval
from services.query.database import Connection
from services.query.parameters.fields import MOST_ON_A_PAGE, Dated, OfProjects, Paged, StatsRange
from services.query.parameters.lists import EventList
from services.query.parameters.stats import CompareParameters
from services.query.queries.lists import projects, users
from services.query.queries.lists.events import EventFilters
from services.query.queries.lists.paging import Paging
from services.query.queries.lists.projects import ChosenProjects
from services.query.queries.stats import ranges
from services.query.queries.stats.stats import Selection
from services.query.settings import Settings
from shared.auth.authentication import grant_of
from shared.database import ALL
from shared.events.messages import EARLIEST
from shared.http.errors import BadRequest, invalid

# Answers of a read other than its model. deploy/openapi_errors.py describes each, and adds those of every request.
FAILURES: dict[int | str, dict[str, Any]] = {400: {}, 404: {}}

_AS_OF = {
    "description": "Every event that was received up to this time is in the answer. Absent while nothing is stored.",
    "schema": {"type": "string", "format": "date-time"},
}
# The answers of a read: its own model, with the time up to which the data is complete; or one of the failures.
RESPONSES: dict[int | str, dict[str, Any]] = FAILURES | {200: {"headers": {"X-Data-As-Of": _AS_OF}}}


def settings_of(request: Request) -> Settings:
    """The app's settings."""
    settings: Settings = request.app.state.settings
    return settings


def refuse_parameters(request: Request) -> None:
    """400 for any parameter, on routes that take none."""
    for name in request.query_params:
        raise invalid(name, "is not a parameter of this path; it takes none")


async def refuse_repeated_parameters(request: Request) -> None:
    """400 for a parameter that is given twice: only one of the values could be applied."""
    if request.scope["query_string"]:
        seen: set[str] = set()
        for name, _ in request.query_params.multi_items():
            if name in seen:
                raise invalid(name, "is given more than once; give it once")
            seen.add(name)


def paging(request: Request, parameters: Paged) -> Paging:
    """The page that the request asks for."""
    grant = grant_of(request.scope)
    bound_to_projects = {"key.projects": list(grant.project_ids)} if grant and grant.project_ids else {}
    bound_to_users = {"key.users": list(grant.users)} if grant and grant.users else {}
    bound_to = (
        parameters.filters()
        | bound_to_projects
        | bound_to_users
        | {f"path.{name}": str(value) for name, value in request.path_params.items()}
    )
    return Paging(parameters.limit or parameters.page_items, parameters.cursor, cursor.fingerprint(request.scope["route"].path, bound_to))


def page_of_json(request: Request, parameters: Paged) -> Paging:
    """The page that the request asks for, of a list that is only JSON. BadRequest for another format, or more than a page."""
    if parameters.format not in (None, "json"):
        raise invalid("format", "is only json on this path")
    if parameters.limit is not None and parameters.limit > MOST_ON_A_PAGE:
        raise invalid("limit", f"Input should be less than or equal to {MOST_ON_A_PAGE}")
    return paging(request, parameters)


def dates(request: Request, parameters: Dated) -> tuple[datetime | None, datetime | None]:
    """[start, end) of a list. With an end alone, events without a date are left out too."""
    start, end = ranges.instants(
        parameters.start_date, parameters.end_date, ranges.time_zone(parameters.tz or settings_of(request).timezone)
    )
    return (EARLIEST if start is None and end is not None else start), end


def event_filters(request: Request, parameters: EventList) -> EventFilters:
    """The events that the request asks for; every session's without a `session_id`."""
    start, end = dates(request, parameters)
    projects, model = chosen_projects(request, parameters), getattr(parameters, "model", None)
    of_session = (parameters.branch, parameters.source, model, parameters.machine)
    return EventFilters(parameters.session_id, projects, start, end, parameters.user, *of_session)


def chosen_projects(request: Request, parameters: OfProjects) -> ChosenProjects:
    """The projects that the request asks for."""
    return ChosenProjects(parameters.project_id or only_project(request), parameters.group, parameters.repository)


def stats_range(
    request: Request,
    parameters: StatsRange | CompareParameters,
    interval: Interval | None,
) -> ranges.Range:
    """The data to count, and the interval."""
    tz = ranges.time_zone(parameters.tz or settings_of(request).timezone)
    return ranges.stats_range(parameters.start_date, parameters.end_date, tz, interval)


class _Filters(Protocol):
    """Parameters of a statistic that choose its data."""

    user: str | None
    machine: str | None


def selection(
    request: Request, connection: Connection, project_id: int | None, parameters: _Filters, *, of_session: bool = False
) -> Selection:
    """The project, user, machine, group and repository to count. An unknown one matches nothing. A part of a project stands for the whole.

    A key that is bound to users counts one of them: sessions that others share do not count. BadRequest if it could be several.
    `of_session`: one session is counted, which the key may read.
    """
    return Selection(
        projects.whole_of(connection, project_id) if project_id and project_id != ALL else project_id or every_project(request),
        ALL if of_session and parameters.user is None else counted_user(request, connection, parameters.user),
        parameters.machine,
        projects.projects_of(connection, getattr(parameters, "group", None), getattr(parameters, "repository", None)),
    )


def counted_user(request: Request, connection: Connection, user: str | None) -> int:
    """The user to count, ALL for an unbound key without one. BadRequest for a key that is bound to several users: no sums exist for them."""
    bound = bound_users(request)
    if bound is None:
        return ALL if user is None else users.user_id(connection, user)
    if user is not None:
        return users.own_user_id(connection, user)
    if len(bound) > 1:
        raise BadRequest(
            f"This key is bound to the users {', '.join(bound)}: ask for one of them, with user.",
            details={"user": "is required with this key"},
        )
    return users.own_user_id(connection, bound[0])


def only_project(request: Request) -> int | None:
    """The only project that the request's key is bound to. The database enforces it anyway; as a filter it leads to a better index."""
    grant = grant_of(request.scope)
    return grant.project_ids[0] if grant and grant.project_ids and len(grant.project_ids) == 1 else None


def bound_projects(request: Request) -> list[int] | None:
    """The projects that the request's key is bound to; None if it sees all."""
    grant = grant_of(request.scope)
    return None if grant is None or grant.project_ids is None else list(grant.project_ids)


def bound_users(request: Request) -> list[str] | None:
    """The users whose sessions the request's key sees; None if it sees those of all."""
    grant = grant_of(request.scope)
    return None if grant is None or grant.users is None else list(grant.users)


def is_bound(request: Request) -> bool:
    """Whether the request's key sees only some projects, or sessions of some users."""
    grant = grant_of(request.scope)
    return grant is not None and grant.is_bound


def only_some_projects(request: Request) -> bool:
    """Whether the request's key is bound to projects."""
    return bound_projects(request) is not None


def every_project(request: Request) -> int:
    """All projects together, or the only one that the request's key is bound to. BadRequest for several projects: no sums exist for them."""
    grant = grant_of(request.scope)
    if grant is None or grant.project_ids is None:
        return ALL
    if len(grant.project_ids) > 1:
        named = ", ".join(map(str, grant.project_ids))
        raise BadRequest(
            f"This key is bound to the projects {named}: ask for one of them, with project_id or at /api/projects/{{project_id}}/stats.",
            details={"project_id": "is required with this key"},
        )
    return grant.project_ids[0]
