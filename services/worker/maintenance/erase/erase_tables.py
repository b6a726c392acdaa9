"""What an erasure does with each table of the database. tests/integration/erasures/test_erase_tables.py compares the list with the catalog, so that a
new table must be in it.

A table is erased by a condition (TABLES): the rows of the sessions, of the user or of the project; or a stage of its own goes over it (BY_STAGES); or
nothing of a session, person or project is in it (NOTHING_IN).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from services.worker.persist.tombstones import Kind
from services.worker.session_tables import SESSION_TABLES

_ITS_SESSIONS: Final = "session_id IN (SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s)"


@dataclass(frozen=True, slots=True)
class ErasedTable:
    """`more`: by what is erased, rows that no session names. Conditions are SQL over a row, with the parameters of the erasure."""

    name: str
    of_sessions: str = _ITS_SESSIONS
    more: Mapping[Kind, str] = field(default_factory=dict)

    def condition(self, kind: Kind) -> str:
        """Which rows go."""
        return " OR ".join(filter(None, (self.of_sessions, self.more.get(kind, ""))))


_OF_USER_NAMES: Final = "user_name = ANY(%(names)s) OR bound_user = ANY(%(names)s)"
# A page, or a search, of what is erased: its id or name is in the address.
_VIEW_OF_SESSION: Final = """EXISTS (
    SELECT FROM erasure_sessions AS e WHERE e.erasure_id = %(erasure_id)s AND position(e.session_id IN saved_views.address) > 0)"""
_VIEW_OF_USER: Final = """EXISTS (
    SELECT FROM unnest(%(encoded_names)s::text[], %(name_patterns)s::text[]) AS n (encoded, pattern)
    WHERE position('user=' || n.encoded || '&' IN saved_views.address || '&') > 0 OR saved_views.name ~* n.pattern)"""
_VIEW_OF_PROJECT: Final = """EXISTS (
    SELECT FROM unnest(%(project_ids)s::bigint[]) AS p (id)
    WHERE saved_views.address ~ ('(project(_id)?=|/projects/)' || p.id || '(&|$|/|\\?)'))"""

_COUNTED: Final = "rows"
_WITH_ROWS: Final = "rows"
BY_STAGES: Final = {
    "messages": _COUNTED,
    "tool_calls": _COUNTED,
    "activities": _COUNTED,
    "api_calls": _COUNTED,
    "timeline_entries": _COUNTED,
    "session_events": _WITH_ROWS,
    "session_facts": _WITH_ROWS,
    "session_files": _WITH_ROWS,
    "sessions": _WITH_ROWS,
    "files": _WITH_ROWS,
    "reparse_rows": _WITH_ROWS,
    # Sums become less by what goes.
    "activity_rollups": _WITH_ROWS,
    "tool_rollups": _WITH_ROWS,
    "file_rollups": _WITH_ROWS,
    "file_sets": _WITH_ROWS,
    "usage_rollups": _WITH_ROWS,
    "error_rollups": _WITH_ROWS,
    "active_days": _WITH_ROWS,
    # What dropped rows count for: all of a user or a project.
    "base_activity_rollups": "base",
    "base_tool_rollups": "base",
    "base_file_rollups": "base",
    "base_usage_rollups": "base",
    "base_error_rollups": "base",
    "base_sessions": "base",
    # Ids of rows and sessions that changed, those that are gone too.
    "search_changes": "search_hosts",
    "transcript_files": "transcripts",
    # They go with their file.
    "transcript_ranges": "transcripts",
    "transcript_segments": "transcripts",
    "damaged_segments": "transcripts",
    "dead_letters": "dead_letters",
    "import_jobs": "imports",
    "imported_files": "imports",
    "users": "names",
    "projects": "names",
    # They go with the project, and where they name it.
    "project_changes": "names",
    "project_places": "names",
    "project_rules": "names",
    # By their foreign keys.
    "retention_rules": "names",
    "machines": "names",
    "api_keys": "names",
    "key_logins": "names",
    "exports": "exports",
    "audit_log": "audit_log",
    "erasures": "forget",
    "erasure_sessions": "forget",
}
# Rows that count for something, and what belongs to them alone, are of the stage `rows`.
_MORE: Final[Mapping[str, Mapping[Kind, str]]] = {"hook_payloads": {"user": _OF_USER_NAMES}, "signals": {"user": _OF_USER_NAMES}}
TABLES: Final = (
    *(ErasedTable(name, more=_MORE.get(name, {})) for name in SESSION_TABLES if name not in BY_STAGES),
    # Of a person, and of no session.
    ErasedTable("quota_readings", of_sessions="false", more={"user": "user_id = ANY(%(user_ids)s)"}),
    ErasedTable("saved_views", of_sessions=_VIEW_OF_SESSION, more={"user": _VIEW_OF_USER, "project": _VIEW_OF_PROJECT}),
)

NOTHING_IN: Final = {
    "tombstones": "hashes, which keep out what comes late; of a session the ids of a user and a project, which mean nothing once these are gone",
    "tombstone_salts": "random bytes",
    "search_purges": "numbers",
    "search_changes_kept": "a number of a transaction",
    "import_shares": "numbers",
    "scrubs": "numbers",
    "retention_runs": "numbers",
    "retention_counts": "numbers",
    "prices": "names of models",
    "price_state": "a version",
    "reprices": "numbers by model",
    "kept_out_texts": "hashes alone, which keep out what comes late",
    "scrub_texts": "half of what a running scrub was given: random bytes without the other half",
    "accounts": "numbers",
    "ledger": "numbers",
    "canaries": "the tracker's own events",
    "drainers": "names of the tracker's processes",
    "fixed_settings": "settings",
    "alembic_version": "a version",
    "unread_formats": "names of types and fields of Claude Code's formats",
}
