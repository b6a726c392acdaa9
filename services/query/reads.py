"""How an endpoint reads: a connection that cannot write, the time up to which the data is complete, and what a failure answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI, Request, Response
from psycopg.errors import QueryCanceled
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.query.data_as_of import DataAsOf
from services.query.numbers_only import numbers_only
from services.query.settings import Settings
from shared.auth.authentication import grant_in
from shared.auth.keys import Grant
from shared.database import make_engine
from shared.http.errors import Unavailable
from shared.http.middleware import error_response, json_response

log = structlog.get_logger()

STATEMENT_TIMEOUT_MS = 5_000
# Beside a replica: for keys, jobs and the like, each a lookup by its id or a short list.
PRIMARY_CONNECTIONS = 4

# Until the end of the transaction: the role whose policies (0004_keys.sql) let only rows of these projects through, whatever is asked.
_BIND = text(
    "SELECT set_config('tracker.projects', :projects, true), set_config('tracker.key_id', :key_id, true), set_config('role', 'tracker_bound', true)"
)

Content = TypeVar("Content")
Present = Callable[[Content], tuple[Any, dict[str, str]]]


class Reads:
    """The database as the read side sees it. Its connections cannot write."""

    def __init__(self, settings: Settings) -> None:
        self._engine = _engine(settings.query_database_url or settings.database_url, settings.query_database_connections)
        self._primary = self._engine
        if self.has_replica(settings):
            self._primary = _engine(settings.database_url, min(PRIMARY_CONNECTIONS, settings.query_database_connections))
        self._as_of = DataAsOf()

    @staticmethod
    def has_replica(settings: Settings) -> bool:
        """Whether what is read may be behind what is written."""
        return settings.query_database_url not in (None, settings.database_url)

    def close(self) -> None:
        """Ends all connections."""
        self._engine.dispose()
        self._primary.dispose()

    @contextmanager
    def connection(self, grant: Grant | None = None, *, fresh: bool = False) -> Iterator[Connection]:
        """A read-only connection whose queries all see the same moment; and, with a key that is bound to projects, nothing of others.

        `fresh`: of the primary, for what somebody looks for who has just written it.
        """
        with (self._primary if fresh else self._engine).connect() as connection:
            if grant is not None and grant.project_ids is not None:
                connection.execute(_BIND, {"projects": f"{{{','.join(map(str, grant.project_ids))}}}", "key_id": grant.key_id})
            yield connection

    def as_of(self, connection: Connection) -> datetime | None:
        """When the newest event that is applied was received; see data_as_of.py. Call it before reading."""
        return self._as_of.of(connection)


def answer(
    request: Request,
    read: Callable[[Connection], Content],
    present: Present[Content] | None = None,
    *,
    fresh: bool = False,
    hides_texts: bool = True,
) -> Response:
    """Reads, and answers JSON with X-Data-As-Of. `present` makes body and headers of what was read; else it is the body.

    `fresh`: from the primary, not from a replica. `hides_texts` is False for what a key may see of its own, even one that may only see numbers.
    """
    reads: Reads = request.app.state.reads
    grant = grant_in(request.scope)
    with reads.connection(grant, fresh=fresh) as connection:
        as_of = reads.as_of(connection)
        content = read(connection)
    body, headers = present(content) if present else (content, {})
    if hides_texts and grant is not None and grant.sees_only_numbers:
        body = numbers_only(body, getattr(request.scope.get("route"), "response_model", None))
    return json_response(body, headers=headers | _as_of_header(as_of))


def install_database_errors(app: FastAPI) -> None:
    """A database that is away, or a query that takes too long, is a 503 that says what to do."""

    async def on_error(request: Request, error: Exception) -> Response:
        too_long = isinstance(error, DBAPIError) and isinstance(error.orig, QueryCanceled)
        log.warning("database_unavailable", path=request.url.path, error=type(error).__name__, too_long=too_long)
        request.scope["error_code"] = "DATABASE_UNAVAILABLE"
        return error_response(_too_long() if too_long else _away())

    for kind in (OperationalError, InterfaceError, PoolTimeout):
        app.add_exception_handler(kind, on_error)


def _too_long() -> Unavailable:
    return Unavailable(
        "This takes the database too long; narrow it with start_date and end_date, a project, or rarer words.",
        code="DATABASE_UNAVAILABLE",
        retry_after_seconds=5,
    )


def _away() -> Unavailable:
    return Unavailable("The database cannot be reached now; try again in a moment.", code="DATABASE_UNAVAILABLE", retry_after_seconds=2)


def _as_of_header(as_of: datetime | None) -> dict[str, str]:
    return {"X-Data-As-Of": as_of.astimezone(UTC).isoformat().replace("+00:00", "Z")} if as_of else {}


def _engine(database_url: str, connections: int) -> Engine:
    engine = make_engine(
        database_url,
        pool_size=connections,
        statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        read_only=True,
        application_name="tracker-query",
    ).execution_options(isolation_level="REPEATABLE READ")

    @event.listens_for(engine, "connect")
    def tune(dbapi_connection: Any, _record: object) -> None:
        # A prepared statement's generic plan does not know how rare a word or how long a range is. Bitmaps and hashes of a year fit
        # into 32 MB; and what is read is in memory or on an SSD.
        dbapi_connection.prepare_threshold = None
        dbapi_connection.execute("SET work_mem = '32MB'")
        dbapi_connection.execute("SET random_page_cost = 1.1")
        dbapi_connection.commit()

    return engine
