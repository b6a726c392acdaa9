"""Computes every aggregate anew from all rows and the base at once: for verify, rebuild and the benchmark's data.

It uses the entries that writing uses.
"""

from typing import Final

from services.worker.aggregates.registry import FILE_ROLLUPS, Aggregate
from services.worker.aggregates.rollups import cells_of_deltas, deltas_cte
from services.worker.row_tables import ROW_TABLES
from services.worker.sql_text import ctes, listed, sql, union_all
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "recount.sql")

ACTIVE_DAYS: Final = _SQL.active_days


def cells_of_all_rows(aggregate: Aggregate) -> str:
    """A SELECT of the aggregate's cells."""
    aggregates = (FILE_ROLLUPS, aggregate) if "file_count_deltas" in aggregate.cells_from else (aggregate,)
    tables = dict.fromkeys(source.table for each in aggregates for source in each.sources)
    tables |= {each.base: None for each in aggregates}
    relations = {f"new_{table}" for table in tables} | aggregate.cells_from.keys()
    parts = [sql(_SQL.rows, table=table, columns=listed(ROW_TABLES[table].columns) if table in ROW_TABLES else "*") for table in tables]
    if "active_deltas" in relations:
        parts.append(sql(_SQL.active_deltas))
    for each in aggregates:
        parts.append(deltas_cte(each, relations))
        if each is not aggregate:
            parts.append(sql(_SQL.file_count_deltas, cells=cells_of_deltas(each, relations)))
    return sql("WITH $parts\n$cells", parts=ctes(*parts), cells=cells_of_deltas(aggregate, relations))


def quarters_of_all_rows() -> str:
    """A SELECT of the rows of session_quarters: those of each table that adds to a measure, as its triggers count them (count_by_session)."""
    tables = [table for table in ROW_TABLES.values() if table.measures]
    measures = dict.fromkeys(name for table in tables for name in table.measures)
    rows = (
        sql(_SQL.quarters_of, table=table.name, measures=listed(f"{table.measures.get(name, '0')} AS {name}" for name in measures))
        for table in tables
    )
    return sql(_SQL.quarters, sums=listed(f"sum({name}) AS {name}" for name in measures), rows=union_all(rows))


def file_sets_of_all_rows() -> str:
    """A SELECT of the cells of file_sets."""
    return sql(_SQL.file_sets, cells=cells_of_all_rows(FILE_ROLLUPS))
