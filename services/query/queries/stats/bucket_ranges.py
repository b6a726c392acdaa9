"""Reading a rollup by segments: the SQL that goes from a list of bucket ranges into a rollup's index.

A nested loop from segments into the index, and nothing else, is what is wanted: OFFSET 0 in a LATERAL keeps the planner from joining otherwise.
"""

from collections.abc import Sequence

from services.query.database import Row
from services.query.queries.stats.ranges import Segment

SEGMENTS = (
    "unnest(CAST(%(grains)s AS smallint[]), CAST(%(starts)s AS float8[]), CAST(%(ends)s AS float8[])) AS g (grain_minutes, start, until)"
)
# For events instead of buckets, the same segments are ranges of time.
WITHIN_SEGMENT = "occurred_at >= to_timestamp(g.start) AND occurred_at < to_timestamp(g.until)"
IN_SEGMENT = "grain_minutes = g.grain_minutes AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)"


def segment_parameters(segments: Sequence[Segment]) -> Row:
    """The parameters of SEGMENTS."""
    return {
        "grains": [each.grain_minutes for each in segments],
        "starts": [float(each.start) for each in segments],
        "ends": [float(each.end) for each in segments],
    }
