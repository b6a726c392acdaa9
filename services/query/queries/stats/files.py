"""Files: how many different ones were touched. Distinct counts cannot be added up, but sets of bits can be united (file_sets)."""

from services.query.database import Connection, Row, rows
from services.query.queries.stats.bucket_ranges import IN_SEGMENT, SEGMENTS, segment_parameters
from services.query.queries.stats.ranges import Segment
from shared.database import ALL

# As the index by time has it: `>= 0` would invite a scan of the primary key, project by project.
OF_ALL = "<> -1 AND grain_minutes > 0"

_INTERVAL = "width_bucket(date_part('epoch', r.bucket_start), CAST(%(edges)s AS float8[])) - 1"

# Days and weeks as sets; hours and quarters, whose sets are not kept, file by file.
_SETS = f"""
    SELECT {{interval}} AS i, r.chunk, r.bits
    FROM {SEGMENTS}
    CROSS JOIN LATERAL (SELECT bucket_start, chunk, bits FROM file_sets WHERE project_id = %(project_id)s AND {IN_SEGMENT} {{dated}} OFFSET 0) AS r
"""
_CELLS = (
    f"""
    SELECT DISTINCT {{interval}} AS i, r.file_key
    FROM {SEGMENTS}
    CROSS JOIN LATERAL (SELECT bucket_start, file_key FROM file_rollups WHERE {IN_SEGMENT} {{dated}} AND project_id {{of_project}} AND touches > 0 OFFSET 0) AS r
""".replace("%(grains)s", "%(fine_grains)s")
    .replace("%(starts)s", "%(fine_starts)s")
    .replace("%(ends)s", "%(fine_ends)s")
)

_DISTINCT_SETS = f"""
    SELECT i, sum(bit_count(bits))::bigint AS files
    FROM (
        SELECT i, chunk, bit_or(bits) AS bits
        FROM ({_SETS}
            UNION ALL
            SELECT c.i, f.number / 4096, set_bit(0::bit(4096), mod(f.number, 4096)::integer, 1) FROM ({_CELLS}) AS c JOIN files AS f USING (file_key)
        ) AS b GROUP BY i, chunk
    ) AS d
    GROUP BY i
"""
_DISTINCT_CELLS = f"SELECT i, count(*) AS files FROM ({_CELLS}) AS d GROUP BY i"


def distinct(connection: Connection, project_id: int, segments: list[Segment]) -> int:
    """How many different files were touched."""
    found = _distinct(connection, project_id, segments, "0", "", {})
    return found.get(0, 0)


def distinct_by_interval(connection: Connection, project_id: int, segments: list[Segment], edges: list[int]) -> dict[int, int]:
    """By number of the interval, how many different files were touched in it."""
    return _distinct(connection, project_id, segments, _INTERVAL, "AND bucket_start > '-infinity'", {"edges": edges[:-1]})


def _distinct(
    connection: Connection, project_id: int, segments: list[Segment], interval: str, dated: str, parameters: Row
) -> dict[int, int]:
    kept = [each for each in segments if each.grain_minutes in (1440, 10080)]
    fine = [each for each in segments if each.grain_minutes not in (1440, 10080)]
    sql = (_DISTINCT_SETS if kept else _DISTINCT_CELLS).format(
        interval=interval, dated=dated, of_project=OF_ALL if project_id == ALL else "= %(project_id)s"
    )
    bounds = segment_parameters(kept) | {f"fine_{name}": value for name, value in segment_parameters(fine).items()}
    return {row["i"]: row["files"] for row in rows(connection, sql, bounds | parameters | {"project_id": project_id})}
