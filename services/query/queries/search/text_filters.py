"""All filters of a search, and the rights of its key, as one query to the index. Totals, ranks and times so depend on nothing that the key may not see."""

from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from msgspec import Struct
from tantivy import Query

from services.query.database import Connection, Row, fetch_one
from services.query.queries.search.query_filters import Filters
from services.query.queries.search.text_searcher import all_of, any_of, places
from services.query.search_index.documents.row_documents import KINDS, DocumentKind
from services.query.search_index.documents.text_documents import place_of
from services.query.search_index.words.fields import KIND, LABELS, schema
from shared.sql_files import SqlFile

_PASSING: Final = SqlFile(__package__, "text_filters.sql").passing
_LEAST_ID: Final = UUID(int=0)

# Filters that are of sessions.
_OF_SESSIONS: Final = ("session_id", "project_id", "projects", "not_projects", "users", "not_users", "machine", "branch", "is_starred")
_IN_STATEMENT: Final = ("users", "not_users", "machine", "branch", "is_starred")
# Filters of one value or several, and the labels that tell them.
_ONE_OF: Final = {
    "session_id": "session",
    "project_id": "project",
    "projects": "project",
    "role": "role",
    "tools": "tool",
    "agent": "agent",
    "model": "model",
    "source": "source",
}


class _Passing(Struct, frozen=True):
    """The ids that names stand for, and those that the key may see; None: all."""

    bound_projects: list[int] | None
    bound_users: list[int] | None
    # Sessions of others that the key sees.
    shared: list[str]
    users: list[int | None]
    not_users: list[int | None]
    machine: list[str]
    branch: list[str]
    starred: list[str]


def filter_query(connection: Connection, filters: Filters) -> Query | None:
    """A query for the texts that pass; it adds nothing to a score. None if all do."""
    return _query(connection, filters.parameters)


def session_filter_query(connection: Connection, filters: Filters) -> Query | None:
    """A query for the sessions that pass the filters that are of sessions, as their documents have it. None if all do."""
    return _query(connection, {name: value if name in _OF_SESSIONS else None for name, value in filters.parameters.items()})


def _query(connection: Connection, asked: Row) -> Query | None:
    passing = fetch_one(connection, _Passing, _PASSING, {name: asked[name] for name in _IN_STATEMENT})
    wanted, unwanted = [*_rights(passing), *_wanted(asked, passing)], list(_unwanted(asked, passing))
    if not wanted and not unwanted:
        return None
    query = all_of(*wanted).and_must_not_match(*unwanted)
    return Query.const_score_query(query, 0.0)


def of_kinds(*kinds: DocumentKind) -> Query:
    """Texts of these kinds."""
    return Query.term_set_query(schema(), KIND, [KINDS.index(kind) for kind in kinds])


def labelled(name: str, values: Iterable[object]) -> Query:
    """Texts or sessions of which one of these values is told."""
    return Query.term_set_query(schema(), LABELS, [f"{name}:{value}" for value in values if value is not None])


def _rights(passing: _Passing) -> Iterator[Query]:
    """As the policies of rows have it (deploy/migrations/schema/17_bound_keys.sql): of the projects, and of the users or of a session that is seen."""
    if passing.bound_projects is not None:
        yield labelled("project", passing.bound_projects)
    if passing.bound_users is not None:
        yield any_of(labelled("user", passing.bound_users), labelled("session", passing.shared))


def _wanted(asked: Row, passing: _Passing) -> Iterator[Query]:
    """Queries that a text must match."""
    for name, label in _ONE_OF.items():
        if (value := asked[name]) is not None:
            yield labelled(label, value if isinstance(value, list) else [value])
    if asked["kinds"] is not None:
        yield of_kinds(*asked["kinds"])
    if asked["is_error"] is not None:
        yield labelled("error", ["true" if asked["is_error"] else "false"])
    if asked["users"] is not None:
        yield labelled("user", passing.users)
    for name, sessions in (("machine", passing.machine), ("branch", passing.branch)):
        if asked[name] is not None:
            yield labelled("session", sessions)
    if asked["is_starred"]:
        yield labelled("session", passing.starred)
    start, end = asked["start"], asked["end"]
    if start is not None or end is not None:
        yield places(place_of(start, _LEAST_ID) if start else 0, place_of(end, _LEAST_ID) - 1 if end else None)


def _unwanted(asked: Row, passing: _Passing) -> Iterator[Query]:
    """Queries that it must not match."""
    for name, label in (("not_tools", "tool"), ("not_projects", "project")):
        if asked[name] is not None:
            yield labelled(label, asked[name])
    if asked["not_users"] is not None:
        yield labelled("user", passing.not_users)
    if asked["is_starred"] is False:
        yield labelled("session", passing.starred)
