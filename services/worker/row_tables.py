"""The tables of counted rows: one entry for each. Everything that goes over all of these tables reads the entries.

A row belongs to a session, a project and a user. Several files may hold versions of one row, under the same id; the best version is kept. A new
table needs an entry here, a migration, and its staging table (services/worker/persist/staging/staging_tables.py).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from services.worker.sql_text import listed, sql
from shared.tables.catalogue import TABLES

# The columns of all of these tables. A row never changes these, but it may be moved (services/worker/sessions/reattribution.py).
KEYS: Final = ("session_id", "project_id", "user_id", "occurred_at")
_OF_EVERY_ROW: Final = ("id", "source", "brought_by", "received_at", "persisted_at", "path_project_id")


@dataclass(frozen=True, eq=False, slots=True)
class RowTable:
    """A table of counted rows. Its columns in the catalogue that are neither keys nor `fixed` or `counted` are `uncounted`."""

    name: str
    # Columns that all versions of a row agree on.
    fixed: tuple[str, ...] = ()
    # Columns that come from the best version and that sessions count.
    counted: tuple[str, ...] = ()
    # SQL over a {row}: the greater version is the better one, the first difference decides.
    ranks: tuple[str, ...] = ()
    # Columns that follow from others, so that no rank looks at them.
    follow: tuple[str, ...] = ()
    # {measure: SQL over a row}: what a row adds to its session.
    measures: Mapping[str, str] = field(default_factory=dict)
    # False: its rows count for nothing, not even for the times of their session.
    counts: bool = True
    # The staging table has user_name or project_path, for rows without a session.
    has_user_name: bool = False
    has_project_path: bool = False
    # SQL over a staged row s: then the row is not stored.
    unless: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that sessions read."""
        return ("session_id", "occurred_at", *self.fixed, *self.counted)

    @property
    def uncounted(self) -> tuple[str, ...]:
        """The other columns that come from the best version; `source` where hooks bring rows too, elsewhere it is that of the first."""
        known = {*_OF_EVERY_ROW, *KEYS, *self.fixed, *self.counted} - ({"source"} if NOT_OF_HOOK in self.ranks else set())
        return tuple(name for name in TABLES[self.name].named() if name not in known)

    def as_stored(self, *but: str) -> str:
        """For SET of a staged row: what comes from the best version is that of the stored row t, but some columns."""
        return listed(f"{name} = t.{name}" for name in (*self.counted, *self.uncounted) if name not in but)

    @property
    def all_ranks(self) -> tuple[str, ...]:
        """`ranks`, then any order of the columns that these leave out, so that every column that can differ decides."""
        told = {*self.follow, *re.findall(r"\{row\}\.(\w+)", " ".join(self.ranks))}
        return (*self.ranks, *(f"coalesce({{row}}.{name}::text, '') COLLATE \"C\"" for name in self.uncounted if name not in told))


# A hook says the same of a call as a transcript, but for the duration (services/worker/persist/hook_rows.py).
NOT_OF_HOOK: Final = "({row}.source IS DISTINCT FROM 'hook')"
_AGENT_RANKS = ("({row}.agent_id IS NULL)", "coalesce({row}.agent_id, '') COLLATE \"C\"")

_RESULT_RANKS = (
    "coalesce(octet_length({row}.result), -1)",
    "coalesce({row}.result_left_out, 0)",
    "coalesce({row}.result, '') COLLATE \"C\"",
    "coalesce({row}.result_media::text, '') COLLATE \"C\"",
    "coalesce({row}.error_class, '') COLLATE \"C\"",
    "coalesce({row}.started_agent, '') COLLATE \"C\"",
    # The last decision that telemetry tells counts (services/worker/persist/signal_rows.sql).
    "coalesce({row}.decision_told_by = 'transcript', false)",
    "coalesce({row}.decided_at, '-infinity')",
    "coalesce({row}.decision, '') COLLATE \"C\"",
    "coalesce({row}.decision_source, '') COLLATE \"C\"",
    "coalesce({row}.decision_wait_ms, -1)",
    "coalesce({row}.is_sandboxed::int, -1)",
    "coalesce({row}.outcome::text, '') COLLATE \"C\"",
)
_PATCH_RANKS = (
    "coalesce(octet_length({row}.patch), -1)",
    "coalesce({row}.patch_left_out, 0)",
    "coalesce({row}.patch, '') COLLATE \"C\"",
    "coalesce({row}.tool_call_id, '00000000-0000-0000-0000-000000000000')",
)

MESSAGES: Final = RowTable(
    "messages",
    fixed=("role",),
    follow=("model",),
    ranks=("length({row}.content)", '{row}.content COLLATE "C"', *_AGENT_RANKS),
    measures={"user_messages": "(role = 'user')::int", "assistant_messages": "(role = 'assistant')::int"},
    has_user_name=True,
    has_project_path=True,
    # A transcript of the session has the prompts of history.jsonl too (services/worker/persist/history_prompts.py).
    unless="""s.source IS NOT DISTINCT FROM 'history.jsonl' AND s.session_id IS NOT NULL
AND EXISTS (SELECT FROM session_facts AS f WHERE f.session_id = s.session_id AND f.source = 'transcript')""",
)

TOOL_CALLS: Final = RowTable(
    "tool_calls",
    fixed=("tool_name",),
    follow=("result_cut_at",),
    counted=("status",),
    ranks=(
        "({row}.status <> 'pending')",
        NOT_OF_HOOK,
        "coalesce({row}.duration_source = 'reported', false)",
        "coalesce({row}.duration_ms, -1)",
        # A later row of the file may say that what looks like a refusal was an interruption.
        "({row}.status <> 'rejected')",
        '{row}.status COLLATE "C"',
        "coalesce(octet_length({row}.parameters::text), 0)",
        "coalesce({row}.wait_ms, -1)",
        *_RESULT_RANKS,
        *_AGENT_RANKS,
    ),
    measures={"tool_calls": "1", "tool_errors": "(status IN ('error', 'timeout'))::int"},
    has_user_name=True,
)

ACTIVITIES: Final = RowTable(
    "activities",
    fixed=("file_key",),
    counted=("lines_added", "lines_removed"),
    ranks=(
        "NOT {row}.is_estimated",
        NOT_OF_HOOK,
        "{row}.lines_added",
        "{row}.lines_removed",
        '{row}.action COLLATE "C"',
        *_PATCH_RANKS,
        *_AGENT_RANKS,
    ),
    measures={"lines_added": "lines_added", "lines_removed": "lines_removed"},
)

API_CALLS: Final = RowTable(
    "api_calls",
    fixed=("model",),
    counted=(
        *("input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "cache_read_tokens"),
        *("cost_nano_usd", "uncached_nano_usd", "cache_saved_nano_usd"),
    ),
    follow=("cache_write_nano_usd", "price_version"),
    ranks=(
        "{row}.output_tokens",
        "{row}.input_tokens",
        "{row}.cache_read_tokens",
        "{row}.cache_write_1h_tokens",
        "{row}.cache_write_5m_tokens",
        "{row}.web_searches",
        "{row}.is_fast",
        "coalesce({row}.inference_geo, '') COLLATE \"C\"",
        "{row}.is_advisor",
        "coalesce({row}.thinking_ms, -1)",
        "coalesce({row}.effort, '') COLLATE \"C\"",
        *_AGENT_RANKS,
    ),
    measures={
        "input_tokens": "input_tokens",
        "output_tokens": "output_tokens",
        "cache_creation_tokens": "cache_write_5m_tokens + cache_write_1h_tokens",
        "cache_read_tokens": "cache_read_tokens",
        "cost_nano_usd": "coalesce(cost_nano_usd, 0)",
        "api_calls": "1",
        "unpriced_calls": "(cost_nano_usd IS NULL)::int",
        # It is not known of a call of an export that does not say it.
        "cache_priced_calls": "(cache_saved_nano_usd IS NOT NULL)::int",
        "uncached_nano_usd": "coalesce(uncached_nano_usd, 0)",
        "cache_saved_nano_usd": "coalesce(cache_saved_nano_usd, 0)",
    },
)

TIMELINE_ENTRIES: Final = RowTable(
    "timeline_entries",
    fixed=("kind",),
    counts=False,
    ranks=(
        "octet_length({row}.content)",
        '{row}.content COLLATE "C"',
        "coalesce({row}.details::text, '') COLLATE \"C\"",
        *_AGENT_RANKS,
    ),
)

ROW_TABLES: Final[dict[str, RowTable]] = {table.name: table for table in (MESSAGES, TOOL_CALLS, ACTIVITIES, API_CALLS, TIMELINE_ENTRIES)}


def composed(compose: Callable[[], str]) -> Callable[[], bytes]:
    """The statement that `compose` makes of the tables' entries. It is composed once, and again if an entry is added."""

    @lru_cache(maxsize=8)
    def of(_entries: tuple[RowTable, ...]) -> bytes:
        return compose().encode()

    return lambda: of(tuple(ROW_TABLES.values()))


def for_each(template: str) -> list[bytes]:
    """A statement for each table: the template with $table replaced."""
    return [sql(template, table=table).encode() for table in ROW_TABLES]


def for_all(template: str, *, joined_by: str = "UNION ALL") -> str:
    """The template with $table replaced, once for each table, joined."""
    return f"\n{joined_by}\n".join(sql(template, table=table) for table in ROW_TABLES)
