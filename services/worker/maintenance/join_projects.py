"""Merges projects that are one, by machines' reports of their folders and by rules about paths (docs/adr/0089).

The strongest rule decides: worktrees of one git folder on one machine; clones of one remote; a rule about paths. Each at the same folder within. A
person's decision stands: a project that was merged by hand, or is kept apart, is left as it is. Nothing is merged that would show a bound key more.
"""

from datetime import UTC, datetime
from typing import Any, Final

import structlog
from psycopg import Connection
from psycopg.rows import dict_row, scalar_row
from psycopg.types.json import Jsonb

from services.worker.resources import Resources
from shared.projects import merging
from shared.projects.path_rules import matches
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "join_projects.sql")

log = structlog.get_logger()

# Projects of one task; each is judged in a transaction of its own.
PROJECTS_AT_ONCE: Final = 200


def run(worker: Resources) -> tuple[list[int], bool]:
    """Judges the projects that wait. The projects whose sessions are to be moved now, and whether there is more to do."""
    with worker.transaction() as connection:
        _apply_new_rules(connection)
    with worker.transaction() as connection, connection.cursor(row_factory=scalar_row) as cursor:
        waiting: list[int] = cursor.execute(_SQL.waiting, {"limit": PROJECTS_AT_ONCE}).fetchall()
    moving: set[int] = set()
    for project_id in waiting:
        with worker.transaction() as connection:
            moving |= judge(connection, project_id)
    return sorted(moving), len(waiting) == PROJECTS_AT_ONCE


def judge(connection: Connection[Any], project_id: int) -> set[int]:
    """Applies the rules to one project, in the caller's transaction. The projects whose sessions are to be moved."""
    connection.execute(merging.LOCK)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(merging.LOCK_ROWS, {"project_id": project_id, "other_id": None}).fetchall()
        connection.execute(_SQL.mark_judged, {"project_id": project_id})
        project = next((row for row in rows if row["id"] == project_id), None)
        if project is None or project["part_of"] is not None or project["is_kept_apart"]:
            return set()
        same = cursor.execute(_SQL.candidates, {"project_id": project_id}).fetchall()
        rules = cursor.execute(_SQL.rules).fetchall()
    moving: set[int] = set()
    if len(same) > 1:
        # The working tree that holds the git folder gives the name; else the project that has been here longest.
        whole = min(same, key=lambda each: (not each["is_main"], each["id"]))
        if whole["id"] == project_id:
            for each in same:
                if each["id"] != project_id and each["part_of"] is None:
                    moving |= _merge(connection, each["id"], project_id, each["rule"], each["evidence"])
            return moving
        # The reason that both have, which the other's entry says.
        return _merge(connection, project_id, whole["id"], whole["rule"], whole["evidence"])
    for rule in rules:
        if rule["project_id"] != project_id and matches(rule["pattern"], project["path"]):
            return _merge(connection, project_id, rule["project_id"], merging.PATH_RULE, rule["pattern"])
    return moving


def _merge(connection: Connection[Any], project_id: int, into: int, rule: str, evidence: str) -> set[int]:
    """Merges as ingest does for a person (services/ingest/postgres/admin/projects.py). Refuses to make a circle, or to show a bound key more."""
    ids = {"project_id": project_id, "other_id": into}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(merging.LOCK_ROWS, ids).fetchall()
        if merging.makes_circle(rows, into):
            return set()
        if widened := cursor.execute(merging.WIDENED_KEYS, ids).fetchall():
            log.warning("projects_not_merged", reason="bound keys would see more", keys=[key["id"] for key in widened], **ids)
            return set()
        if merging.overrules_private(rows, project_id, into):
            log.warning("projects_not_merged", reason="the one is private, and the other is not", **ids)
            return set()
        before = merging.columns_of(next(row for row in rows if row["id"] == project_id))
        merge = {"part_of": into, "merged_by": rule, "merge_evidence": evidence, "merged_at": datetime.now(UTC).isoformat()}
        after = before | merge
        cursor.execute(merging.CHANGE, after | {"project_id": project_id})
        resolved = cursor.execute(merging.RESOLVE, {"project_id": project_id, "before": None}).fetchall()
        changed_before, changed_after = merging.differences(before, after)
        noted = {"project_id": project_id, "who": "rule", "before": Jsonb(changed_before), "after": Jsonb(changed_after)}
        cursor.execute(merging.NOTE, noted)
    log.info("projects_merged", rule=rule, **ids)
    return {row["id"] for row in resolved if row["has_to_move"]}


def _apply_new_rules(connection: Connection[Any]) -> None:
    """Has the projects judged again that a new rule names."""
    with connection.cursor(row_factory=dict_row) as cursor:
        new = cursor.execute(_SQL.new_rules).fetchall()
        if not new:
            return
        named = [row["id"] for row in cursor.execute(_SQL.paths) if any(matches(rule["pattern"], row["path"]) for rule in new)]
        cursor.execute(_SQL.judge_again, {"project_ids": named})
        cursor.execute(_SQL.mark_rules, {"rule_ids": [rule["id"] for rule in new]})
