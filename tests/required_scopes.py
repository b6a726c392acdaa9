"""Which scope opens which operation, pinned: a change of this table is a change of who may do what."""

PUBLIC: frozenset[str] = frozenset()
INGEST = frozenset({"ingest"})
READ = frozenset({"read"})
NUMBERS = frozenset({"read", "numbers"})
METRICS = frozenset({"read", "numbers", "metrics"})
OWN_IMPORTS = frozenset({"read", "ingest"})
ADMIN = frozenset({"admin"})

# What the query service serves.
READING = {
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/"): PUBLIC,
    ("GET", "/docs"): PUBLIC,
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/api/canary"): PUBLIC,
    ("GET", "/metrics"): METRICS,
    ("GET", "/api/accounting"): METRICS,
    ("GET", "/api/import/jobs"): OWN_IMPORTS,
    ("GET", "/api/import/jobs/{job_id}"): OWN_IMPORTS,
    ("GET", "/api/import/jobs/{job_id}/events"): OWN_IMPORTS,
    ("GET", "/api/projects"): NUMBERS,
    ("GET", "/api/project-rules"): READ,
    ("GET", "/api/projects/{project_id}"): NUMBERS,
    ("GET", "/api/projects/{project_id}/stats"): METRICS,
    ("GET", "/api/me"): METRICS,
    ("GET", "/api/stats"): METRICS,
    ("GET", "/api/usage"): METRICS,
    ("GET", "/api/compare"): METRICS,
    ("GET", "/api/days/{date}"): METRICS,
    ("GET", "/api/live"): METRICS,
    ("GET", "/api/live/sessions"): METRICS,
    ("GET", "/api/tool-calls/stats"): METRICS,
    ("GET", "/api/tool-calls/errors"): METRICS,
    ("GET", "/api/tool-calls/session/{session_id}"): READ,
    ("GET", "/api/sessions"): READ,
    ("GET", "/api/sessions/{session_id}"): READ,
    ("GET", "/api/sessions/{session_id}/conversations"): READ,
    ("GET", "/api/sessions/{session_id}/activities"): READ,
    ("GET", "/api/sessions/{session_id}/tool-calls"): READ,
    ("GET", "/api/sessions/{session_id}/timeline"): READ,
    ("GET", "/api/sessions/{session_id}/turns"): READ,
    ("GET", "/api/sessions/{session_id}/outcome"): READ,
    ("GET", "/api/sessions/{session_id}/export"): READ,
    ("GET", "/api/sessions/{session_id}/transcript"): READ,
    ("GET", "/api/sessions/{session_id}/transcript/files"): READ,
    ("GET", "/api/files"): READ,
    ("GET", "/api/files/history"): READ,
    ("GET", "/api/tags"): READ,
    ("GET", "/api/views"): READ,
    ("GET", "/api/exports"): READ,
    ("GET", "/api/exports/{export_id}"): READ,
    ("GET", "/api/exports/{export_id}/archive"): READ,
    ("GET", "/api/tool-calls"): READ,
    ("GET", "/api/tool-calls/{call_id}"): READ,
    ("GET", "/api/tool-calls/{call_id}/result"): READ,
    ("GET", "/api/users"): METRICS,
    ("GET", "/api/machines"): NUMBERS,
    ("GET", "/api/formats"): READ,
    ("GET", "/api/conversations"): READ,
    ("GET", "/api/conversations/search"): READ,
    ("GET", "/api/search"): READ,
    ("GET", "/api/activities"): READ,
    ("GET", "/api/dead-letters"): ADMIN,
    ("GET", "/api/dead-letters/{letter_id}"): ADMIN,
    ("GET", "/api/keys"): ADMIN,
    ("GET", "/api/audit"): ADMIN,
    ("GET", "/api/scrubs/{scrub_id}"): ADMIN,
    ("GET", "/api/erasures"): ADMIN,
    ("GET", "/api/erasures/{erasure_id}"): ADMIN,
    ("GET", "/api/retention"): ADMIN,
    ("GET", "/api/retention/runs/{run_id}"): ADMIN,
}
# What the ingest service serves.
WRITING = {
    ("POST", "/api/conversations"): INGEST,
    ("POST", "/api/activities"): INGEST,
    ("POST", "/api/tool-calls"): INGEST,
    ("POST", "/api/sessions/start"): INGEST,
    ("POST", "/api/sessions/end"): INGEST,
    ("POST", "/api/events"): INGEST,
    ("POST", "/api/hooks"): INGEST,
    ("PUT", "/api/transcripts/{session_id}"): INGEST,
    ("POST", "/api/import/manifest"): INGEST,
    ("POST", "/api/import/claude-data"): INGEST,
    ("POST", "/api/import/jobs/{job_id}/cancel"): ADMIN,
    ("POST", "/api/import/jobs/{job_id}/retry"): ADMIN,
    ("DELETE", "/api/import/jobs/{job_id}"): ADMIN,
    ("POST", "/api/dead-letter-groups/replay"): ADMIN,
    ("POST", "/api/dead-letter-groups/delete"): ADMIN,
    ("POST", "/api/dead-letters/{letter_id}/replay"): ADMIN,
    ("DELETE", "/api/dead-letters/{letter_id}"): ADMIN,
    ("POST", "/api/keys"): ADMIN,
    ("DELETE", "/api/keys/{key_id}"): ADMIN,
    ("POST", "/api/login"): METRICS,
    ("DELETE", "/api/login"): PUBLIC,
    ("POST", "/api/reparse"): ADMIN,
    ("POST", "/api/scrubs"): ADMIN,
    ("DELETE", "/api/scrubs/{scrub_id}/kept-out"): ADMIN,
    ("POST", "/api/erasures"): ADMIN,
    ("POST", "/api/tombstones/lift"): ADMIN,
    ("PUT", "/api/retention/rules"): ADMIN,
    ("DELETE", "/api/retention/rules/{rule_id}"): ADMIN,
    ("POST", "/api/retention/runs"): ADMIN,
    ("POST", "/api/retention/allow"): ADMIN,
    ("POST", "/api/exports"): READ,
    ("DELETE", "/api/exports/{export_id}"): READ,
    ("PATCH", "/api/users/{name}"): ADMIN,
    ("PATCH", "/api/projects/{project_id}"): ADMIN,
    ("POST", "/api/project-rules"): ADMIN,
    ("DELETE", "/api/project-rules/{rule_id}"): ADMIN,
    ("POST", "/api/projects/{project_id}/undo"): ADMIN,
    ("PUT", "/api/machines/{machine_id}"): INGEST,
    ("PUT", "/api/machines/{machine_id}/repositories"): INGEST,
    ("DELETE", "/api/machines/{machine_id}"): ADMIN,
    ("PATCH", "/api/sessions/{session_id}"): INGEST,
    ("POST", "/api/views"): INGEST,
    ("PUT", "/api/views/{view_id}"): INGEST,
    ("DELETE", "/api/views/{view_id}"): INGEST,
}
# A key needs one of these besides.
ALSO = dict.fromkeys(
    [("PATCH", "/api/sessions/{session_id}"), ("POST", "/api/views"), ("PUT", "/api/views/{view_id}"), ("DELETE", "/api/views/{view_id}")],
    READ,
)
# The API behind its one address, as shared/openapi.json describes it.
REQUIRED = READING | WRITING
# Each service answers these for itself; ingest also takes the canary, which shows a token of its own instead of a key.
INGEST_ALONE = {
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/metrics"): METRICS,
    ("GET", "/openapi.json"): PUBLIC,
    ("POST", "/api/canary"): PUBLIC,
}
# They count what happens in all projects, or hold it, so a key that is bound to some, or to users, is refused.
ALL_PROJECTS = {
    ("GET", "/api/project-rules"),
    ("GET", "/metrics"),
    ("GET", "/api/accounting"),
    ("GET", "/api/project-rules"),
    *((method, path) for method, path in REQUIRED if path.startswith("/api/exports")),
}
# Of these a key that is bound to one user alone has that user's.
OR_ONE_USER = "/api/exports"
