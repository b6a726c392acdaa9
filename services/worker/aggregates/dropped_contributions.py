"""The base of the aggregates: what dropped rows contributed. Cells are the contributions of rows and of the base, so nothing is withdrawn when rows go.

Each aggregate has a table `base_<aggregate>` of contributions: of each project, perhaps user, finest bucket, and the columns of `by`. They are no cells,
but what cells are made of, so they take a fraction of their room. Active time is a union: `base_sessions` has the time of each dropped session.

A merge of users or of projects moves the base as it moves rows. As a session does, the base keeps the project of the path beside the one that it counts
under, so that a merge of projects can be taken back.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from services.worker.aggregates.registry import AGGREGATES, TOOL_ROLLUPS, Aggregate
from services.worker.aggregates.rollups import deltas_cte, rename_cells, rollup_ctes, rollups_that_note_emptied_cells
from services.worker.sql_text import ctes, listed, sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "dropped_contributions.sql")

BRING_SESSIONS: Final = _SQL.bring_sessions
TAKE_BACK_SESSIONS: Final = _SQL.take_back_sessions
_RENAME: Final = "UPDATE $base SET $column = %(new)s WHERE $column = %(old)s"

SESSIONS: Final = "base_sessions"


@dataclass(frozen=True, slots=True)
class Move:
    """A change of the owner of rows of the base. `owner`: the column; aggregates without it stay.

    `chosen`: a SELECT over $base of the ctids of rows to move, %(limit)s at most. `assignments`: SQL for SET.
    """

    owner: str
    chosen: str
    assignments: str


def base_tables() -> tuple[str, ...]:
    """All of them."""
    return (*(aggregate.base for aggregate in AGGREGATES.values()), SESSIONS)


def base_ctes(relations: Collection[str]) -> str:
    """Adds what the rows of these relations contribute to the base of all aggregates; they have path_project_id too. Active time is not among it."""
    parts = []
    for aggregate in AGGREGATES.values():
        if deltas := deltas_cte(aggregate, relations, aggregate.base_owners):
            parts += [
                deltas,
                sql(_SQL.add, base=aggregate.base, deltas=f"{aggregate.table}_deltas", columns=listed(aggregate.base_columns)),
            ]
    return ctes(*parts)


def move(aggregate: Aggregate, wanted: Move) -> str:
    """Makes some of what is in the base another owner's, and moves it in the cells. Cells that are left empty are noted, and maxima to look up."""
    return sql(
        _SQL.move,
        base=aggregate.base,
        assignments=wanted.assignments,
        chosen=chosen(aggregate.base, wanted),
        old=listed(f"old.{name} AS old_{name}" for name in aggregate.base_columns),
        new=listed(f"new.{name} AS new_{name}" for name in aggregate.base_columns),
        new_columns=listed(f"new_{name} AS {name}" for name in aggregate.base_columns),
        old_columns=listed(f"old_{name} AS {name}" for name in aggregate.base_columns),
        noted=sql(_SQL.note_maxima, base=aggregate.base) if aggregate is TOOL_ROLLUPS else "",
        rollups=rollups_that_note_emptied_cells({f"new_{aggregate.base}", f"gone_{aggregate.base}"}),
    )


def move_sessions(wanted: Move) -> str:
    """The same for the times of dropped sessions. Gives the projects that lost or won one, and notes the days to make again."""
    return sql(_SQL.move_sessions, assignments=wanted.assignments, chosen=chosen(SESSIONS, wanted))


def bring(aggregate: Aggregate) -> str:
    """Adds %(rows)s, which an import brings, to the base and to the cells."""
    known = {
        "project_id": "coalesce(p.merged_into, p.id, 0)",
        "path_project_id": "CASE WHEN p.merged_into IS NOT NULL THEN p.id END",
        "user_id": "coalesce(u.alias_of, u.id, 0)",
        "file_key": "md5(e.line->>'file_path')::uuid",
        "bucket_start": "coalesce(r.bucket_start, '-infinity')",
    }
    return sql(
        _SQL.bring,
        base=aggregate.base,
        columns=listed(aggregate.base_columns),
        values=listed(known.get(name, f"r.{name}") for name in aggregate.base_columns),
        rollups=rollup_ctes({f"new_{aggregate.base}"}),
    )


def take_back(aggregate: Aggregate) -> str:
    """Takes some of what an import brought out of the base and the cells. Cells that are left empty are noted, and maxima to look up."""
    return sql(
        _SQL.take_back,
        base=aggregate.base,
        columns=listed(aggregate.base_columns),
        noted=sql(_SQL.note_maxima, base=aggregate.base) if aggregate is TOOL_ROLLUPS else "",
        rollups=rollups_that_note_emptied_cells({f"gone_{aggregate.base}"}),
    )


def chosen(base: str, wanted: Move) -> str:
    """A SELECT of the places of what is to be moved."""
    return sql(wanted.chosen, base=base)


def rename(aggregate: Aggregate, column: str) -> list[str]:
    """The statements that give %(old)s the name %(new)s, in the cells and in the base."""
    return [*rename_cells(aggregate, column), sql(_RENAME, base=aggregate.base, column=column)]
