"""Every Prometheus metric, declared here with its meaning. A process exports those it touches."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUESTS = Counter(
    "tracker_http_requests_total", "Answers by service, method, route and status.", ["service", "method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "tracker_http_request_seconds",
    "Time to answer.",
    ["service", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
ERRORS = Counter("tracker_errors_total", "Answers that are not 2xx, by code word.", ["service", "code"])
EVENTS_ACCEPTED = Counter("tracker_events_accepted_total", "Events that are on the journal's disk and were answered 2xx.", ["type"])
HOOKS = Counter(
    "tracker_hooks_total",
    "Hooks of Claude Code by kind (`other`: not known), and whether they were accepted or dropped.",
    ["kind", "outcome"],
)
SIGNALS = Counter(
    "tracker_signals_total",
    "Records of telemetry by signal (logs, metrics, traces): accepted, dropped (nothing of them is kept), or rejected (partial success).",
    ["signal", "outcome"],
)
TRANSCRIPT_RANGES = Counter(
    "tracker_transcript_ranges_total",
    "Ranges of transcripts by outcome: appended, known (sent before), mismatch (another offset is wanted), superseded (of an older file).",
    ["outcome"],
)
TRANSCRIPT_BYTES = Counter("tracker_transcript_bytes_total", "Bytes of transcripts that were accepted, as they are on their machines.")
EVENTS_REFUSED = Counter("tracker_events_refused_total", "Events that were not accepted, by code word.", ["code"])
REDACTIONS = Counter("tracker_redactions_total", "Secrets that were replaced before they were stored, by kind.", ["kind"])
WAKEUPS_SENT = Counter("tracker_wakeups_total", "Tasks that ingest sent to wake a worker, by outcome.", ["outcome"])

# Read from Redis and Postgres by the query service when it is scraped.
JOURNAL_ENTRIES = Gauge("tracker_journal_entries", "Entries in the journal that are not yet persisted.")
JOURNAL_OLDEST_SECONDS = Gauge("tracker_journal_oldest_seconds", "Age of the oldest entry in the journal; 0 if it is empty.")
EVENTS_PERSISTED = Gauge("tracker_events_persisted", "Events stored since the database was created.")
EVENTS_DUPLICATE = Gauge("tracker_events_duplicate", "Duplicates that were left out since the database was created.")
EVENTS_DEAD = Gauge("tracker_events_dead", "Events that became dead letters since the database was created, replays included.")
DEAD_LETTERS = Gauge("tracker_dead_letters", "Dead letters that wait to be replayed or deleted, by kind.", ["kind"])

# The journal's equation: accepted = persisted + duplicate + dead + pending, of the journal as it is now (shared/journal/accounting.py).
ACCOUNTING_EVENTS = Gauge(
    "tracker_accounting_events",
    "Events of the journal by state: accepted, persisted, duplicate, dead, pending.",
    ["state"],
)
ACCOUNTING_DRIFT = Gauge(
    "tracker_accounting_drift", "Events that the account lacks or has too many. Any value but 0 is a loss or a defect."
)
ACCOUNTING_ALARMS = Gauge("tracker_accounting_alarms", "How often the check that runs each minute found drift in this journal.")
CANARY_AGE_SECONDS = Gauge(
    "tracker_canary_age_seconds", "Time since the newest canary that came back was sent, or since this process started if that is later."
)
CANARY_ROUND_TRIP_SECONDS = Gauge(
    "tracker_canary_round_trip_seconds", "Time from sending the newest canary over HTTP until it was stored, by the clocks of two machines."
)
REPLICA_BEHIND_BYTES = Gauge(
    "tracker_replica_behind_bytes", "WAL of the primary that the replica of query has not replayed; 0 without a replica."
)
REPLICA_BEHIND_SECONDS = Gauge(
    "tracker_replica_behind_seconds",
    "Age of the newest transaction on the replica of query; 0 if it has all.",
)
ACCOUNTING_FORMER_EPOCHS = Gauge("tracker_accounting_former_epochs", "Earlier journals that the present one has replaced.")

# The capacity. Read from Redis and Postgres by the query service when it is scraped.
STATE_READABLE = Gauge(
    "tracker_state_readable",
    "1 if the metrics of the journal or the database are current, 0 if they are the last that could be read.",
    ["source"],
)
LAST_RECEIVED_SECONDS = Gauge(
    "tracker_last_received_timestamp_seconds",
    "Time of receipt of the newest stored event, in seconds since 1970; 0 before the first event.",
)
REDIS_USED_BYTES = Gauge("tracker_redis_used_bytes", "Redis' memory in use.")
REDIS_MAX_BYTES = Gauge("tracker_redis_max_bytes", "The most memory that Redis may use; 0 without a limit.")
DATABASE_BYTES = Gauge("tracker_database_bytes", "Size of the database on its disk.")
DATABASE_CONNECTIONS = Gauge("tracker_database_connections", "Connections to Postgres, of all clients.")
DATABASE_MAX_CONNECTIONS = Gauge("tracker_database_max_connections", "The most connections that Postgres accepts.")
IMPORT_JOBS = Gauge("tracker_import_jobs", "Import jobs by status.", ["status"])
JOBS_STANDING_SECONDS = Gauge(
    "tracker_jobs_standing_seconds",
    "For how long the job that stands still longest has not got on, by kind; a kind without an unfinished job is absent.",
    ["kind"],
)
FAILED_LOOKS = Gauge("tracker_failed_looks", "How often a look of beat failed, by its name.", ["look"])
MACHINES_SILENT = Gauge(
    "tracker_machines_silent",
    "Machines not heard of for longer than TRACKER_MACHINE_SILENT_HOURS that have something unsent, or sent something in the last 14 days.",
)
CAPTURE_OLDEST_SECONDS = Gauge(
    "tracker_capture_oldest_seconds", "Age of the oldest captured range, hook or signal that is not in rows yet; 0 if none waits."
)
CAPTURE_SET_ASIDE = Gauge(
    "tracker_capture_files_set_aside", "Captured transcripts whose reading failed five times. They are tried again, less and less often."
)
SEARCH_PENDING_DOCUMENTS = Gauge(
    "tracker_search_pending_documents",
    "Texts that this process' search index lacks or has in an older state.",
)
SEARCH_OLDEST_SECONDS = Gauge(
    "tracker_search_oldest_seconds", "For how long this process' search index has lacked something that changed; 0 if nothing waits."
)
SEARCH_WAITING_SESSIONS = Gauge("tracker_search_waiting_sessions", "Sessions that this process' search index does not rank as they are.")

# Read by ingest when it is scraped, of the file system that uploads are written to.
DISK_FREE_BYTES = Gauge("tracker_disk_free_bytes", "Free space for an ordinary user.", ["volume"])
DISK_BYTES = Gauge("tracker_disk_bytes", "Size of the file system.", ["volume"])
