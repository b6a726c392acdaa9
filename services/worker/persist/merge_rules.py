"""Of two readings of one thing, which is kept: the same one, whatever the order in which they come.

A row that came over the wire is the client's word and stays as it is. Readings of files are compared by their ranks; the higher one wins whole.
"""

_NOT_OF_AN_AGENT = ("({t}.agent_id IS NULL)", "coalesce({t}.agent_id, '') COLLATE \"C\"")
# By table, expressions over a row named {t}: the first that differs decides. Together they tell all that can differ, so that no two are equal
# but those that are the same.
RANKS = {
    "messages": ("length({t}.content)", '{t}.content COLLATE "C"', *_NOT_OF_AN_AGENT),
    "tool_calls": (
        "({t}.status <> 'pending')",
        "coalesce({t}.duration_source = 'reported', false)",
        "coalesce({t}.duration_ms, -1)",
        '{t}.status COLLATE "C"',
        "coalesce(length({t}.parameters::text), 0)",
        *_NOT_OF_AN_AGENT,
    ),
    "activities": ("NOT {t}.is_estimated", "{t}.lines_added", "{t}.lines_removed", '{t}.action COLLATE "C"', *_NOT_OF_AN_AGENT),
    "api_calls": (
        "{t}.output_tokens",
        "{t}.input_tokens",
        "{t}.cache_read_tokens",
        "{t}.cache_write_1h_tokens",
        "{t}.cache_write_5m_tokens",
        "{t}.web_searches",
        *_NOT_OF_AN_AGENT,
    ),
}

# `job_number` is 0 for what comes over the wire.
_FROM_FILES_ALONE = "NOT coalesce(0 = ANY(t.brought_by), true)"


def best_first(table: str, staged: str) -> str:
    """ORDER BY, for one reading of each id out of a batch: of files the best, over the wire the first."""
    ranks = ", ".join(f"CASE WHEN %(job_number)s > 0 THEN {rank.format(t=staged)} END DESC" for rank in RANKS[table])
    return f"{staged}.id, {ranks}, {staged}.ctid"


def on_conflict(table: str, columns: tuple[str, ...]) -> str:
    """The clause of INSERT INTO table AS t that keeps the better reading's columns and remembers who brought the row."""
    ours, theirs = (", ".join(rank.format(t=name) for rank in RANKS[table]) for name in ("t", "excluded"))
    better = f"({_FROM_FILES_ALONE} AND (%(job_number)s = 0 OR ({theirs}) > ({ours})))"
    # An event whose id is another session's is another event (conflicts.py): it neither changes the row nor holds it.
    is_this = "(%(job_number)s > 0 OR excluded.session_id IS NULL OR excluded.session_id = t.session_id OR t.session_id IS NULL)"
    kept = ", ".join(f"{name} = CASE WHEN {better} THEN excluded.{name} ELSE t.{name} END" for name in columns)
    return f"""
        ON CONFLICT (id) DO UPDATE SET {kept}, brought_by = brought_too(t.brought_by, %(job_number)s)
        WHERE {is_this} AND ({better} OR NOT %(job_number)s = ANY(coalesce(t.brought_by, '{{0}}')))"""


# For a new row: nothing over the wire, else the import's number.
BROUGHT_BY = "CASE WHEN %(job_number)s > 0 THEN ARRAY[%(job_number)s] END"
