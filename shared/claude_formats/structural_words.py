"""The words by which Claude Code's records are read: their keys, types and roles. A transcript without them could not be read again."""

from typing import Final

_WORDS: Final = """
    agentId assistant attachment cache_creation cache_creation_input_tokens cache_read_input_tokens citations claude.json command content
    custom-title customTitle display document elicitation ephemeral_1h_input_tokens ephemeral_5m_input_tokens end_turn external
    file-history-snapshot file_path gitBranch hook_event_name hookEventName history.jsonl image inference_geo input_tokens isApiErrorMessage
    isCompactSummary isMeta isSidechain lastSessionId last-prompt leafUuid local_command logicalParentUuid message message_id messageId model
    new_string notebook_path notification_type old_string output_tokens parentToolUseID parentUuid pastedContents permissionMode permission_mode
    progress project projects prompt queue-operation queued_command requestId result server_tool_use service_tier sessionId session_id signature
    snapshot source standard stderr stdout stop_details stop_reason stop_sequence structuredPatch subtype summary system text thinking
    thinkingMetadata timestamp toolUseID toolUseResult tool_input tool_name tool_response tool_result tool_use tool_use_id trackedFileBackups
    transcript_path usage userType version web_fetch_requests web_search_requests
"""
STRUCTURAL_WORDS: Final = frozenset(_WORDS.split())
