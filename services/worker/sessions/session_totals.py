"""Step 6 of an event's path: what new rows mean for their sessions, and how long people were active.

Text of CTEs for persist.PERSIST. They read the `new_…` and `gone_…` rows of insert_rows.py, and give `changed` (each session before and after),
`session_states_before`, `session_states_after` and `active_deltas`. The caller holds the sessions' locks.
"""

_COUNTS = ("user_messages", "assistant_messages", "tool_calls", "tool_errors", "files_modified")
_TOKENS = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
_LINES = ("lines_added", "lines_removed")
_CALLS = ("api_calls", "unpriced_calls", "cost_nano_usd")
SUMMED = (*_COUNTS, *_LINES, *_TOKENS, *_CALLS)

_OF_TOOL_CALL = {"tool_calls": "1", "tool_errors": "(status IN ('error', 'timeout'))::int"}
_OF_ACTIVITY = {name: name for name in _LINES}
_OF_API_CALL = {name: name for name in _TOKENS} | {
    "cache_creation_tokens": "cache_write_5m_tokens + cache_write_1h_tokens",
    "api_calls": "1",
    "unpriced_calls": "(cost_nano_usd IS NULL)::int",
    "cost_nano_usd": "coalesce(cost_nano_usd, 0)",
}
_OF_MESSAGE = {"user_messages": "(role = 'user')::int", "assistant_messages": "(role = 'assistant')::int"}


def adds(
    rows: str, at: str, measures: dict[str, str], *, start: str = "NULL::timestamptz", end: str = "NULL::timestamptz", sign: str = "+"
) -> str:
    """A SELECT of what rows add to their sessions: (session_id, occurred_at, started_at, ended_at, the summed measures)."""
    columns = ", ".join(f"{sign}({measures.get(name, '0')})::bigint AS {name}" for name in SUMMED)
    return f"SELECT session_id, {at} AS occurred_at, {start} AS started_at, {end} AS ended_at, {columns} FROM {rows}"


def adds_of_session_events(rows: str) -> str:
    """Starts and ends."""
    start, end = (f"CASE kind WHEN '{kind}' THEN occurred_at END" for kind in ("start", "end"))
    return adds(rows, "occurred_at", {}, start=start, end=end)


def adds_of_rows(messages: str, tool_calls: str, activities: str, api_calls: str, session_files: str) -> list[str]:
    """Of each of the tables' rows."""
    return [
        adds(messages, "occurred_at", _OF_MESSAGE),
        adds(tool_calls, "occurred_at", _OF_TOOL_CALL),
        adds(activities, "occurred_at", _OF_ACTIVITY),
        adds(api_calls, "occurred_at", _OF_API_CALL),
        adds(session_files, "NULL::timestamptz", {"files_modified": "1"}),
    ]


def per_session(events: str) -> str:
    """One row a session out of what its events add."""
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in SUMMED)
    return f"""
        SELECT session_id, min(started_at) AS started_at, max(ended_at) AS ended_at,
               min(occurred_at) FILTER (WHERE isfinite(occurred_at)) AS first_event_at,
               max(occurred_at) FILTER (WHERE isfinite(occurred_at)) AS last_event_at,
               coalesce(range_agg(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) FILTER (WHERE isfinite(occurred_at)), '{{}}') AS active_ranges,
               {sums}
        FROM ({events}) AS events WHERE session_id IS NOT NULL GROUP BY session_id"""


def facts_per_session(facts: str) -> str:
    """What files say of a session, together."""
    return f"""
        SELECT f.session_id, min(first_record_at) AS first_event_at, max(last_record_at) AS last_event_at, max(ended_at) AS ended_at,
               coalesce(range_agg(active_ranges), '{{}}') AS active_ranges,
               (SELECT jsonb_object_agg(key, n)
                FROM (SELECT key, max(value::bigint) AS n FROM {facts} AS g, jsonb_each_text(numbers) WHERE g.session_id = f.session_id GROUP BY key) AS greatest
               ) AS snapshot
        FROM {facts} AS f GROUP BY f.session_id"""


_NEW = [
    *adds_of_rows("new_messages", "new_tool_calls", "new_activities", "new_api_calls", "new_session_files"),
    adds("gone_tool_calls", "NULL", _OF_TOOL_CALL, sign="-"),
    adds("gone_activities", "NULL", _OF_ACTIVITY, sign="-"),
    adds("gone_api_calls", "NULL", _OF_API_CALL, sign="-"),
    adds_of_session_events("new_session_events"),
    adds("new_facts", "NULL", {}),
]
PER_SESSION = f"""
    per_session AS ({per_session(" UNION ALL ".join(_NEW))}),
    facts_per_session AS ({facts_per_session("new_facts")})"""

# What a snapshot lends a session that has none of its own, and the column that says so.
LENT = dict.fromkeys(_LINES, "lines_from_snapshot") | dict.fromkeys((*_TOKENS, "cost_nano_usd"), "usage_from_snapshot")


def _grown(name: str) -> str:
    """The sum of its own events, without what an earlier snapshot lent it, and what is new."""
    before = f"CASE WHEN s.{LENT[name]} THEN 0 ELSE coalesce(s.{name}, 0) END" if name in LENT else f"s.{name}"
    return f"{before} + d.{name} AS {name}"


# What the session was, and what is new of it.
GROWN = f"""
    merged AS (
        SELECT session_id, true AS counted, least(s.started_at, d.started_at) AS started_at, greatest(s.ended_at, d.ended_at, f.ended_at) AS ended_at,
               least(s.first_event_at, d.first_event_at, f.first_event_at) AS first_event_at,
               greatest(s.last_event_at, d.last_event_at, f.last_event_at) AS last_event_at,
               s.active_ranges + d.active_ranges + coalesce(f.active_ranges, '{{}}') AS active_ranges,
               {", ".join(map(_grown, SUMMED))},
               CASE WHEN f.snapshot IS NULL THEN s.snapshot ELSE greatest_of_each(s.snapshot, f.snapshot) END AS snapshot
        FROM sessions AS s JOIN per_session AS d USING (session_id) LEFT JOIN facts_per_session AS f USING (session_id)
    )"""

_CHOSEN = ", ".join(
    f"{name} = CASE WHEN c.{LENT[name]} THEN coalesce((c.snapshot->>'{name}')::bigint, 0) ELSE c.{name} END" for name in (*_LINES, *_TOKENS)
)
# From `merged`: the choice between the numbers of its own events and a snapshot's, then the session itself.
CHANGED = f"""
    chosen AS (
        SELECT *, snapshot IS NOT NULL AND lines_added + lines_removed = 0 AS lines_from_snapshot,
               snapshot IS NOT NULL AND {" + ".join(_TOKENS)} = 0 AS usage_from_snapshot
        FROM merged
    ),
    changed AS (
        UPDATE sessions AS s SET
            counted = c.counted,
            started_at = c.started_at, ended_at = c.ended_at, first_event_at = c.first_event_at, last_event_at = c.last_event_at,
            dated_at = coalesce(least(c.started_at, c.first_event_at), greatest(c.ended_at, c.last_event_at), '-infinity'),
            wall_us = coalesce(microseconds(greatest(c.ended_at, c.last_event_at) - least(c.started_at, c.first_event_at)), 0),
            active_ranges = c.active_ranges, active_us = measure_us(without_gap(c.active_ranges, %(idle_gap)s)),
            {", ".join(f"{name} = c.{name}" for name in (*_COUNTS, "api_calls", "unpriced_calls"))}, snapshot = c.snapshot,
            lines_from_snapshot = c.lines_from_snapshot, usage_from_snapshot = c.usage_from_snapshot, {_CHOSEN},
            cost_nano_usd = CASE WHEN c.usage_from_snapshot THEN (c.snapshot->>'cost_nano_usd')::bigint
                                 WHEN c.api_calls > c.unpriced_calls THEN c.cost_nano_usd END
        FROM chosen AS c WHERE s.session_id = c.session_id
        RETURNING old AS before, new AS after
    ),
    session_states_before AS (SELECT (before).* FROM changed),
    session_states_after AS (SELECT (after).* FROM changed)"""

# A session's active time only ever grows, so a person's day is the union of what its sessions gained.
ACTIVE_DELTAS = """
    active_gained AS (
        SELECT (after).project_id, (after).user_id,
               without_gap((after).active_ranges, %(idle_gap)s) - without_gap((before).active_ranges, %(idle_gap)s) AS ranges
        FROM changed WHERE (after).active_ranges <> (before).active_ranges
    ),
    rolled_active_days AS (
        INSERT INTO active_days (project_id, user_id, day, ranges)
        SELECT k.project_id, g.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date, range_agg(c.piece)
        FROM active_gained AS g, cut_at_buckets(g.ranges, 1440) AS c, LATERAL (VALUES (g.project_id), (-1)) AS k (project_id)
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (project_id, user_id, day) DO UPDATE SET ranges = active_days.ranges + excluded.ranges
        RETURNING new.project_id, new.user_id, new.ranges - coalesce(old.ranges, '{}') AS gained
    ),
    active_deltas AS (
        SELECT project_id, user_id, c.bucket_start, sum(microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
        FROM rolled_active_days, cut_at_buckets(gained, 15) AS c GROUP BY 1, 2, 3
    )"""
