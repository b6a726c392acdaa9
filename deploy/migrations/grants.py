"""The rights of each service in Postgres, table by table. `migrate` applies this list after the migrations.

deploy/postgres/roles.sql makes the roles; without roles, as in the embedded stack, nothing is granted. A role has only the rights that are
listed here: a new table, and a column that ingest begins to write, needs its line. The contract tests run the services under these roles.
"""

from typing import Final

import psycopg
from psycopg import sql

INGEST, QUERY, WORKER = "tracker_ingest", "tracker_query", "tracker_worker"

# A privilege on all columns, or on those that are named.
Rights = dict[str, tuple[str, ...]]
Grants = dict[str, Rights]
_ALL: Final[tuple[str, ...]] = ("*",)
_READ: Final[Rights] = {"SELECT": _ALL}
_WRITE: Final[Rights] = {"SELECT": _ALL, "INSERT": _ALL, "UPDATE": _ALL, "DELETE": _ALL}
# A scrub writes the files of tables anew.
_MAINTAIN: Final[Rights] = {"MAINTAIN": _ALL}
# Ingest reads an event's owner and whether it is stored, never its content.
_LOOK_UP: Final[Rights] = {"SELECT": ("id", "session_id", "project_id", "user_id", "occurred_at")}

EVENTS: Final = (
    "session_events",
    "session_facts",
    "messages",
    "tool_calls",
    "api_calls",
    "activities",
    "timeline_entries",
    "files",
    "session_files",
)
AGGREGATES: Final = ("activity_rollups", "tool_rollups", "file_rollups", "file_sets", "usage_rollups", "error_rollups", "active_days")
# What dropped rows contributed to the aggregates.
BASE: Final = (
    *("base_file_rollups", "base_tool_rollups", "base_error_rollups", "base_usage_rollups", "base_activity_rollups"),
    "base_sessions",
)
_REGISTRY: Final = ("projects", "project_changes", "project_places", "project_rules", "users", "sessions", "dead_letters")
_JOBS: Final = (
    "import_jobs",
    "import_shares",
    "import_sessions",
    "imported_files",
    "contested_rows",
    "reparse_rows",
    "scrubs",
    "kept_out_texts",
    "exports",
)
# Half of what a running scrub was given: for who starts it and who runs it alone.
_SCRUB_TEXTS: Final = "scrub_texts"
_JOURNAL: Final = ("ledger", "accounts", "drainers", "canaries", "fixed_settings")
_KEYS: Final = ("api_keys", "key_logins", "audit_log")
_CAPTURE: Final = (
    *("machines", "session_machines", "hook_payloads", "signals"),
    *("transcript_files", "transcript_ranges", "transcript_segments", "damaged_segments"),
)
_MARKS: Final = ("session_marks", "saved_views")
_SIGNS: Final = ("session_signs", "agent_signs", "session_processes", "quota_readings", "status_lines")
_FORMATS: Final = ("unread_formats",)
_ERASURES: Final = ("tombstones", "tombstone_salts", "erasures", "erasure_sessions")
_PRICES: Final = ("prices", "price_state", "reprices")
_RETENTION: Final = ("retention_runs", "retention_counts", "dropped_texts", "dropping_sessions")
_SEARCH: Final = ("search_changes", "search_changes_kept", "search_purges")
TABLES: Final = (
    *EVENTS,
    *AGGREGATES,
    *BASE,
    *_REGISTRY,
    *_JOBS,
    *_JOURNAL,
    *_CAPTURE,
    *_MARKS,
    *_SIGNS,
    *_FORMATS,
    *_ERASURES,
    *_RETENTION,
    *_PRICES,
    "retention_rules",
    *_SEARCH,
    *_KEYS,
    _SCRUB_TEXTS,
    "alembic_version",
)
# The worker makes titles of what sessions were asked.
_ASKS: Final = ("asked_commands", "asks")
VIEWS: Final = (*_ASKS, "whole_projects", "api_call_costs", "session_client_costs")

# What a person changes of a project (shared/projects/merging.sql).
_PLACE_OF_PROJECT: Final = (
    *("name", "group_name", "is_archived", "visibility", "is_kept_apart", "part_of", "merged_into", "merged_by", "merge_evidence"),
    *("merged_by_key", "merged_at", "rekey_requested_at"),
)
_PRICE: Final = (
    *("source", "model", "tier", "valid_from", "above_input_tokens", "version", "key_id", "changed_at"),
    *("input_usd", "output_usd", "cache_write_5m_usd", "cache_write_1h_usd", "cache_read_usd", "web_search_usd"),
)
# Tables that no statement of the query service or of beat names. tests/deploy/test_grants.py compares it with the statements of both.
_NOT_QUERIED: Final = {
    *("session_files", "active_days", "base_tool_rollups", "base_error_rollups"),
    *("imported_files", "reparse_rows", "price_state", "dropping_sessions"),
    *("tombstones", "tombstone_salts", "erasure_sessions", "kept_out_texts", _SCRUB_TEXTS),
}
_TOLD: Final = ("told_by", "path", "common_dir", "remote", "inside", "is_main")

GRANTS: Final[dict[str, Grants]] = {
    # Two ids, jobs' rows, keys, names of users, and dead letters that are replayed. Events and aggregates are the worker's.
    INGEST: {
        "projects": {"SELECT": _ALL, "INSERT": ("path", "name"), "UPDATE": _PLACE_OF_PROJECT},
        "project_changes": {"SELECT": _ALL, "INSERT": ("project_id", "who", "before", "after"), "UPDATE": ("undone_at",)},
        "project_places": {"SELECT": _ALL, "INSERT": _TOLD, "UPDATE": (*_TOLD, "told_at", "judged_at", "brought_by")},
        "project_rules": {"SELECT": _ALL, "INSERT": ("pattern", "project_id", "key_id"), "UPDATE": ("brought_by",), "DELETE": _ALL},
        "users": {"SELECT": _ALL, "INSERT": ("name", "alias_of"), "UPDATE": ("name", "alias_of", "merge_requested_at")},
        "sessions": {"SELECT": _ALL, "INSERT": ("session_id", "project_id", "path_project_id")},
        "session_events": _LOOK_UP | {"SELECT": (*_LOOK_UP["SELECT"], "kind")},
        "messages": _LOOK_UP,
        "tool_calls": _LOOK_UP,
        "activities": _LOOK_UP,
        "dead_letters": {"SELECT": _ALL, "UPDATE": ("replayed_at", "replays"), "DELETE": _ALL},
        "import_jobs": {
            "SELECT": _ALL,
            "INSERT": ("id", "kind", "undoes", "files", "has_files", "user_name", "bytes_total", "request_id", "key_id", "selection"),
            "UPDATE": ("status", "stage", "finished_at", "cancel_requested_at"),
        },
        "import_shares": {"SELECT": _ALL, "INSERT": ("job_id", "share"), "UPDATE": ("outcome", "attempts")},
        # A session that was dropped may come again: its files are to be sent again.
        "imported_files": {"SELECT": _ALL, "DELETE": _ALL},
        "import_sessions": _READ,
        "transcript_files": _READ,
        # Whether a hook is read.
        "hook_payloads": {"SELECT": ("id",)},
        "machines": {"SELECT": _ALL, "INSERT": _ALL, "UPDATE": _ALL, "DELETE": _ALL},
        "session_marks": {"SELECT": _ALL, "INSERT": _ALL, "UPDATE": _ALL},
        "saved_views": {
            "SELECT": _ALL,
            "INSERT": ("name", "address", "key_id"),
            "UPDATE": ("name", "address", "brought_by"),
            "DELETE": _ALL,
        },
        # Triggers note what its writes change.
        "search_changes": {"INSERT": ("kind", "keys", "session_ids")},
        "scrubs": {
            "SELECT": _ALL,
            "INSERT": ("id", "is_dry_run", "request_id", "text_count", "keep_out", "rewrite_large", "delete_uploads"),
            "UPDATE": ("keep_out",),
        },
        _SCRUB_TEXTS: {"INSERT": _ALL},
        "kept_out_texts": {"SELECT": _ALL, "DELETE": _ALL},
        "erasures": {
            "SELECT": _ALL,
            "INSERT": ("id", "kind", "names", "user_ids", "project_ids", "from_at", "to_at", "is_dry_run", "request_id"),
            # One that failed is begun again.
            "UPDATE": ("status", "attempts", "failure", "moved_at", "lease_expires_at", "finished_at"),
        },
        # An admin lifts one.
        "tombstones": {"SELECT": _ALL, "DELETE": _ALL},
        "tombstone_salts": _READ,
        "retention_rules": {
            "SELECT": _ALL,
            "INSERT": ("what", "project_id", "user_id", "days", "key_id"),
            "UPDATE": ("days", "key_id", "changed_at"),
            "DELETE": _ALL,
        },
        "retention_runs": {"SELECT": _ALL, "INSERT": ("id", "is_dry_run", "rewrites", "request_id")},
        "prices": {"SELECT": _ALL, "INSERT": _PRICE, "UPDATE": _PRICE, "DELETE": _ALL},
        # The trigger of `prices` notes a change.
        "price_state": {"SELECT": _ALL, "INSERT": ("only_row",), "UPDATE": ("version",)},
        "reprices": {"SELECT": _ALL, "INSERT": ("id", "is_dry_run", "from_at", "to_at", "model", "request_id")},
        "dropped_texts": {"SELECT": ("session_id", "is_done"), "DELETE": _ALL},
        "exports": {"SELECT": _ALL, "INSERT": ("id", "bound_user"), "UPDATE": ("expires_at",)},
        "api_keys": {
            "SELECT": _ALL,
            "INSERT": ("id", "name", "sha256", "scopes", "user_name", "user_names", "project_ids"),
            "UPDATE": ("last_used_at", "revoked_at", "user_name", "user_names"),
        },
        "key_logins": {"SELECT": _ALL, "INSERT": ("id", "key_id", "sha256", "expires_at"), "DELETE": _ALL},
        "audit_log": {"INSERT": ("who", "act", "subject", "details", "request_id")},
        "alembic_version": _READ,
    },
    QUERY: dict.fromkeys((table for table in (*TABLES, *VIEWS) if table not in _NOT_QUERIED), _READ),
    # It looks up the key of an import. Of marks, keys and the audit log it changes the texts alone, where a scrub finds a secret; retention deletes. Marks and
    # views come with an export of another tracker too.
    WORKER: dict.fromkeys(
        (
            *(*EVENTS, *AGGREGATES, *BASE, *_REGISTRY, *_JOBS, *_JOURNAL, *_CAPTURE, *_SIGNS, *_FORMATS),
            *(*_ERASURES, *_RETENTION, *_PRICES, *_SEARCH),
        ),
        _WRITE | _MAINTAIN,
    )
    | {
        # Those of a person move when the person becomes another.
        "retention_rules": {"SELECT": _ALL, "INSERT": ("what", "user_id", "days", "key_id"), "UPDATE": ("days", "key_id"), "DELETE": _ALL}
        | _MAINTAIN,
        "session_marks": _WRITE | _MAINTAIN,
        "saved_views": {
            "SELECT": _ALL,
            "INSERT": ("id", "name", "address", "created_at", "brought_by"),
            "UPDATE": ("name", "address", "brought_by"),
            "DELETE": _ALL,
        }
        | _MAINTAIN,
        "api_keys": {
            "SELECT": ("id", "name", "scopes", "user_name", "user_names", "project_ids", "revoked_at"),
            "UPDATE": ("name", "user_name", "user_names", "revoked_at"),
        }
        | _MAINTAIN,
        "audit_log": {
            "SELECT": ("id", "at", "act", "subject", "details", "request_id"),
            "INSERT": ("who", "act", "subject", "details", "request_id"),
            "UPDATE": ("subject", "details", "request_id"),
            "DELETE": _ALL,
        }
        | _MAINTAIN,
        "key_logins": {"SELECT": ("key_id",), "DELETE": _ALL} | _MAINTAIN,
        _SCRUB_TEXTS: {"SELECT": _ALL, "DELETE": _ALL} | _MAINTAIN,
        "alembic_version": _READ | _MAINTAIN,
    }
    | dict.fromkeys(_ASKS, _READ),
}


def grant(database_url: str) -> None:
    """Grants the existing roles the listed rights and revokes all others, in one transaction, so that no role lacks its rights meanwhile."""
    with psycopg.connect(database_url, connect_timeout=5, application_name="tracker-migrate") as connection:
        for role, tables in GRANTS.items():
            if connection.execute("SELECT to_regrole(%s)", (role,)).fetchone() != (None,):
                _grant(connection, sql.Identifier(role), tables)


def _grant(connection: psycopg.Connection, role: sql.Identifier, tables: Grants) -> None:
    # Two migrations at a time would update the same rows of the catalog.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('tracker.grants'))")
    connection.execute(sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {}").format(role))
    connection.execute(sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {}").format(role))
    connection.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(role))
    connection.execute(sql.SQL("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}").format(role))
    for table, rights in tables.items():
        for privilege, columns in rights.items():
            named = sql.SQL("") if columns == _ALL else sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
            statement = sql.SQL("GRANT {} {} ON {} TO {}")
            connection.execute(statement.format(sql.SQL(privilege), named, sql.Identifier(table), role))
