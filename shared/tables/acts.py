"""Events of sessions: the rows that are counted, and facts that files and clients give of whole sessions."""

from typing import Final

from shared.tables.table import EXPORTED, KEEP, LOOK_UP, MADE_AGAIN, NONE, OF_THE_SERVER, READ, WITH_OWNER, Owner, Table

ACTS: Final = (
    Table("messages", Owner.SESSION, LOOK_UP, KEEP, READ, EXPORTED, "rows",
          "ID id session_id -project_id agent_id -brought_by -path_project_id USER -user_id TIME occurred_at received_at -persisted_at "
          "WORD role NAME model source TEXT content"),
    Table("tool_calls", Owner.SESSION, LOOK_UP, KEEP, READ, EXPORTED, "rows",
          "ID id session_id -project_id agent_id -brought_by started_agent USER -user_id TIME occurred_at received_at -persisted_at "
          "decided_at NUMBER duration_ms result_left_out result_cut_at wait_ms is_sandboxed decision_wait_ms WORD status duration_source "
          "error_class decision decision_source decision_told_by NAME tool_name source TEXT result JSON parameters result_media outcome"),
    Table("activities", Owner.SESSION, LOOK_UP, KEEP, READ, EXPORTED, "rows",
          "ID id session_id -project_id agent_id -brought_by tool_call_id USER -user_id HASH -file_key TIME occurred_at received_at "
          "-persisted_at NUMBER lines_added lines_removed is_estimated patch_left_out WORD action NAME source TEXT patch"),
    Table("api_calls", Owner.SESSION, NONE, KEEP, READ, EXPORTED, "rows",
          "ID id session_id -project_id agent_id -brought_by USER -user_id TIME occurred_at received_at -persisted_at NUMBER input_tokens "
          "output_tokens cache_write_5m_tokens cache_write_1h_tokens cache_read_tokens web_searches cost_nano_usd uncached_nano_usd "
          "cache_saved_nano_usd is_fast is_advisor cache_write_nano_usd thinking_ms WORD price_version effort NAME model source "
          "inference_geo"),
    Table("timeline_entries", Owner.SESSION, NONE, KEEP, READ, EXPORTED, "rows",
          "ID id session_id -project_id agent_id -brought_by USER -user_id TIME occurred_at received_at -persisted_at WORD kind NAME "
          "source TEXT content JSON details"),
    Table("session_events", Owner.SESSION, LOOK_UP, KEEP, READ, EXPORTED, "rows",
          "ID id session_id -project_id -brought_by USER -user_id TIME occurred_at received_at -persisted_at WORD kind NAME model "
          "git_branch client_version source"),
    Table("session_facts", Owner.SESSION, NONE, KEEP, READ, EXPORTED, "rows",
          "ID id session_id -project_id parent_session_id -brought_by USER -user_id TIME first_record_at last_record_at active_ranges "
          "ended_at received_at -persisted_at NUMBER title_rank WORD end_reason NAME model git_branch client_version source TEXT title "
          "JSON numbers client_costs"),
    Table("contested_rows", Owner.SESSION, NONE, KEEP, READ, OF_THE_SERVER, WITH_OWNER,
          "ID row_id session_id job_number TIME copied_at"),
    Table("files", "activities", NONE, KEEP, READ, "its paths are in the activities", "rows",
          "HASH file_key ID number NAME file_path"),
    Table("session_files", Owner.SESSION, NONE, KEEP, NONE, MADE_AGAIN, "rows",
          "ID session_id HASH file_key"),
)  # fmt: skip
