"""Stores what an export has besides records: users, projects, machines, marks and views. Each statement is one table's, and may be repeated."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct
from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker.importers.job.shards import Shard
from services.worker.persist.ownership import foreign_sessions
from shared.dashboard_addresses import is_dashboard_address
from shared.redaction.redacted_structs import redact_structs
from shared.sessions.session_tags import tag_key
from shared.sql_files import statement

_sql = partial(statement, __package__, "besides.sql")

_Time = Annotated[str, Meta(max_length=40, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)$")]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Visibility = Literal["private", "shared", None]


class _User(Struct):
    name: _Name
    alias_of: _Name | None = None


class _Project(Struct):
    id: Annotated[int, Meta(ge=1, le=2**62)]
    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    name: str
    is_named: bool = True
    visibility: _Visibility = None


class _Machine(Struct):
    machine_id: _Name
    name: _Name
    first_seen_at: _Time
    last_heard_at: _Time
    user: str | None = None
    report: dict[str, Any] = {}


class _SessionMachine(Struct):
    session_id: _Name
    machine_id: _Name


class _Marks(Struct):
    session_id: _Name
    changed_at: _Time
    is_starred: bool = False
    tags: Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=50)] = []
    note: Annotated[str, Meta(max_length=20_000)] | None = None
    title: Annotated[str, Meta(max_length=1_000)] | None = None
    visibility: _Visibility = None


class _View(Struct):
    id: str
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    address: str
    created_at: _Time


_PROJECT: Final = re.compile(r"((?:^/projects/|[?&]project_id=))(\d{1,18})(?![^?&])")
# The Struct of a row, by table.
ROWS: Final[dict[str, type[Any]]] = {
    "users": _User,
    "projects": _Project,
    "machines": _Machine,
    "session_machines": _SessionMachine,
    "session_marks": _Marks,
    "saved_views": _View,
}
# A key that is bound may bring nothing that is not of a session: its own user and projects are here already.
_OF_NO_SESSION: Final = frozenset({"users", "projects", "machines", "saved_views"})
_STATEMENTS: Final = {
    "users": (_sql("users"), _sql("aliases")),
    "projects": (_sql("projects_again"), _sql("projects")),
    "machines": (_sql("machines"),),
    "session_machines": (_sql("session_machines"),),
    "session_marks": (_sql("session_marks"),),
    "saved_views": (_sql("saved_views"),),
}


class StoredRows(NamedTuple):
    """`left_out`: rows that are not the key's."""

    new: int = 0
    left_out: int = 0


def store_rows(
    connection: Connection[Any], shard: Shard, table: str, rows: Sequence[Struct], redactions: dict[str, int] | None
) -> StoredRows:
    """Stores rows of a table, in the caller's transaction. `redactions`: None to redact nothing."""
    kept = list(rows)
    if shard.bound is not None:
        if table in _OF_NO_SESSION:
            return StoredRows(left_out=len(rows))
        foreign = foreign_sessions(connection, shard.bound, {row.session_id for row in kept})  # type: ignore[attr-defined]
        kept = [row for row in kept if row.session_id not in foreign]  # type: ignore[attr-defined]
    if redactions is not None:
        redact_structs(kept, redactions)
    values = [_values(row) for row in kept if not isinstance(row, _View) or is_dashboard_address(row.address)]
    new = 0
    if values:
        # The last one adds what is new.
        for each in _STATEMENTS[table]:
            new = connection.execute(each, {"rows": Jsonb(values), "job_number": shard.job_number}).rowcount
    return StoredRows(new, len(rows) - len(kept))


def name_own_projects(connection: Connection[Any], views: Sequence[_View], paths: Mapping[int, str]) -> None:
    """Puts the ids of this tracker's projects into addresses that name the other one's. A project that is not here stays as it is."""
    rows = connection.execute("SELECT path, id FROM projects WHERE path = ANY(%(paths)s)", {"paths": list(paths.values())}).fetchall()
    here = dict(rows)
    for view in views:
        view.address = _PROJECT.sub(lambda found: f"{found[1]}{here.get(paths.get(int(found[2]), ''), found[2])}", view.address)


def _values(row: Struct) -> dict[str, Any]:
    values = msgspec.structs.asdict(row)
    if isinstance(row, _Marks):
        # Never taken from the file: what a tag is compared by is this release's rule.
        values["tag_keys"] = [tag_key(tag) for tag in row.tags]
    return values
