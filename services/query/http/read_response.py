"""From a read to its answer: JSON with X-Data-As-Of, without texts for keys that may see only numbers; and the 503 if the database is away."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI, Request, Response
from psycopg.errors import QueryCanceled

from services.query.database import AWAY, Connection, Database
from services.query.numbers_only import numbers_only
from shared.auth.authentication import grant_of
from shared.http.errors import Unavailable
from shared.http.middleware import error_response, json_response

log = structlog.get_logger()

Content = TypeVar("Content")
BodyAndHeaders = Callable[[Content], tuple[Any, dict[str, str]]]


def read_response(
    request: Request,
    read: Callable[[Connection], Content],
    *,
    to_body: BodyAndHeaders[Content] | None = None,
    from_primary: bool = False,
    hides_texts: bool = True,
    database: Database | None = None,
) -> Response:
    """Runs `read` on a connection that sees what the request's key may see, and answers its result as JSON.

    `to_body` makes body and headers of the result; without it the result is the body. `from_primary`: not from a replica.
    `hides_texts=False` shows texts to every key: for data that the key itself has sent. `database`: not on the connections that reads share.
    """
    body, headers = content_and_headers(
        request, read, to_body=to_body, from_primary=from_primary, hides_texts=hides_texts, database=database
    )
    return json_response(body, headers=headers)


def content_and_headers(
    request: Request,
    read: Callable[[Connection], Content],
    *,
    to_body: BodyAndHeaders[Content] | None = None,
    from_primary: bool = False,
    hides_texts: bool = True,
    database: Database | None = None,
) -> tuple[Any, dict[str, str]]:
    """The answer of `read_response`, before it is JSON. The arguments are the same."""
    database = database or request.app.state.database
    assert database is not None
    with database.connection(grant_of(request.scope), from_primary=from_primary) as connection:
        as_of = database.data_as_of(connection)
        content = read(connection)
    body, headers = to_body(content) if to_body else (content, {})
    return (without_hidden_texts(request, body) if hides_texts else body), headers | as_of_header(as_of)


def without_hidden_texts(request: Request, body: Any) -> Any:
    """The body without texts that the request's key may not see."""
    grant = grant_of(request.scope)
    if grant is None or not grant.sees_only_numbers:
        return body
    return numbers_only(body, getattr(request.scope.get("route"), "response_model", None), names=grant.sees_names)


def install_database_errors(app: FastAPI) -> None:
    """A database that is away, or a query that takes too long, is a 503 that says what to do."""

    async def on_error(request: Request, error: Exception) -> Response:
        too_long = isinstance(error, QueryCanceled)
        log.warning("database_unavailable", path=request.url.path, error=type(error).__name__, too_long=too_long)
        return error_response(request.scope, _too_long() if too_long else database_away())

    for kind in AWAY:
        app.add_exception_handler(kind, on_error)


def database_away() -> Unavailable:
    """The 503 while the database does not answer."""
    return Unavailable("The database cannot be reached now; try again in a moment.", code="DATABASE_UNAVAILABLE", retry_after_seconds=2)


def _too_long() -> Unavailable:
    return Unavailable(
        "This takes the database too long; narrow it with start_date and end_date, a project, or rarer words.",
        code="DATABASE_UNAVAILABLE",
        retry_after_seconds=5,
    )


def as_of_header(as_of: datetime | None) -> dict[str, str]:
    """X-Data-As-Of; no header if nothing is stored."""
    return {"X-Data-As-Of": as_of.astimezone(UTC).isoformat().replace("+00:00", "Z")} if as_of else {}
