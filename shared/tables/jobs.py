"""Jobs: imports, exports, scrubs, erasures, retention and new prices."""

from typing import Final

from shared.tables.table import CHANGE, EXPORTED, KEEP, NONE, NOTHING, OF_THE_SERVER, READ, Owner, Table

JOBS: Final = (
    Table("import_jobs", Owner.SERVER, CHANGE, KEEP, READ, OF_THE_SERVER, "imports",
          "ID id number undoes key_id TIME created_at started_at finished_at undone_at cancel_requested_at NUMBER bytes_total bytes_done "
          "projects_imported sessions_imported sessions_updated conversations_imported activities_imported tool_calls_imported duplicates "
          "errors_total api_calls_imported rows_done files_done has_files WORD status stage kind redactions changes USER_NAME user_name "
          "TEXT request_id JSON files errors unknown_records skipped_records selection"),
    Table("import_shares", "import_jobs", CHANGE, KEEP, READ, OF_THE_SERVER, NOTHING,
          "ID job_id lease_token TIME lease_expires_at moved_at NUMBER share bytes_done is_damaged attempts WORD outcome checkpoint"),
    Table("imported_files", "import_jobs", "SELECT, DELETE", KEEP, NONE, OF_THE_SERVER, "imports",
          "ID job_number HASH sha256 NUMBER reader_version"),
    Table("reparse_rows", "import_jobs", NONE, KEEP, NONE, OF_THE_SERVER, "rows",
          "ID job_number id call_id HASH content NUMBER is_archived is_read WORD relation"),
    Table("exports", "import_jobs", CHANGE, KEEP, READ, OF_THE_SERVER, "exports",
          "ID id blob_url HASH sha256 TIME snapshot_at expires_at NUMBER sessions_total sessions_done bytes WORD counts USER_NAME "
          "bound_user"),
    Table("jobs", Owner.SERVER, CHANGE, KEEP, READ, OF_THE_SERVER, "forget",
          "ID id project_ids after_key lease_token USER user_ids TIME from_at to_at lease_expires_at created_at started_at finished_at "
          "moved_at NUMBER is_dry_run is_exclusive attempts WORD kind status at_stage remains failure USER_NAME names[] TEXT request_id "
          "JSON options counts"),
    Table("scrub_texts", "jobs", "INSERT", "SELECT, DELETE, MAINTAIN", NONE, OF_THE_SERVER, NOTHING,
          "ID scrub_id redis_key HASH half"),
    Table("kept_out_texts", "jobs", "SELECT, DELETE", KEEP, NONE,
          "fingerprints of secrets go nowhere; what is exported has had them replaced", NOTHING,
          "ID id scrub_id HASH fingerprint TIME created_at NUMBER is_for_good"),
    Table("erasure_sessions", "jobs", NONE, KEEP, NONE, OF_THE_SERVER, "forget",
          "ID erasure_id session_id"),
    Table("tombstones", Owner.SERVER, "SELECT, DELETE", KEEP, NONE, EXPORTED, NOTHING,
          "ID job_id -project_id -brought_by USER -user_id HASH key salt TIME from_at to_at created_at WORD kind reason"),
    Table("tombstone_salts", "tombstones", READ, KEEP, NONE, "each tombstone has its salt", NOTHING,
          "HASH salt"),
    Table("retention_counts", "jobs", NONE, KEEP, READ, OF_THE_SERVER, NOTHING,
          "ID run_id project_id NUMBER sessions rows bytes WORD what"),
)  # fmt: skip
