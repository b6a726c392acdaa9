"""Sums over rows, and what rows that retention dropped still count for."""

from typing import Final

from shared.tables.table import EXPORTED, KEEP, MADE_AGAIN, NONE, NOTHING, READ, Owner, Table

SUMS: Final = (
    Table("session_quarters", Owner.SESSION, NONE, KEEP, READ, MADE_AGAIN, "rows",
          "ID session_id project_id USER user_id TIME bucket_start NUMBER counted_rows user_messages assistant_messages tool_calls tool_errors "
          "lines_added lines_removed input_tokens output_tokens cache_creation_tokens cache_read_tokens api_calls unpriced_calls "
          "cache_priced_calls cost_nano_usd uncached_nano_usd cache_saved_nano_usd sessions wall_us"),
    Table("activity_rollups", Owner.PROJECT, NONE, KEEP, READ, MADE_AGAIN, "rows",
          "ID project_id USER user_id TIME bucket_start NUMBER grain_minutes sessions wall_us active_us user_messages assistant_messages "
          "files_modified lines_added lines_removed tool_calls tool_errors input_tokens output_tokens cache_creation_tokens "
          "cache_read_tokens cost_nano_usd active_by_quarter api_calls unpriced_calls cache_priced_calls uncached_nano_usd "
          "cache_saved_nano_usd"),
    Table("tool_rollups", Owner.PROJECT, NONE, KEEP, READ, MADE_AGAIN, "rows",
          "ID project_id USER user_id TIME bucket_start last_used_at NUMBER grain_minutes calls success errors rejected timed_calls "
          "duration_ms max_ms times calls_by_quarter errors_by_quarter measured_calls measured_ms max_measured_ms measured_times "
          "waited_calls waited_ms NAME tool_name"),
    Table("error_rollups", Owner.PROJECT, NONE, KEEP, READ, MADE_AGAIN, "rows",
          "ID project_id USER user_id TIME bucket_start NUMBER grain_minutes calls WORD error_class NAME tool_name"),
    Table("usage_rollups", Owner.PROJECT, NONE, KEEP, READ, MADE_AGAIN, "rows",
          "ID project_id USER user_id TIME bucket_start NUMBER grain_minutes api_calls unpriced_calls input_tokens output_tokens "
          "cache_creation_tokens cache_read_tokens cost_nano_usd cache_priced_calls uncached_nano_usd cache_saved_nano_usd NAME model"),
    Table("file_rollups", Owner.PROJECT, NONE, KEEP, READ, MADE_AGAIN, "rows",
          "ID project_id HASH file_key TIME bucket_start NUMBER grain_minutes touches lines_added lines_removed"),
    Table("file_sets", Owner.PROJECT, NONE, KEEP, READ, MADE_AGAIN, "rows",
          "ID project_id TIME bucket_start NUMBER grain_minutes chunk bits"),
    Table("active_days", Owner.PROJECT, NONE, KEEP, NONE, MADE_AGAIN, "rows",
          "ID project_id USER user_id TIME day ranges"),
    Table("changed_quarters", Owner.SERVER, NONE, KEEP, NONE, MADE_AGAIN, NOTHING,
          "ID xid session_id project_id user_id TIME bucket_start WORD origin NUMBER grain_minutes counted_rows sessions wall_us active_us "
          "files_modified user_messages assistant_messages tool_calls tool_errors lines_added lines_removed input_tokens output_tokens "
          "cache_creation_tokens cache_read_tokens api_calls unpriced_calls cache_priced_calls cost_nano_usd uncached_nano_usd cache_saved_nano_usd"),
    Table("changes_to_fold", Owner.SERVER, NONE, KEEP, NONE, MADE_AGAIN, NOTHING, "ID xid"),
    Table("kept_sums", Owner.SERVER, NONE, KEEP, NONE, MADE_AGAIN, NOTHING, "NUMBER number WORD sums counted keys measures source condition"),
    Table("base_activity_rollups", Owner.PROJECT, NONE, KEEP, READ, EXPORTED, "base",
          "ID -project_id -path_project_id -brought_by USER -user_id TIME bucket_start NUMBER sessions wall_us user_messages "
          "assistant_messages lines_added lines_removed tool_calls tool_errors input_tokens output_tokens cache_creation_tokens "
          "cache_read_tokens cost_nano_usd api_calls unpriced_calls cache_priced_calls uncached_nano_usd cache_saved_nano_usd"),
    Table("base_tool_rollups", Owner.PROJECT, NONE, KEEP, NONE, EXPORTED, "base",
          "ID -project_id -path_project_id -brought_by USER -user_id TIME bucket_start NAME tool_name NUMBER calls success errors rejected "
          "timed_calls duration_ms measured_calls measured_ms waited_calls waited_ms max_ms max_measured_ms TIME last_used_at NUMBER times "
          "measured_times calls_by_quarter errors_by_quarter"),
    Table("base_error_rollups", Owner.PROJECT, NONE, KEEP, NONE, EXPORTED, "base",
          "ID -project_id -path_project_id -brought_by USER -user_id TIME bucket_start NAME tool_name WORD error_class NUMBER calls"),
    Table("base_usage_rollups", Owner.PROJECT, NONE, KEEP, READ, EXPORTED, "base",
          "ID -project_id -path_project_id -brought_by USER -user_id TIME bucket_start NAME model NUMBER input_tokens output_tokens "
          "cache_creation_tokens cache_read_tokens cost_nano_usd api_calls unpriced_calls cache_priced_calls uncached_nano_usd "
          "cache_saved_nano_usd"),
    Table("base_file_rollups", Owner.PROJECT, NONE, KEEP, READ, EXPORTED, "base",
          "ID -project_id -path_project_id -brought_by TIME bucket_start HASH -file_key NUMBER touches lines_added lines_removed"),
    Table("base_sessions", Owner.PROJECT, NONE, KEEP, READ, EXPORTED, "base",
          "ID -project_id -path_project_id -brought_by USER -user_id TIME dated_at last_event_at active_ranges"),
)  # fmt: skip

# The tables of what dropped sessions count for. Exports have their columns in this order.
BASE: Final = tuple(table.name for table in SUMS if table.erased == "base")
BASE_FILES: Final = "base_file_rollups"
BASE_SESSIONS: Final = "base_sessions"
