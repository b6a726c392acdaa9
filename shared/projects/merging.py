"""A project that is part of another: what ingest changes by hand and the worker by rules, in one way.

`part_of` is what was decided. `merged_into` follows from it: the project at the end of the chain, under which the sessions count. Both services lock
and change projects with these statements; the worker then moves the sessions (services/worker/maintenance/rekey_projects.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "merging.sql")

LOCK: Final = _SQL.lock
LOCK_ROWS: Final = _SQL.lock_rows
WIDENED_KEYS: Final = _SQL.widened_keys
CHANGE: Final = _SQL.change
RESOLVE: Final = _SQL.resolve
NOTE: Final = _SQL.note
MERGES_OF_RULE: Final = _SQL.merges_of_rule

# The rules that decide, the strongest first.
HAND: Final = "hand"
WORKTREE: Final = "worktree"
REMOTE: Final = "remote"
PATH_RULE: Final = "path_rule"

# Columns of a project that can be changed, and undone.
NOT_MERGED: Final[dict[str, Any]] = {
    "part_of": None,
    "merged_by": None,
    "merge_evidence": None,
    "merged_by_key": None,
    "merged_at": None,
}
COLUMNS: Final = ("name", "group_name", "is_archived", "visibility", "is_kept_apart", *NOT_MERGED)


def columns_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """{column: value} of those that can be changed, from a row of LOCK_ROWS."""
    return {name: row[name] for name in COLUMNS}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns in which two states differ: ({column: old value}, {column: new value})."""
    changed = [name for name in COLUMNS if before[name] != after[name]]
    return {name: before[name] for name in changed}, {name: after[name] for name in changed}


def overrules_private(rows: Sequence[Mapping[str, Any]], project_id: int, other_id: int) -> bool:
    """Whether a person made the project private, and the whole that it would be part of is not: keys bound to users could then read more of it."""
    by_id = {row["id"]: row for row in rows}
    whole = by_id[by_id[other_id]["merged_into"] or other_id]
    return bool(by_id[project_id]["visibility"] == "private" != whole["visibility"])


def makes_circle(rows: Sequence[Mapping[str, Any]], other_id: int) -> bool:
    """Whether the other project is the first itself, or part of it. `rows` of LOCK_ROWS."""
    return any(row["id"] == other_id and row["is_below"] for row in rows)
