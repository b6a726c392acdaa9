"""The most touched files of a range.

A file is touched in a range at most as often as ever. So the files are looked at in the order of all their touches, and a few are enough:
unless the range is short, but then there is little to add up.
"""

from services.query.database import Connection, Row, rows
from services.query.queries.lists.paging import shown
from services.query.queries.stats.bucket_ranges import IN_SEGMENT, SEGMENTS, segment_parameters
from services.query.queries.stats.files import OF_ALL
from services.query.queries.stats.ranges import DAY, Range, Segment
from shared.database import ALL

TOP_FILES = 20
CANDIDATES = 256
# Of a shorter range all that was touched is added up at once.
_LONG = 100 * DAY

_TOP_OF_ALL_TIME = f"""
    SELECT project_id, file_key, touches, {shown("lines_added", "lines_added")}, {shown("lines_removed", "lines_removed")}
    FROM file_rollups WHERE grain_minutes = 0 AND project_id {{of_project}} AND touches > 0
    ORDER BY touches DESC, file_key LIMIT %(top)s
"""

_SUMS = ", ".join(shown(f"sum({name})", name) for name in ("touches", "lines_added", "lines_removed"))
_CELLS_OF_RANGE = f"""
        SELECT r.project_id, r.file_key, r.touches, r.lines_added, r.lines_removed
        FROM {SEGMENTS}
        CROSS JOIN LATERAL (SELECT project_id, file_key, touches, lines_added, lines_removed FROM file_rollups
            WHERE {IN_SEGMENT} AND project_id {{of_cells}} OFFSET 0) AS r"""

_TOP_OF_RANGE = f"""
    SELECT project_id, file_key, {_SUMS} FROM ({_CELLS_OF_RANGE}) AS r
    GROUP BY project_id, file_key HAVING sum(touches) > 0 ORDER BY touches DESC, file_key LIMIT %(top)s
"""

_FINE_CELLS_OF_RANGE = (
    _CELLS_OF_RANGE.replace("%(grains)s", "%(fine_grains)s").replace("%(starts)s", "%(fine_starts)s").replace("%(ends)s", "%(fine_ends)s")
)
_TOP_OF_CANDIDATES = f"""
    WITH often AS MATERIALIZED (
        SELECT project_id, file_key, touches AS ever FROM file_rollups WHERE grain_minutes = 0 AND project_id {{of_project}}
        ORDER BY touches DESC LIMIT %(candidates)s
    )
    SELECT project_id, file_key, {_SUMS}, (SELECT count(*) FROM often) AS candidates, (SELECT min(ever) FROM often) AS least
    FROM (
        SELECT o.project_id, o.file_key, r.touches, r.lines_added, r.lines_removed
        FROM often AS o
        CROSS JOIN {SEGMENTS}
        CROSS JOIN LATERAL (SELECT touches, lines_added, lines_removed FROM file_rollups
            WHERE file_key = o.file_key AND project_id = o.project_id AND project_id <> -1 AND grain_minutes IN (1440, 10080) AND {IN_SEGMENT}
            OFFSET 0) AS r
        UNION ALL
        SELECT f.* FROM ({_FINE_CELLS_OF_RANGE}) AS f JOIN often USING (project_id, file_key)
    ) AS r
    GROUP BY project_id, file_key HAVING sum(touches) > 0 ORDER BY touches DESC, file_key LIMIT %(top)s
"""

# The last touch is looked up for the few files that are shown.
_NAMED = """
    SELECT f.file_path, nullif(t.project_id, 0) AS project_id, t.touches, t.lines_added, t.lines_removed, a.last_touched
    FROM unnest(CAST(%(project_ids)s AS bigint[]), CAST(%(file_keys)s AS uuid[]), CAST(%(touches)s AS bigint[]), CAST(%(lines_added)s AS bigint[]),
                CAST(%(lines_removed)s AS bigint[])) WITH ORDINALITY AS t (project_id, file_key, touches, lines_added, lines_removed, n)
    LEFT JOIN files AS f ON f.file_key = t.file_key
    LEFT JOIN LATERAL (
        SELECT nullif(occurred_at, '-infinity') AS last_touched FROM activities
        WHERE file_key = t.file_key AND project_id = t.project_id AND occurred_at >= %(start)s AND occurred_at < %(end)s
        ORDER BY occurred_at DESC LIMIT 1
    ) AS a ON true
    ORDER BY t.n
"""
_COLUMNS = {
    "project_ids": "project_id",
    "file_keys": "file_key",
    "touches": "touches",
    "lines_added": "lines_added",
    "lines_removed": "lines_removed",
}


def top(connection: Connection, project_id: int, wanted: Range, segments: list[Segment]) -> list[Row]:
    """The most touched files; over all projects, a file counts in each of its own."""
    found = _top(connection, project_id, wanted, segments)
    bounds = {"start": wanted.start_time or "-infinity", "end": wanted.end_time or "infinity"}
    named = rows(connection, _NAMED, {name: [row[column] for row in found] for name, column in _COLUMNS.items()} | bounds)
    if project_id != ALL:
        for row in named:
            del row["project_id"]
    return named


def _top(connection: Connection, project_id: int, wanted: Range, segments: list[Segment]) -> list[Row]:
    of_project = "<> -1" if project_id == ALL else "= %(project_id)s"
    of_cells = OF_ALL if project_id == ALL else of_project
    parameters = {"project_id": project_id, "top": TOP_FILES}
    if wanted.everything:
        return rows(connection, _TOP_OF_ALL_TIME.format(of_project=of_project), parameters)
    if wanted.end - wanted.start > _LONG:
        found = rows(
            connection,
            _TOP_OF_CANDIDATES.format(of_project=of_project, of_cells=of_cells),
            parameters | _split(segments) | {"candidates": CANDIDATES},
        )
        if _are_surely_the_top(found):
            return found
    return rows(connection, _TOP_OF_RANGE.format(of_cells=of_cells), parameters | segment_parameters(segments))


def _are_surely_the_top(found: list[Row]) -> bool:
    """Whether no file that was not a candidate can be among them."""
    return bool(found) and (found[0]["candidates"] < CANDIDATES or (len(found) == TOP_FILES and found[-1]["touches"] > found[0]["least"]))


def _split(segments: list[Segment]) -> Row:
    """Days and weeks, which are found file by file, and apart the few hours and quarters."""
    kept = [each for each in segments if each.grain_minutes in (1440, 10080)]
    fine = [each for each in segments if each.grain_minutes not in (1440, 10080)]
    return segment_parameters(kept) | {f"fine_{name}": value for name, value in segment_parameters(fine).items()}
