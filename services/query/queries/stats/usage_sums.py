"""Sums of tokens and cost: out of activity_rollups; where models matter, out of usage_rollups, and around the edges of days of the rows."""

from typing import Any, Literal

from services.query.database import Connection, Row, rows
from services.query.queries.lists.paging import shown
from services.query.queries.stats.bucket_ranges import IN_SEGMENT, SEGMENTS, segment_parameters
from services.query.queries.stats.day_edges import DayCells, cell_parameters, finer_cell_parameters
from services.query.queries.stats.ranges import Segment
from services.query.queries.stats.totals_and_series import Scope
from shared.database import ALL

# `interval` is the number of an interval of time.
Key = Literal["interval", "model", "project_id", "user_id"]
Sums = dict[Any, Row]

MEASURES = (
    "input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "api_calls", "unpriced_calls", "cost_nano_usd",
)  # fmt: skip
_COLUMNS = ", ".join(f"r.{name}" for name in MEASURES)
_SUMS = ", ".join(
    "sum(cost_nano_usd)::float8 AS cost_nano_usd" if name == "cost_nano_usd" else shown(f"sum({name})", name) for name in MEASURES
)

# A cell whose rows were all taken off is nothing.
_GROUPED = f"""
    SELECT key, {_SUMS} FROM ({{source}}) AS source (key, {", ".join(MEASURES)})
    GROUP BY key HAVING ({", ".join(f"sum({name})" for name in MEASURES)}) <> ({", ".join("0" for _ in MEASURES)})
"""

_INTERVAL = "width_bucket(date_part('epoch', r.bucket_start), CAST(%(edges)s AS float8[])) - 1"

# Keys are listed first, so that each is one descent in the primary key.
_LISTED = {"project": "(SELECT 0 AS id UNION ALL SELECT id FROM projects)", "user": "(SELECT 0 AS id UNION ALL SELECT id FROM users)"}
_GIVEN = "(SELECT CAST(%({name}_id)s AS bigint) AS id)"

_CUBE = f"""
    SELECT {{key}} AS key, {_COLUMNS}
    FROM {{projects}} AS p CROSS JOIN {{users}} AS u CROSS JOIN {SEGMENTS}
    CROSS JOIN LATERAL (SELECT * FROM activity_rollups WHERE project_id = p.id AND user_id = u.id AND {IN_SEGMENT} OFFSET 0) AS r
"""

# What a correction reads goes to one interval and is taken off another.
_CORRECTED = ", ".join(f"k.sign * r.{name}" for name in MEASURES)
_BOTH = """CROSS JOIN LATERAL (VALUES (g."right", 1), (g.wrong, -1)) AS k (i, sign) WHERE k.i >= 0"""

_CUBE_DAYS = f"""
    SELECT {_INTERVAL} AS key, {_COLUMNS}
    FROM activity_rollups AS r
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = 1440
        AND bucket_start >= to_timestamp(%(first)s) AND bucket_start < to_timestamp(%(until)s)
    UNION ALL
    SELECT k.i, {_CORRECTED}
    FROM unnest(CAST(%(grains)s AS smallint[]), CAST(%(starts)s AS float8[]), CAST(%(ends)s AS float8[]), CAST(%(rights)s AS int[]), CAST(%(wrongs)s AS int[]))
        AS g (grain_minutes, start, until, "right", wrong)
    CROSS JOIN LATERAL (SELECT * FROM activity_rollups WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND {IN_SEGMENT} OFFSET 0) AS r
    {_BOTH}
"""

_BY_MODEL = f"""
    SELECT {{key}} AS key, {_COLUMNS}
    FROM {{projects}} AS p CROSS JOIN {{users}} AS u
    CROSS JOIN LATERAL (
        SELECT * FROM usage_rollups WHERE project_id = p.id AND user_id = u.id AND grain_minutes = %(grain)s
            AND bucket_start >= to_timestamp(%(first)s) AND bucket_start < to_timestamp(%(until)s) {{of_model}} OFFSET 0) AS r
"""

# A session of which only a claude.json is known has tokens of its own, at its date.
_ROWS = f"""
    SELECT {{key}} AS key, {_CORRECTED}
    FROM unnest(CAST(%(starts)s AS float8[]), CAST(%(ends)s AS float8[]), CAST(%(rights)s AS int[]), CAST(%(wrongs)s AS int[])) AS g (start, until, "right", wrong)
    CROSS JOIN LATERAL (
        SELECT project_id, user_id, coalesce(model, '') AS model, input_tokens, output_tokens,
            cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens,
            1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls, coalesce(cost_nano_usd, 0) AS cost_nano_usd
        FROM api_calls
        WHERE occurred_at >= to_timestamp(g.start) AND occurred_at < to_timestamp(g.until) {{of_scope}} {{of_model}}
        UNION ALL
        SELECT project_id, user_id, coalesce(model, ''), input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens,
            0, 0, coalesce(cost_nano_usd, 0)
        FROM sessions
        WHERE counted AND usage_from_snapshot AND dated_at >= to_timestamp(g.start) AND dated_at < to_timestamp(g.until) {{of_scope}} {{of_model}}
        OFFSET 0) AS r
    {_BOTH}
"""


def from_cube(connection: Connection, key: Key, scope: Scope, segments: list[Segment]) -> Sums:
    """By project or user, or of the one interval that the segments make up, whose number is 0. Models are not told apart here."""
    source = _CUBE.format(
        key="0" if key == "interval" else f"r.{key}",
        projects=_keys("project", scope.project_id, listed=key == "project_id"),
        users=_keys("user", scope.user_id, listed=key == "user_id"),
    )
    return _grouped(connection, source, scope.keys() | segment_parameters(segments))


def days_from_cube(connection: Connection, scope: Scope, cells: DayCells) -> Sums:
    """By number of the interval."""
    return _grouped(connection, _CUBE_DAYS, scope.keys() | finer_cell_parameters(cells))


def from_models(connection: Connection, key: Key, scope: Scope, model: str | None, cells: DayCells) -> Sums:
    """By interval, model, project or user, of one model or all of them. A model of '' is not known."""
    # Kept by (project, user), and for all together.
    listed = key in ("project_id", "user_id") or scope != Scope()
    of_model = "" if model is None else "AND model = %(model)s"
    rollup = _BY_MODEL.format(
        key=_INTERVAL if key == "interval" else f"r.{key}",
        projects=_keys("project", scope.project_id, listed=listed),
        users=_keys("user", scope.user_id, listed=listed),
        of_model=of_model,
    )
    of_scope = " ".join(f"AND {name} = %({name})s" for name, value in scope.keys().items() if value != ALL)
    around = _ROWS.format(key="k.i" if key == "interval" else f"r.{key}", of_scope=of_scope, of_model=of_model)
    return _grouped(connection, f"{rollup} UNION ALL {around}", scope.keys() | cell_parameters(cells) | {"model": model})


def _keys(name: str, value: int, *, listed: bool) -> str:
    return _LISTED[name] if listed and value == ALL else _GIVEN.format(name=name)


def _grouped(connection: Connection, source: str, parameters: Row) -> Sums:
    return {row.pop("key"): row for row in rows(connection, _GROUPED.format(source=source), parameters)}
