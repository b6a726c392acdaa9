"""Sessions, what stands beside them, and their transcripts."""

from typing import Final

from shared.tables.table import CHANGE, EXPORTED, KEEP, LOOK_UP, NONE, OF_THE_SERVER, READ, WITH_OWNER, Owner, Table

SESSIONS: Final = (
    Table("sessions", Owner.SESSION, "SELECT, INSERT (session_id, project_id, path_project_id)", KEEP, READ, EXPORTED, "rows",
          "ID session_id -project_id parent_session_id -path_project_id USER -user_id TIME started_at ended_at first_event_at "
          "last_event_at -idle_closed_at -dated_at -active_ranges -created_at -gone_at NUMBER -counted wall_us active_us user_messages "
          "assistant_messages tool_calls tool_errors files_modified lines_added lines_removed input_tokens output_tokens "
          "cache_creation_tokens cache_read_tokens cost_nano_usd -lines_from_snapshot -usage_from_snapshot api_calls unpriced_calls "
          "-seen_live -cache_priced_calls -uncached_nano_usd -cache_saved_nano_usd WORD end_reason title_source NAME model git_branch "
          "client_version source TEXT title JSON -snapshot"),
    Table("session_marks", Owner.SESSION, CHANGE, KEEP, READ, EXPORTED, WITH_OWNER,
          "ID session_id -project_id -brought_by USER -user_id TIME changed_at NUMBER is_starred WORD visibility TEXT tags[] tag_keys[] "
          "note title", alone="changed_at"),
    Table("session_machines", Owner.SESSION, NONE, KEEP, READ, EXPORTED, WITH_OWNER,
          "ID session_id machine_id -brought_by", alone=""),
    Table("dropped_texts", Owner.SESSION, "SELECT (session_id, is_done), DELETE", KEEP, READ, EXPORTED, WITH_OWNER,
          "ID session_id -brought_by TIME before dropped_at NUMBER -is_done"),
    Table("dropping_sessions", Owner.SESSION, NONE, KEEP, NONE, OF_THE_SERVER, WITH_OWNER,
          "ID session_id run_id"),
    Table("session_signs", Owner.SESSION, NONE, KEEP, READ, "what a session does at this moment", WITH_OWNER,
          "ID session_id TIME worked_at waits_since idle_at replied_at prompted_at heard_at agents_worked_at client_started_at NUMBER "
          "is_hooked WORD waits_for worked_by waits_by replied_by", alone="heard_at"),
    Table("agent_signs", Owner.SESSION, NONE, KEEP, READ, "what a session does at this moment", WITH_OWNER,
          "ID session_id agent_id TIME began_at called_at worked_at over_at heard_at NUMBER is_background WORD worked_by over_as over_by",
          alone="heard_at"),
    Table("session_processes", Owner.SESSION, NONE, KEEP, READ, "what a session does at this moment", WITH_OWNER,
          "ID session_id machine_id TIME read_at does_since heard_at NUMBER pid is_alive WORD does", alone="read_at"),
    Table("status_lines", Owner.SESSION, NONE, KEEP, READ, "what a session does at this moment", WITH_OWNER,
          "ID session_id TIME read_at NUMBER total_cost_usd total_duration_ms total_api_duration_ms lines_added lines_removed "
          "context_window_size context_used_percentage context_tokens WORD prompt_cache NAME model client_version", alone="read_at"),
    Table("hook_payloads", Owner.SESSION, LOOK_UP, KEEP, "SELECT (received_at)", "they wait to be read", WITH_OWNER,
          "ID id session_id machine_id TIME occurred_at received_at USER_NAME user_name bound_user TEXT request_id JSON payload", alone="received_at"),
    Table("signals", Owner.SESSION, NONE, KEEP, READ,
          "what telemetry knows of calls is in their rows; the rest is of a time and a machine", WITH_OWNER,
          "ID id session_id tool_call_id TIME occurred_at started_at received_at NUMBER value is_cumulative is_new WORD kind name "
          "USER_NAME user_name bound_user TEXT request_id JSON attributes", alone="received_at"),
    Table("transcript_files", Owner.SESSION, READ, KEEP, READ, EXPORTED, "transcripts",
          "ID -id machine_id session_id facts_ids -brought_by -continued_by TIME created_at changed_at -read_again_at NUMBER generation "
          "-stored_offset parsed_offset parser_version -read_attempts dropped_to -rewrites NAME file_name USER_NAME -user_name "
          "-bound_user"),
    Table("transcript_ranges", "transcript_files", NONE, KEEP, READ, "they are the transcripts and their pieces", "transcripts",
          "ID file_id TIME received_at NUMBER start_offset end_offset raw_bytes TEXT request_id BYTES content"),
    Table("transcript_segments", "transcript_files", NONE, KEEP, READ, "they are the transcripts and their pieces", "transcripts",
          "ID file_id HASH sha256 NUMBER number end_offset raw_bytes stored_bytes"),
    Table("damaged_segments", "transcript_files", NONE, KEEP, READ, "the manifest names them", "transcripts",
          "ID file_id HASH sha256 TIME found_at WORD reason"),
    Table("import_sessions", Owner.SESSION, READ, KEEP, READ, OF_THE_SERVER, WITH_OWNER,
          "ID job_number session_id"),
)  # fmt: skip
