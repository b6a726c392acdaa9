"""Stores what an export has besides records: users, projects, machines, marks and views. Each statement is one table's, and may be repeated."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker import lock_order
from services.worker.importers.formats.export_manifest import exported_columns
from services.worker.importers.formats.exported_besides import Marks, Project
from services.worker.importers.job.shards import Shard
from services.worker.persist.tombstones import Kind, with_tombstones
from services.worker.sql_text import listed, sql
from shared.projects import merging
from shared.projects.path_rules import MAX_RULES
from shared.redaction.redacted_structs import redact_structs
from shared.sessions.session_tags import tag_key
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "besides.sql")

_IDS_OF_PATHS: Final = "SELECT path, id FROM projects WHERE path_key IN (md5(%(path)s)::uuid, md5(%(part_of)s)::uuid)"


def _beside_session(table: str) -> str:
    columns = exported_columns(table)
    return sql(
        _SQL.beside_session, table=table, key=f"{table}_pkey", columns=listed(columns), values=listed(f"r.{name}" for name in columns)
    )


def store_rows(connection: Connection[Any], shard: Shard, table: str, rows: Sequence[Struct], redactions: dict[str, int] | None) -> int:
    """Stores rows of a table, in the caller's transaction. Gives how many are new. `redactions`: None to redact nothing."""
    # Writers of tombstones hold it exclusively.
    lock_order.lock_writing_shared(connection)
    kept = _without_tombstoned(connection, rows)
    if redactions is not None:
        redact_structs(kept, redactions)
    new = 0
    if kept:
        values = {"rows": Jsonb([_values(row) for row in kept]), "job_number": shard.job_number, "most_rules": MAX_RULES}
        # Those of its name, in the order of the file: the last one adds what is new.
        own = [_SQL[name] for name in _SQL if name == table or name.startswith(f"{table}_")]
        for each in own or (_beside_session(table),):
            new = connection.execute(each.encode(), values).rowcount
    return new


def merge_project(connection: Connection[Any], project: Project, job_number: int) -> str | None:
    """Makes a project part of the one that it is part of in the other tracker, in the caller's transaction. A decision of this tracker stays.

    Says why not, if it would show a key more.
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
        if merging.overrules_private(rows, ids["project_id"], ids["other_id"]):
            return f"{project.path} was not made part of {project.part_of}: it is private, and the other is not."
        merge = {"part_of": ids["other_id"], "merged_by": project.merged_by, "merge_evidence": project.merge_evidence}
        after = before | merge | {"merged_at": (project.merged_at or datetime.now(UTC)).isoformat()}
        cursor.execute(merging.CHANGE, after | {"project_id": ids["project_id"]})
        cursor.execute(merging.RESOLVE, {"project_id": ids["project_id"], "before": None})
        changed_before, changed_after = merging.differences(before, after)
        who = f"import:{job_number}"
        noted = {"project_id": ids["project_id"], "who": who, "before": Jsonb(changed_before), "after": Jsonb(changed_after)}
        cursor.execute(merging.NOTE, noted)
    return None


def _without_tombstoned(connection: Connection[Any], rows: Sequence[Struct]) -> list[Struct]:
    """The rows of no session, user and project that was erased or has expired here."""
    named = {id(row): set(_named(row)) for row in rows}
    gone = with_tombstones(connection, set().union(*named.values()))
    return [row for row in rows if gone.isdisjoint(named[id(row)])]


def _named(row: Any) -> Iterator[tuple[Kind, str]]:
    for kind, field in row.NAMED:
        value = getattr(row, field)
        yield from ((kind, name) for name in (value if isinstance(value, list) else [value]) if name)


def own_projects(connection: Connection[Any], paths: Mapping[int, str]) -> dict[int, int]:
    """This tracker's projects by their ids in the other one. `paths`: of those."""
    rows = connection.execute("SELECT path, id FROM projects WHERE path = ANY(%(paths)s)", {"paths": list(paths.values())}).fetchall()
    here = dict(rows)
    return {there: here[path] for there, path in paths.items() if path in here}


def _values(row: Struct) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(row)
    if isinstance(row, Marks):
        # Never taken from the file: what a tag is compared by is this release's rule.
        values["tag_keys"] = [tag_key(tag) for tag in row.tags]
    return values
