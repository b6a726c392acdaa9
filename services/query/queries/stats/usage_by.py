"""The answer of /api/usage: tokens and cost by day, model, project or user."""

from datetime import datetime
from typing import Literal

from services.query.database import Connection, Row, rows
from services.query.queries.lists.paging import MAX_SHOWN
from services.query.queries.stats.day_edges import day_cells
from services.query.queries.stats.ranges import QUARTER, Range, at, cover
from services.query.queries.stats.totals_and_series import Scope, cost_usd, series_of
from services.query.queries.stats.usage_sums import MEASURES, Key, Sums, days_from_cube, from_cube, from_models

GroupBy = Literal["day", "model", "project", "user"]

_KEYS: dict[GroupBy, Key] = {"day": "interval", "model": "model", "project": "project_id", "user": "user_id"}
_NAMES = {
    "project": "SELECT id, name FROM projects WHERE id = ANY (CAST(%(ids)s AS bigint[]))",
    "user": "SELECT id, name FROM users WHERE id = ANY (CAST(%(ids)s AS bigint[]))",
}
# One descent in the index a version, not a walk over all calls.
_PRICE_VERSIONS = """
    WITH RECURSIVE versions (version) AS (
        SELECT min(price_version) FROM api_calls WHERE price_version IS NOT NULL
        UNION ALL
        SELECT (SELECT min(price_version) FROM api_calls WHERE price_version > version) FROM versions WHERE version IS NOT NULL
    )
    SELECT version FROM versions WHERE version IS NOT NULL ORDER BY version
"""


def usage(connection: Connection, group_by: GroupBy, scope: Scope, model: str | None, wanted: Range) -> Row:
    """Items by `group_by`, and their totals. What has no date is in the totals, and on no day, where the range has no start."""
    if group_by == "day":
        items = _days(connection, scope, model, wanted)
        totals = _shown(_of_range(connection, _KEYS[group_by], scope, model, wanted).get(0))
    else:
        found = _of_range(connection, _KEYS[group_by], scope, model, wanted)
        items = _largest_first([key | _shown(row) for key, row in _named(connection, group_by, found)])
        totals = _shown({name: sum(row[name] for row in found.values()) for name in MEASURES})
    return {
        "range": {"start": at(wanted.start), "end": at(wanted.end), "tz": wanted.tz.key},
        "group_by": group_by,
        "items": items,
        "totals": totals,
        "price_versions": [row["version"] for row in rows(connection, _PRICE_VERSIONS)],
    }


def _of_range(connection: Connection, key: Key, scope: Scope, model: str | None, wanted: Range) -> Sums:
    if model is None and key != "model":
        return from_cube(connection, key, scope, cover(wanted.start, wanted.end))
    return from_models(connection, key, scope, model, day_cells([wanted.start, wanted.end]))


def _days(connection: Connection, scope: Scope, model: str | None, wanted: Range) -> list[Row]:
    series = series_of(connection, scope, wanted, newest_points=True)
    if not series.edges:
        return []
    cells = day_cells([max(series.edges[0], wanted.start), *series.edges[1:-1], min(series.edges[-1], wanted.end)])
    found = days_from_cube(connection, scope, cells) if model is None else from_models(connection, "interval", scope, model, cells)
    # An edge is a midnight floored to a quarter of an hour.
    days = [datetime.fromtimestamp(edge + QUARTER - 1, wanted.tz).date() for edge in series.edges[:-1]]
    return [{"day": day.isoformat()} | _shown(found.get(number)) for number, day in enumerate(days)]


def _named(connection: Connection, group_by: GroupBy, found: Sums) -> list[tuple[Row, Row]]:
    """With the keys as they are shown. '' and 0 are not known."""
    if group_by == "model":
        return [({"model": model or None}, row) for model, row in found.items()]
    names = {row["id"]: row["name"] for row in rows(connection, _NAMES[group_by], {"ids": list(found)})}
    if group_by == "user":
        return [({"user": names.get(user_id)}, row) for user_id, row in found.items()]
    return [({"project_id": project_id or None, "project_name": names.get(project_id)}, row) for project_id, row in found.items()]


def _largest_first(items: list[Row]) -> list[Row]:
    """By cost, then tokens; those whose cost is not known last."""
    return sorted(items, key=lambda item: (item["cost_usd"] is None, -(item["cost_usd"] or 0), -item["total_tokens"], str(item)))


def _shown(row: Row | None) -> Row:
    """Sums as they are shown; None is a row of zeros. The cost is None where the price of nothing is known."""
    if row is None:
        row = dict.fromkeys(MEASURES, 0)
    tokens = {name: min(row[name], MAX_SHOWN) for name in MEASURES[:4]}
    return tokens | {
        "total_tokens": min(sum(tokens.values()), MAX_SHOWN),
        "api_calls": row["api_calls"],
        "unpriced_calls": row["unpriced_calls"],
        "cost_usd": cost_usd(row),
    }
