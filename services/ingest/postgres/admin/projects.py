"""The SQL of a project's name, group, archive, visibility and place, as people change them. The worker moves the sessions of a merge.

Every change is noted with the columns as they were, so that the newest can be undone exactly. Every function answers within a second or raises
Unavailable DATABASE_UNAVAILABLE.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct
from psycopg.types.json import Jsonb

from services.ingest.postgres.audit import AuditRecord, add_record, run_audited
from services.ingest.postgres.database import Connection, Database
from shared.http.errors import Conflict, NotFound
from shared.projects import merging
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "projects.sql")


Columns = dict[str, Any]
# From a project's row (merging.LOCK_ROWS) to the columns that it is to have.
Change = Callable[[Mapping[str, Any]], Columns]


class Changed(Struct, frozen=True):
    """A project after a change. `moving`: the projects whose sessions still count elsewhere."""

    columns: Columns
    merged_into: int | None
    moving: list[int]


async def change(
    database: Database, project_id: int, wanted: Change, record: AuditRecord, *, into: int | None, widens_keys: bool
) -> Changed:
    """Changes a project. `into`: the project that it becomes part of, None if it does not. `widens_keys`: even if keys would see more.

    NotFound for a project that is not there; Conflict for a circle, or if keys would see more; or what `wanted` raises. Then nothing is changed.
    """

    async def work(connection: Connection) -> Changed:
        async with connection.transaction():
            rows = await _lock(connection, project_id, into)
            return await _apply(connection, rows, project_id, wanted(rows[project_id]), record, widens_keys=widens_keys)

    return await database.run(work)


async def undo(database: Database, project_id: int, record: AuditRecord, *, widens_keys: bool) -> Changed:
    """Takes the newest change of a project back. A project that a rule merged is kept apart from then on.

    Conflict, too, if there is nothing to undo.
    """

    async def work(connection: Connection) -> Changed:
        async with connection.transaction():
            await connection.execute(merging.LOCK)
            found = await (await connection.execute(_SQL.last_change, {"project_id": project_id})).fetchone()
            rows = await _lock(connection, project_id, found["before"].get("part_of") if found else None)
            if found is None:
                raise Conflict("Nothing of this project was changed that is not undone.", details={"project_id": "nothing to undo"})
            before = merging.columns_of(rows[project_id])
            after = before | found["before"]
            if before["part_of"] is not None and before["merged_by"] != merging.HAND and "part_of" in found["before"]:
                after["is_kept_apart"] = True
            await connection.execute(_SQL.mark_undone, {"change_id": found["id"]})
            return await _apply(connection, rows, project_id, after, record, widens_keys=widens_keys, is_noted=False)

    return await database.run(work)


async def _lock(connection: Connection, project_id: int, other_id: int | None) -> dict[int, dict[str, Any]]:
    await connection.execute(merging.LOCK)
    found = await (await connection.execute(merging.LOCK_ROWS, {"project_id": project_id, "other_id": other_id})).fetchall()
    rows = {row["id"]: row for row in found}
    for each in (project_id, other_id):
        if each is not None and each not in rows:
            raise no_project(each)
    return rows


async def _apply(
    connection: Connection,
    rows: Mapping[int, Mapping[str, Any]],
    project_id: int,
    after: Columns,
    record: AuditRecord,
    *,
    widens_keys: bool,
    is_noted: bool = True,
) -> Changed:
    row = rows[project_id]
    changed_before, changed_after = merging.differences(merging.columns_of(row), after)
    moving = {each["id"] for each in rows.values() if each["is_below"] and each["is_moving"]}
    merged_into = row["merged_into"]
    if not changed_after:
        return Changed(after, merged_into, sorted(moving))
    if (into := changed_after.get("part_of")) is not None:
        if merging.makes_circle(list(rows.values()), into):
            raise _circle(project_id, into)
        widened = await (await connection.execute(merging.WIDENED_KEYS, {"project_id": project_id, "other_id": into})).fetchall()
        if widened and not widens_keys:
            raise _widens(widened)
        if not widens_keys and merging.overrules_private(list(rows.values()), project_id, into):
            raise _overrules(project_id)
    await connection.execute(merging.CHANGE, after | {"project_id": project_id})
    resolved = await (await connection.execute(merging.RESOLVE, {"project_id": project_id, "before": merged_into})).fetchall()
    moving |= {each["id"] for each in resolved if each["has_to_move"]}
    if is_noted:
        noted = {"project_id": project_id, "who": record.who, "before": Jsonb(changed_before), "after": Jsonb(changed_after)}
        await connection.execute(merging.NOTE, noted)
    await add_record(connection, record)
    found = await (await connection.execute("SELECT merged_into FROM projects WHERE id = %(id)s", {"id": project_id})).fetchone()
    assert found is not None
    return Changed(after, found["merged_into"], sorted(moving))


async def add_rule(database: Database, pattern: str, project_id: int, key_id: str, most: int, record: AuditRecord) -> dict[str, Any] | None:
    """{id, project_id, created_at, done}: done if it is new. None if there is no such project, or if there are `most` rules."""
    params = {"pattern": pattern, "project_id": project_id, "key_id": key_id, "most": most}
    return await run_audited(database, _SQL.add_rule, params, record)


async def delete_rule(database: Database, rule_id: int, record: AuditRecord) -> tuple[str, list[int]] | None:
    """Deletes a rule and undoes its merges. Its pattern, and the projects whose sessions are to be moved. None if there is no such rule."""

    async def work(connection: Connection) -> tuple[str, list[int]] | None:
        async with connection.transaction():
            await connection.execute(merging.LOCK)
            rule = await (await connection.execute(_SQL.delete_rule, {"rule_id": rule_id})).fetchone()
            if rule is None:
                return None
            moving: list[int] = []
            for merge in await (await connection.execute(merging.MERGES_OF_RULE, rule)).fetchall():
                rows = await _lock(connection, merge["id"], None)
                after = merging.columns_of(rows[merge["id"]]) | merging.NOT_MERGED
                moving += (await _apply(connection, rows, merge["id"], after, record, widens_keys=False)).moving
            if not moving:
                await add_record(connection, record)
        return rule["pattern"], moving

    return await database.run(work)


def no_project(project_id: int, otherwise: str = "") -> NotFound:
    """The 404."""
    return NotFound(f"There is no project {project_id}{otherwise}; see /api/projects.", code="PROJECT_NOT_FOUND")


def _circle(project_id: int, into: int) -> Conflict:
    return Conflict(
        f"Project {into} is project {project_id} itself, or part of it. Take it out first: PATCH it with `merged_into` null.",
        details={"merged_into": "would make a circle"},
    )


def _overrules(project_id: int) -> Conflict:
    return Conflict(
        f"Project {project_id} is private, and the other is not: keys of other users could then read its sessions. Send `widen_keys` true, "
        "or make the other private.",
        code="KEYS_WOULD_SEE_MORE",
        details={"widen_keys": "a private project would be part of one that is not"},
    )


def _widens(keys: list[dict[str, Any]]) -> Conflict:
    named = ", ".join(f"{key['name']} ({key['id']})" for key in keys[:10])
    return Conflict(
        f"{len(keys)} keys are bound to one of the two projects and would see both: {named}. Revoke them, or send `widen_keys` true.",
        code="KEYS_WOULD_SEE_MORE",
        details={"widen_keys": "keys that are bound to projects would see more"},
    )
