"""What of the database a scrub goes over: the tables with their columns that hold text. Every other column that could hold text is exempt, for a reason.

tests/integration/worker/maintenance/test_scrub_targets.py compares both lists with the database: a new column must be in one of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from services.worker.persist.staging.event_kind_rows import KIND_TABLES
from shared.redaction.redacted_structs import EXEMPT as _IDENTIFIERS


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table with its key and the columns, by kind (scrub_columns.py), that hold text.

    The keys of `tags` are in the column `tag_keys`. `distinct` has, for a column whose values must differ, SQL of a {value} and a {key}: the value,
    or another one if another row has it.
    """

    table: str
    key: str
    key_type: str
    columns: Mapping[str, str]
    cut_at: Mapping[str, str] = field(default_factory=dict)
    tags: str | None = None
    distinct: Mapping[str, str] = field(default_factory=dict)


_OTHER_USER: Final = """CASE
        WHEN EXISTS (SELECT FROM users AS o WHERE o.name = {value} AND o.id <> {key}) THEN {value} || ' ' || {key} ELSE {value}
    END"""
_OTHER_PROJECT: Final = """CASE
        WHEN EXISTS (SELECT FROM projects AS o WHERE o.path_key = md5({value})::uuid AND o.id <> {key}) THEN {value} || ' ' || {key} ELSE {value}
    END"""
_OTHER_PLACE: Final = """CASE
        WHEN EXISTS (SELECT FROM project_places AS o
                     WHERE (o.told_by, o.path_key) = (project_places.told_by, md5({value})::uuid) AND o.id <> {key}) THEN {value} || ' ' || {key}
        ELSE {value}
    END"""
_OTHER_RULE: Final = """CASE
        WHEN EXISTS (SELECT FROM project_rules AS o WHERE o.pattern = {value} AND o.id <> {key}) THEN {value} || ' ' || {key} ELSE {value}
    END"""
_OTHER_NAME: Final = """CASE
        WHEN EXISTS (SELECT FROM unread_formats AS o
                     WHERE (o.version, o.kind, o.name) = (unread_formats.version, unread_formats.kind, {value}) AND o.id <> {key})
            THEN {value} || ' ' || {key} ELSE {value}
    END"""
_OTHER_VIEW: Final = """CASE
        WHEN EXISTS (SELECT FROM saved_views AS o WHERE lower(o.name) = lower({value}) AND o.id <> {key}) THEN {value} || ' ' || {key} ELSE {value}
    END"""
# A name ends in .jsonl.
_OTHER_FILE: Final = """CASE WHEN EXISTS (
        SELECT FROM transcript_files AS o
        WHERE (o.session_id, o.file_name, o.machine_id, o.generation)
            = (transcript_files.session_id, {value}, transcript_files.machine_id, transcript_files.generation) AND o.id <> {key}
    ) THEN regexp_replace({value}, '(\\.jsonl)?\\Z', '-' || {key} || '\\1') ELSE {value} END"""

_SESSION_TEXTS: Final = {"title": "text", "git_branch": "text", "client_version": "text", "source": "text", "model": "text"}

TABLES: Final = (
    *(TextTable(name, "id", "uuid", table.texts, table.cut_at) for name, table in KIND_TABLES.items() if table.texts),
    TextTable("api_calls", "id", "uuid", {"source": "text", "inference_geo": "text"}),
    TextTable("timeline_entries", "id", "uuid", {"content": "text", "details": "json", "source": "text"}),
    TextTable("session_facts", "id", "uuid", _SESSION_TEXTS | {"numbers": "jsonb", "client_costs": "jsonb"}),
    TextTable("sessions", "session_id", "text", _SESSION_TEXTS | {"snapshot": "jsonb"}),
    TextTable("files", "file_key", "uuid", {"file_path": "text"}),
    TextTable(
        "projects",
        "id",
        "bigint",
        {"path": "text", "name": "text", "group_name": "text", "merge_evidence": "text", "repository": "text"},
        distinct={"path": _OTHER_PROJECT},
    ),
    TextTable("project_changes", "id", "bigint", {"before": "jsonb", "after": "jsonb"}),
    TextTable(
        "project_places",
        "id",
        "bigint",
        {"path": "text", "common_dir": "text", "remote": "text", "inside": "text"},
        distinct={"path": _OTHER_PLACE},
    ),
    TextTable("project_rules", "id", "bigint", {"pattern": "text"}, distinct={"pattern": _OTHER_RULE}),
    TextTable("users", "id", "bigint", {"name": "text"}, distinct={"name": _OTHER_USER}),
    TextTable("session_marks", "session_id", "text", {"note": "text", "title": "text", "tags": "text[]"}, tags="tags"),
    TextTable("saved_views", "id", "uuid", {"name": "text", "address": "text"}, distinct={"name": _OTHER_VIEW}),
    TextTable("machines", "machine_id", "text", {"name": "text", "user_name": "text", "report": "jsonb"}),
    TextTable("hook_payloads", "id", "uuid", {"payload": "json", "user_name": "text", "bound_user": "text", "request_id": "text"}),
    TextTable("signals", "id", "uuid", {"attributes": "jsonb", "user_name": "text", "bound_user": "text", "request_id": "text"}),
    TextTable(
        "transcript_files",
        "id",
        "bigint",
        {"file_name": "file_name", "user_name": "text", "bound_user": "text"},
        distinct={"file_name": _OTHER_FILE},
    ),
    TextTable("status_lines", "session_id", "text", {"model": "text", "client_version": "text"}),
    TextTable("dead_letters", "id", "uuid", {"payload": "bytea", "reason": "text", "request_id": "text", "bound": "jsonb"}),
    TextTable(
        "import_jobs",
        "id",
        "uuid",
        {
            "files": "uploads",
            "errors": "jsonb",
            "unknown_records": "jsonb",
            "skipped_records": "jsonb",
            "user_name": "text",
            "request_id": "text",
            # Of an export perhaps a user's name.
            "selection": "jsonb",
        },
    ),
    TextTable("unread_formats", "id", "bigint", {"name": "text"}, distinct={"name": _OTHER_NAME}),
    TextTable("api_keys", "id", "text", {"name": "text", "user_name": "text", "user_names": "text[]"}),
    TextTable("exports", "id", "uuid", {"bound_user": "text"}),
    TextTable("audit_log", "id", "bigint", {"subject": "text", "details": "jsonb", "request_id": "text"}),
    TextTable("scrubs", "id", "uuid", {"request_id": "text"}),
    TextTable("retention_runs", "id", "uuid", {"request_id": "text"}),
    TextTable("reprices", "id", "uuid", {"model": "text", "by_model": "jsonb", "request_id": "text"}),
    TextTable("prices", "id", "uuid", {"model": "text", "version": "text"}, distinct={"model": "{value} || ' ' || {key}"}),
    TextTable("erasures", "id", "uuid", {"names": "text[]", "request_id": "text"}),
)

# {(table, column): the stage that goes over it}.
BY_OTHER_STAGES: Final = {
    ("tool_calls", "tool_name"): "names",
    ("tool_rollups", "tool_name"): "names",
    ("error_rollups", "tool_name"): "names",
    ("api_calls", "model"): "names",
    ("usage_rollups", "model"): "names",
    ("base_tool_rollups", "tool_name"): "names",
    ("base_error_rollups", "tool_name"): "names",
    ("base_usage_rollups", "model"): "names",
    ("transcript_ranges", "content"): "transcripts",
    ("transcript_ranges", "request_id"): "transcripts",
    ("session_marks", "tag_keys"): "session_marks",
}

_OUR_WORD: Final = "a word of the tracker's own"
_OUR_ID: Final = "an id that the tracker makes"
_HASH: Final = "a hash"
# {column, of any table: why it stays}.
EXEMPT_COLUMNS: Final = dict(_IDENTIFIERS) | {
    "kind": _OUR_WORD,
    "role": _OUR_WORD,
    "status": _OUR_WORD,
    "stage": _OUR_WORD,
    "at_stage": _OUR_WORD,
    "failure": _OUR_WORD,
    "merge_failure": _OUR_WORD,
    "rekey_failure": _OUR_WORD,
    "action": _OUR_WORD,
    "act": _OUR_WORD,
    "end_reason": _OUR_WORD,
    "title_source": _OUR_WORD,
    "visibility": _OUR_WORD,
    "duration_source": _OUR_WORD,
    "error_class": _OUR_WORD,
    "decision": _OUR_WORD,
    "decision_source": _OUR_WORD,
    "decision_told_by": _OUR_WORD,
    "effort": _OUR_WORD,
    "sqlstate": "a code of Postgres",
    "price_version": _OUR_WORD,
    "scopes": _OUR_WORD,
    "redactions": "numbers by kind",
    "key_id": _OUR_ID,
    "merged_by": _OUR_WORD,
    "merged_by_key": _OUR_ID,
    "told_by": _OUR_ID,
    "sha256": _HASH,
    "epoch": _OUR_ID,
    "changed_by": "a number of a transaction",
    "journal_entry_id": "an id that Redis makes",
}
# {(table, column): why it stays}.
EXEMPT: Final = {
    ("alembic_version", "version_num"): _OUR_ID,
    ("api_keys", "id"): _OUR_ID,
    ("key_logins", "id"): _OUR_ID,
    ("audit_log", "who"): _OUR_ID,
    ("project_changes", "who"): _OUR_ID,
    ("damaged_segments", "reason"): _OUR_WORD,
    ("reparse_rows", "relation"): "the name of a table",
    ("session_signs", "waits_for"): _OUR_WORD,
    ("signals", "value"): "a number",
    ("status_lines", "prompt_cache"): "numbers, times and words of Claude Code's own, which ingest checks",
    ("signals", "name"): "a name of the list of what is kept",
    ("session_signs", "worked_by"): _OUR_WORD,
    ("session_signs", "waits_by"): _OUR_WORD,
    ("session_signs", "replied_by"): _OUR_WORD,
    ("session_processes", "does"): _OUR_WORD,
    ("agent_signs", "worked_by"): _OUR_WORD,
    ("agent_signs", "over_as"): _OUR_WORD,
    ("agent_signs", "over_by"): _OUR_WORD,
    ("quota_readings", "account"): _HASH,
    ("quota_readings", "source"): _OUR_WORD,
    ("drainers", "consumer"): "the name of a host and a process of the tracker",
    ("drainers", "applied"): "ids that Redis makes",
    ("fixed_settings", "name"): _OUR_WORD,
    ("fixed_settings", "value"): "a number of the settings",
    ("import_jobs", "changes"): "numbers by table",
    ("exports", "blob_url"): _OUR_ID,
    ("exports", "counts"): "numbers by table",
    ("import_shares", "checkpoint"): "numbers",
    ("import_shares", "outcome"): _OUR_WORD,
    ("tombstones", "key"): _HASH,
    ("tombstones", "salt"): "random bytes",
    ("tombstone_salts", "salt"): "random bytes",
    ("tombstones", "reason"): _OUR_WORD,
    ("erasures", "after_key"): "a place in a table",
    ("erasures", "counts"): "numbers by store",
    ("erasures", "remains"): "sentences of the tracker's own",
    ("retention_rules", "what"): _OUR_WORD,
    ("retention_counts", "what"): _OUR_WORD,
    ("retention_runs", "after_key"): "a place in a table",
    ("retention_runs", "changed_tables"): _OUR_WORD,
    ("reprices", "after_key"): "a place in a table",
    ("prices", "source"): _OUR_WORD,
    ("prices", "tier"): _OUR_WORD,
    ("prices", "key_id"): _OUR_ID,
    ("price_state", "of_workers"): _HASH,
    ("scrubs", "after_key"): "a place in a table",
    ("scrubs", "remains"): "sentences of the tracker's own",
    ("search_changes", "keys"): "ids of rows",
    ("search_changes", "session_ids"): "ids of sessions",
    ("search_changes_kept", "since"): "a number of a transaction",
    ("scrubs", "changed_in"): "numbers by store",
    ("scrubs", "long_locks"): "numbers by table",
    ("scrub_texts", "half"): "random bytes without the half that Redis has",
    ("scrub_texts", "redis_key"): "a name at random",
    ("kept_out_texts", "fingerprint"): _HASH,
    ("unread_formats", "version"): "numbers with points, or a word of the tracker's own",
    ("tool_calls", "started_agent"): _IDENTIFIERS["started_agent"],
}
