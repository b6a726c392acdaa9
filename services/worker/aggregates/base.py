"""The base of the aggregates: what dropped rows contributed. Cells are the contributions of rows and of the base, so nothing is withdrawn when rows go.

Each aggregate has a table `base_<aggregate>` of contributions: of each project, perhaps user, finest bucket, and the columns of `by`. They are no cells,
but what cells are made of, so they take a fraction of their room. Active time is a union: `base_sessions` has the time of each dropped session.
"""

from collections.abc import Collection
from functools import partial
from typing import Final

from services.worker.aggregates.registry import AGGREGATES, Aggregate
from services.worker.aggregates.rollups import deltas_cte, rename_cells, rollups_that_note_emptied_cells
from services.worker.sql_text import ctes, listed, sql
from shared.sql_files import statement

_sql = partial(statement, __package__, "base.sql")

_ADD: Final = _sql("add")
_MOVE_USER: Final = _sql("move_user")
_RENAME: Final = "UPDATE $base SET $column = %(new)s WHERE $column = %(old)s"

SESSIONS: Final = "base_sessions"


def base_tables() -> tuple[str, ...]:
    """All of them."""
    return (*(aggregate.base for aggregate in AGGREGATES.values()), SESSIONS)


def base_ctes(relations: Collection[str]) -> str:
    """Adds what the rows of these relations contribute to the base of all aggregates. Active time is not among it."""
    parts = []
    for aggregate in AGGREGATES.values():
        if deltas := deltas_cte(aggregate, relations):
            parts += [deltas, sql(_ADD, base=aggregate.base, deltas=f"{aggregate.table}_deltas", columns=listed(aggregate.base_columns))]
    return ctes(*parts)


def move_user(aggregate: Aggregate) -> str:
    """Makes some of what is in the base another user's, and moves it in the cells. Cells that are left empty are noted."""
    return sql(
        _MOVE_USER,
        base=aggregate.base,
        old=listed(f"old.{name} AS old_{name}" for name in aggregate.base_columns),
        new=listed(f"new.{name} AS new_{name}" for name in aggregate.base_columns),
        new_columns=listed(f"new_{name} AS {name}" for name in aggregate.base_columns),
        old_columns=listed(f"old_{name} AS {name}" for name in aggregate.base_columns),
        rollups=rollups_that_note_emptied_cells({f"new_{aggregate.base}", f"gone_{aggregate.base}"}),
    )


def rename(aggregate: Aggregate, column: str) -> list[str]:
    """The statements that give %(old)s the name %(new)s, in the cells and in the base."""
    return [*rename_cells(aggregate, column), sql(_RENAME, base=aggregate.base, column=column)]
