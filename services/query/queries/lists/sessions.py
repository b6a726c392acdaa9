"""Sessions: the list, and one."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from services.query.answers.lists import Session, SessionPage, SessionShare
from services.query.database import Connection, Row, fetch_first, rows
from services.query.queries.lists.paging import Paging, page
from services.query.queries.lists.projects import projects_of
from services.query.queries.lists.users import user_id
from services.query.queries.outcomes.outcomes import outcomes_of
from services.query.queries.stats.active_sessions import went_on
from services.query.queries.stats.session_shares import session_shares
from shared.database import ALL
from shared.events.messages import EARLIEST
from shared.sessions import session_state
from shared.sessions.agent_state import AGENTS, AGENTS_JOIN
from shared.sessions.open_sessions import end_reason, is_closed, is_open
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "sessions.sql")

# Filled, since worker and ingest ask the same of a session. A function in the database would be an older release's as well.
SESSIONS = (
    _SQL.sessions.replace("{end_reason}", end_reason("s"))
    .replace("{is_closed}", is_closed("s"))
    .replace("{is_open}", is_open())
    .replace("{ended_by}", session_state.source_of_end("e.end_reason", "live.source"))
    .replace("{state}", session_state.STATE.strip())
    .replace("{source}", session_state.SOURCE.strip())
    .replace("{since}", session_state.SINCE.strip())
    .replace("{signs}", session_state.JOIN.strip())
    .replace("{agents}", AGENTS)
    .replace("{agent_signs}", AGENTS_JOIN.strip())
)
_EXISTS = "SELECT 1 AS found FROM sessions WHERE session_id = %(session_id)s"

_SEEN = "SELECT session_id FROM sessions WHERE session_id = ANY (%(ids)s)"

_TEXTS_DROPPED = "SELECT dropped_at FROM dropped_texts WHERE session_id = %(session_id)s"

_NO_SHARES: Final[Row] = {"share_ids": None, "share_numbers": None}
# As sessions.sql has them of whole sessions.
_NUMBER_OF_SHARE: Final[dict[str, Callable[[SessionShare], float]]] = {
    "active_minutes": lambda share: share.active_minutes * 60e6,
    "messages_count": lambda share: share.messages,
    "tool_calls_count": lambda share: share.tool_calls,
    "lines_changed": lambda share: share.lines_added + share.lines_removed,
    "cost_usd": lambda share: -1 if share.cost_usd is None else share.cost_usd * 1e9,
}


class SessionFilters(Struct, frozen=True):
    """The filters for sessions; None matches any."""

    project_id: int | None = None
    user: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    status: str | None = None
    model: str | None = None
    branch: str | None = None
    source: str | None = None
    # The id or the name of one that the session was seen on.
    machine: str | None = None
    starred: bool | None = None
    # shared/sessions/session_tags.py
    tag_key: str | None = None
    id_prefix: str | None = None
    # Projects with this group, or this repository.
    group: str | None = None
    repository: str | None = None
    # A part of the title or the note.
    contains: str | None = None
    outcome: str | None = None
    # An address, or a number.
    pull_request: str | None = None
    # Whether those count that began before `start` and went on.
    by_activity: bool = False


def sessions(
    connection: Connection,
    filters: SessionFilters,
    paging: Paging,
    idle_gap_seconds: int,
    sort: str = "start_time",
    *,
    ascending: bool = False,
    include_share: bool = False,
    include_outcome: bool = False,
) -> SessionPage:
    """Sessions by their date or a number. Sessions without a date or cost sort below all others.

    `include_share`: each with its share of [filters.start, filters.end), and by a number of that.
    """
    by_time = sort == "start_time"
    after = {"after_time": None, "after_number": None} | (
        paging.after(time="time", id="text") if by_time else paging.after(number="float", id="text")
    )
    parameters = (
        {"session_id": None, "sort": sort, "ascending": ascending} | asdict(filters) | after | {"projects": _projects(connection, filters)}
    )
    parameters |= _earliest(connection, filters, idle_gap_seconds)
    parameters |= _NO_SHARES if by_time or not include_share else _numbers_of_shares(connection, filters, sort, idle_gap_seconds)
    keys = ("dated_at" if by_time else "sort_number", "session_id")
    items, next_cursor = page(connection, Session, SESSIONS, parameters, paging, keys, prepare=_prepare, has_texts=True)
    if include_share:
        ids = [item.session_id for item in items]
        shares = session_shares(connection, ids, filters.start, filters.end, idle_gap_seconds)
        for item in items:
            item.share = shares[item.session_id]
    if include_outcome:
        outcomes = outcomes_of(connection, [item.session_id for item in items])
        for item in items:
            item.outcome = outcomes[item.session_id].in_numbers()
    return SessionPage(items, next_cursor)


def _prepare(row: Row) -> None:
    for name in ("dated_at", "sort_number", "bytes"):
        row.pop(name, None)


def _numbers_of_shares(connection: Connection, filters: SessionFilters, sort: str, idle_gap_seconds: int) -> Row:
    """Numbers that sort the sessions of which only a part is within the dates. All others count whole."""
    selection = _selection(connection, filters)
    edges = [edge for edge in (filters.start, filters.end) if edge is not None and edge != EARLIEST]
    crossing = {session_id for edge in edges for session_id in went_on(connection, selection, edge, None, idle_gap_seconds)}
    shares = session_shares(connection, sorted(crossing), filters.start, filters.end, idle_gap_seconds)
    return (
        {"share_ids": list(shares), "share_numbers": [float(_NUMBER_OF_SHARE[sort](share)) for share in shares.values()]}
        if shares
        else _NO_SHARES
    )


def _selection(connection: Connection, filters: SessionFilters) -> Row:
    user = ALL if filters.user is None else user_id(connection, filters.user)
    return {
        "project_id": filters.project_id or ALL,
        "user_id": user,
        "machine": filters.machine,
        "projects": _projects(connection, filters),
    }


def _projects(connection: Connection, filters: SessionFilters) -> list[int] | None:
    found = projects_of(connection, filters.group, filters.repository)
    return None if found is None else list(found)


def _earliest(connection: Connection, filters: SessionFilters, idle_gap_seconds: int) -> Row:
    """From which date on sessions are looked at, and which of those before the start count: so that an index bounds what is read."""
    start = filters.start
    # Nothing has begun before all time.
    if not filters.by_activity or start is None or start == EARLIEST:
        return {"earliest": start, "went_on": None}
    found = went_on(connection, _selection(connection, filters), start, filters.end, idle_gap_seconds)
    return {"earliest": min(found.values(), default=start), "went_on": list(found) or None}


def session(connection: Connection, session_id: str) -> Session | None:
    """One session; also one that has only an accepted start so far."""
    parameters = (
        {"session_id": session_id} | asdict(SessionFilters()) | {"after_time": None, "after_number": None, "after_id": None, "fetch": 1}
    )
    parameters |= {"sort": "start_time", "ascending": False, "earliest": None, "went_on": None, "projects": None} | _NO_SHARES
    return fetch_first(connection, Session, SESSIONS, parameters, _prepare)


def session_exists(connection: Connection, session_id: str) -> bool:
    """Whether any of it is known."""
    return bool(rows(connection, _EXISTS, {"session_id": session_id}))


def seen_sessions(connection: Connection, session_ids: Iterable[str]) -> frozenset[str]:
    """Those of these sessions that the transaction's key may read."""
    return frozenset(row["session_id"] for row in rows(connection, _SEEN, {"ids": list(session_ids)}))


def texts_dropped_at(connection: Connection, session_id: str) -> datetime | None:
    """When its texts were dropped; None: they were not."""
    found = rows(connection, _TEXTS_DROPPED, {"session_id": session_id})
    return found[0]["dropped_at"] if found else None


def models(connection: Connection, session_id: str) -> list[str]:
    """The models that it used, the most used first; at most 10."""
    return [row["model"] for row in rows(connection, _SQL.models, {"session_id": session_id})]
