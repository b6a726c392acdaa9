"""What every aggregate should hold, computed from all rows and the base at once: for verify, rebuild and the benchmark's data.

From the entries that writing uses.
"""

from functools import partial
from typing import Final

from services.worker.aggregates.registry import FILE_ROLLUPS, Aggregate
from services.worker.aggregates.rollups import cells_of_deltas, deltas_cte
from services.worker.row_tables import ROW_TABLES
from services.worker.sql_text import ctes, listed, sql
from shared.sql_files import statement

_sql = partial(statement, __package__, "recount.sql")

ACTIVE_DAYS: Final = _sql("active_days")
_FILE_SETS: Final = _sql("file_sets")
_FILE_COUNT_DELTAS: Final = _sql("file_count_deltas")
_ACTIVE_DELTAS: Final = _sql("active_deltas")
_ROWS: Final = _sql("rows")


def cells_of_all_rows(aggregate: Aggregate) -> str:
    """A SELECT of the aggregate's cells."""
    aggregates = (FILE_ROLLUPS, aggregate) if "file_count_deltas" in aggregate.cells_from else (aggregate,)
    tables = dict.fromkeys(source.table for each in aggregates for source in each.sources)
    tables |= {each.base: None for each in aggregates}
    relations = {f"new_{table}" for table in tables} | aggregate.cells_from.keys()
    parts = [sql(_ROWS, table=table, columns=listed(ROW_TABLES[table].columns) if table in ROW_TABLES else "*") for table in tables]
    if "active_deltas" in relations:
        parts.append(sql(_ACTIVE_DELTAS))
    for each in aggregates:
        parts.append(deltas_cte(each, relations))
        if each is not aggregate:
            parts.append(sql(_FILE_COUNT_DELTAS, cells=cells_of_deltas(each, relations)))
    return sql("WITH $parts\n$cells", parts=ctes(*parts), cells=cells_of_deltas(aggregate, relations))


def file_sets_of_all_rows() -> str:
    """A SELECT of the cells of file_sets."""
    return sql(_FILE_SETS, cells=cells_of_all_rows(FILE_ROLLUPS))
