"""Stores what an export has besides records: users, projects, machines, marks and views. Each statement is one table's, and may be repeated."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker import lock_order
from services.worker.importers.job.shards import Shard
from services.worker.persist.ownership import foreign_sessions
from services.worker.persist.tombstones import Kind, with_tombstones
from shared.dashboard_addresses import is_dashboard_address
from shared.projects import merging
from shared.redaction.redacted_structs import redact_structs
from shared.sessions.session_tags import tag_key
from shared.sql_files import statement

_sql = partial(statement, __package__, "besides.sql")

_Time = Annotated[str, Meta(max_length=40, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)$")]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
Visibility = Literal["private", "shared"]


class _User(Struct):
    name: _Name
    alias_of: _Name | None = None


class _Project(Struct):
    id: Annotated[int, Meta(ge=1, le=2**62)]
    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    name: str
    is_named: bool = True
    group_name: _Name | None = None
    is_archived: bool = False
    is_kept_apart: bool = False
    visibility: Visibility | None = None
    # The path of what it was merged into, and which rule did.
    part_of: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    merged_by: Literal["hand", "worktree", "remote", "path_rule"] | None = None
    merge_evidence: Annotated[str, Meta(max_length=8192)] | None = None
    merged_at: _Time | None = None


class _Place(Struct):
    told_by: _Name
    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    told_at: _Time
    common_dir: Annotated[str, Meta(max_length=4096)] | None = None
    remote: Annotated[str, Meta(max_length=4096)] | None = None
    inside: Annotated[str, Meta(max_length=4096)] = ""
    is_main: bool = False


class _Rule(Struct):
    pattern: Annotated[str, Meta(min_length=1, max_length=4096)]
    project_path: Annotated[str, Meta(min_length=1, max_length=4096)]


class _DroppedTexts(Struct):
    session_id: _Name
    before: _Time


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
    visibility: Visibility | None = None


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
    "project_places": _Place,
    "project_rules": _Rule,
    "machines": _Machine,
    "dropped_texts": _DroppedTexts,
    "session_machines": _SessionMachine,
    "session_marks": _Marks,
    "saved_views": _View,
}
# A key that is bound may bring nothing that is not of a session: its own user and projects are here already.
_OF_NO_SESSION: Final = frozenset({"users", "projects", "project_places", "project_rules", "machines", "saved_views"})
_IDS_OF_PATHS: Final = "SELECT path, id FROM projects WHERE path_key IN (md5(%(path)s)::uuid, md5(%(part_of)s)::uuid)"
# What of a row could have a tombstone.
_NAMED: Final[Mapping[type[Struct], Sequence[tuple[Kind, str]]]] = {
    _User: (("user", "name"),),
    _Project: (("project", "path"),),
    _Place: (("project", "path"),),
    _Rule: (("project", "project_path"),),
    _Machine: (("user", "user"),),
    **dict.fromkeys((_SessionMachine, _Marks, _DroppedTexts), (("session", "session_id"),)),
}
_STATEMENTS: Final = {
    "users": (_sql("users"), _sql("aliases")),
    "projects": (_sql("projects_again"), _sql("projects")),
    "project_places": (_sql("project_places"),),
    "project_rules": (_sql("project_rules"),),
    "machines": (_sql("machines"),),
    "dropped_texts": (_sql("dropped_texts"),),
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
    # Who writes tombstones has writing exclusively.
    lock_order.lock_writing_shared(connection)
    kept = _without_tombstoned(connection, rows)
    left_out = StoredRows(left_out=len(rows))
    tombstoned = len(rows) - len(kept)
    if shard.bound is not None:
        if table in _OF_NO_SESSION:
            return left_out
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
    return StoredRows(new, len(rows) - tombstoned - len(kept))


def merge_project(connection: Connection[Any], project: _Project) -> str | None:
    """Makes a project part of the one that it is part of in the other tracker, in the caller's transaction. What was decided here stays.

    Says why not, if it would show a bound key more.
    """
    if project.part_of is None or project.merged_by is None:
        return None
    connection.execute(merging.LOCK)
    paths = {"path": project.path, "part_of": project.part_of}
    found = dict(connection.execute(_IDS_OF_PATHS, paths).fetchall())
    if len(found) < len(set(paths.values())):
        return None
    ids = {"project_id": found[project.path], "other_id": found[project.part_of]}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(merging.LOCK_ROWS, ids).fetchall()
        before = merging.columns_of(next(row for row in rows if row["id"] == ids["project_id"]))
        if before["part_of"] is not None or before["is_kept_apart"] or merging.makes_circle(rows, ids["other_id"]):
            return None
        if cursor.execute(merging.WIDENED_KEYS, ids).fetchall():
            return f"{project.path} was not made part of {project.part_of}: a key that is bound to one of them would see the other."
        merge = {"part_of": ids["other_id"], "merged_by": project.merged_by, "merge_evidence": project.merge_evidence}
        after = before | merge | {"merged_at": project.merged_at or datetime.now(UTC).isoformat()}
        cursor.execute(merging.CHANGE, after | {"project_id": ids["project_id"]})
        cursor.execute(merging.RESOLVE, {"project_id": ids["project_id"], "before": None})
        changed_before, changed_after = merging.differences(before, after)
        noted = {"project_id": ids["project_id"], "who": "import", "before": Jsonb(changed_before), "after": Jsonb(changed_after)}
        cursor.execute(merging.NOTE, noted)
    return None


def _without_tombstoned(connection: Connection[Any], rows: Sequence[Struct]) -> list[Struct]:
    """The rows of no session, user and project that was erased or has expired here."""
    named = {id(row): {(kind, name) for kind, field in _NAMED.get(type(row), ()) if (name := getattr(row, field))} for row in rows}
    gone = with_tombstones(connection, set().union(*named.values()))
    return [row for row in rows if gone.isdisjoint(named[id(row)])]


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
