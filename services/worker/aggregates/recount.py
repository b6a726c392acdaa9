"""What every aggregate should hold, computed from all rows at once: for verify, rebuild and the benchmark's data. From the entries that writing uses."""

from services.worker.aggregates.registry import FILE_ROLLUPS, Aggregate
from services.worker.aggregates.rollups import cells_of_deltas, deltas_cte
from services.worker.row_tables import ROW_TABLES
from services.worker.sql_text import ctes, listed, sql

ACTIVE_DAYS = """
    SELECT k.project_id, s.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date AS day, range_agg(c.piece) AS ranges
    FROM sessions AS s, cut_at_buckets(without_gap(s.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (s.project_id), (-1)) AS k (project_id)
    WHERE s.counted GROUP BY 1, 2, 3"""

_FILE_SETS = """
    SELECT c.project_id, c.grain_minutes, c.bucket_start, f.number / 4096 AS chunk,
           bit_xor(set_bit(0::bit(4096), mod(f.number, 4096)::integer, 1)) AS bits
    FROM (
        $cells
    ) AS c JOIN files AS f USING (file_key)
    WHERE c.touches > 0 AND c.grain_minutes IN (1440, 10080)
    GROUP BY 1, 2, 3, 4"""

_FILE_COUNT_DELTAS = """
    file_count_deltas AS (
        SELECT project_id, grain_minutes, bucket_start, count(*) AS files_modified
        FROM (
            $cells
        ) AS cells
        WHERE touches > 0 AND project_id <> -1 GROUP BY 1, 2, 3
    )"""

_ACTIVE_DELTAS = """
    active_deltas AS (
        SELECT project_id, user_id, c.bucket_start, sum(microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
        FROM active_days, cut_at_buckets(ranges, 15) AS c GROUP BY 1, 2, 3
    )"""

# Inlined: these may be all rows of a large table.
_ROWS = """
    new_$table AS NOT MATERIALIZED (
        SELECT $columns
        FROM $table
    )"""


def cells_of_all_rows(aggregate: Aggregate) -> str:
    """A SELECT of the aggregate's cells."""
    aggregates = (FILE_ROLLUPS, aggregate) if "file_count_deltas" in aggregate.cells_from else (aggregate,)
    tables = dict.fromkeys(source.table for each in aggregates for source in each.sources)
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
