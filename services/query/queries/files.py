"""Files: how many different ones were touched, and which most. Distinct counts cannot be added up, so they are counted from file_rollups."""

from sqlalchemy import Connection

from services.query.queries.paging import Row, rows
from services.query.queries.ranges import Range, Segment
from services.query.queries.segments import IN_SEGMENT, SEGMENTS, segment_parameters
from shared.database import ALL

TOP_FILES = 20

_OF_PROJECT = "AND project_id = :project_id"

_DISTINCT = f"""
    SELECT count(DISTINCT r.file_key) AS files
    FROM {SEGMENTS} CROSS JOIN LATERAL (SELECT file_key FROM file_rollups WHERE {IN_SEGMENT} {{of_project}} OFFSET 0) AS r
"""

_DISTINCT_BY_INTERVAL = f"""
    SELECT i, count(*) AS files
    FROM (
        SELECT DISTINCT width_bucket(date_part('epoch', r.bucket_start), CAST(:edges AS float8[])) - 1 AS i, r.file_key
        FROM {SEGMENTS}
        CROSS JOIN LATERAL (SELECT bucket_start, file_key FROM file_rollups
            WHERE {IN_SEGMENT} AND bucket_start > '-infinity' {{of_project}} OFFSET 0) AS r
    ) AS d
    GROUP BY i
"""

_TOP_OF_ALL_TIME = """
    SELECT project_id, file_key, touches, lines_added, lines_removed
    FROM file_rollups WHERE grain_minutes = 0 {of_project}
    ORDER BY touches DESC, file_key LIMIT :top
"""

_TOP_OF_RANGE = f"""
    SELECT r.project_id, r.file_key, sum(r.touches)::bigint AS touches,
        sum(r.lines_added)::bigint AS lines_added, sum(r.lines_removed)::bigint AS lines_removed
    FROM {SEGMENTS}
    CROSS JOIN LATERAL (SELECT project_id, file_key, touches, lines_added, lines_removed FROM file_rollups
        WHERE {IN_SEGMENT} {{of_project}} OFFSET 0) AS r
    GROUP BY r.project_id, r.file_key
    ORDER BY touches DESC, r.file_key LIMIT :top
"""

# The last touch is looked up for the few files that are shown.
_NAMED = """
    WITH t AS MATERIALIZED ({top})
    SELECT f.file_path, nullif(t.project_id, 0) AS project_id, t.touches, t.lines_added, t.lines_removed, a.last_touched
    FROM t
    LEFT JOIN files f ON f.file_key = t.file_key
    LEFT JOIN LATERAL (
        SELECT nullif(occurred_at, '-infinity') AS last_touched FROM activities
        WHERE file_key = t.file_key AND project_id = t.project_id AND occurred_at >= :start AND occurred_at < :end
        ORDER BY occurred_at DESC LIMIT 1
    ) AS a ON true
    ORDER BY t.touches DESC, t.file_key
"""


def distinct(connection: Connection, project_id: int, segments: list[Segment]) -> int:
    """How many different files were touched."""
    sql = _DISTINCT.format(of_project=_of_project(project_id))
    return int(rows(connection, sql, _parameters(project_id, segments))[0]["files"])


def distinct_by_interval(connection: Connection, project_id: int, segments: list[Segment], edges: list[int]) -> dict[int, int]:
    """By number of the interval, how many different files were touched in it."""
    sql = _DISTINCT_BY_INTERVAL.format(of_project=_of_project(project_id))
    return {row["i"]: row["files"] for row in rows(connection, sql, _parameters(project_id, segments) | {"edges": edges[:-1]})}


def top(connection: Connection, project_id: int, wanted: Range, segments: list[Segment]) -> list[Row]:
    """The most touched files; over all projects, a file counts in each of its own."""
    source = (_TOP_OF_ALL_TIME if wanted.everything else _TOP_OF_RANGE).format(of_project=_of_project(project_id))
    bounds = {"top": TOP_FILES, "start": wanted.start_time or "-infinity", "end": wanted.end_time or "infinity"}
    found = rows(connection, _NAMED.format(top=source), _parameters(project_id, segments) | bounds)
    if project_id != ALL:
        for row in found:
            del row["project_id"]
    return found


def _of_project(project_id: int) -> str:
    return "" if project_id == ALL else _OF_PROJECT


def _parameters(project_id: int, segments: list[Segment]) -> Row:
    return segment_parameters(segments) | {"project_id": project_id}
