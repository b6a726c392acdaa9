"""The formats of Claude Code that this tracker reads or leaves out on purpose. A kind or field in neither list is counted as unread (format_census.py).

Fields that are read are those of the Structs that the records are decoded into, so this module has no list of them. Each that is left out has its name
here, with the reason. A name moves from left out to read by giving its Struct the field.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from msgspec import Struct
from msgspec.structs import fields

from services.worker.importers.formats import hook_signs, hooks
from services.worker.importers.formats.transcript.transcript_rows import ApiMessage, Attachment, Block, Row, Usage
from shared.claude_formats.hook_kinds import DROPPED, KEPT

# Types of records, subtypes of `system`, kinds of `attachment`, of `progress` and of content blocks; events of hooks; and fields of all these.
Kind = Literal["record", "system", "attachment", "progress", "block", "field", "hook", "hook_field"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_SCREEN: Final = "what the terminal shows or how it is set; no act"
_REPEATED: Final = "other records say the same"
_CONTEXT: Final = "what Claude is told; it is not what somebody did"
_FILES: Final = "copies of files, for undoing edits"
_LINKS: Final = "connects files or programs of Claude Code's own"
_REQUEST: Final = "what was sent to the API, word by word: the records say what came of it, and it has all texts a second time"
_ACCOUNT: Final = "may name an account"

READ_RECORDS: Final = frozenset(
    {
        "user",
        "assistant",
        "system",
        "attachment",
        "progress",
        "summary",
        "ai-title",
        "agent-name",
        "custom-title",
        "cost-state",
        "permission-mode",
        "pr-link",
    }
)
LEFT_OUT_RECORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("agent-color", "agent-setting", "mode", "tag"), _SCREEN),
    **dict.fromkeys(("last-prompt", "queue-operation"), _REPEATED),
    **dict.fromkeys(("file-history-delta", "file-history-snapshot", "content-replacement"), _FILES),
    **dict.fromkeys(("atis-latch", "continued-in", "fork-context-ref", "frame-link", "worktree-state"), _LINKS),
    # A third of all bytes of 2.1.332.
    **dict.fromkeys(("api-request", "api-request-blob", "api-request-shape"), _REQUEST),
    "tools-used": "the tool calls say it",
    "bridge-session": _ACCOUNT,
}
# Whole families: `artifact-version` and the like.
LEFT_OUT_PREFIXES: Final[Mapping[str, str]] = {"artifact-": _LINKS}

READ_SYSTEM: Final = frozenset(
    {
        *("compact_boundary", "microcompact_boundary", "local_command", "api_error", "stop_hook_summary"),
        *("informational", "away_summary", "model_refusal_fallback", "model_fallback"),
    }
)
LEFT_OUT_SYSTEM: Final[Mapping[str, str]] = {
    "turn_duration": "the times of the records say it, for every version",
    "bridge_status": _ACCOUNT,
}

READ_ATTACHMENTS: Final = frozenset(
    {
        *("hook_blocking_error", "hook_non_blocking_error", "hook_error_during_execution", "hook_stopped_continuation"),
        *("hook_system_message", "queued_command"),
    }
)
LEFT_OUT_ATTACHMENTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            *("task_reminder", "todo_reminder", "nested_memory", "edited_text_file", "file", "directory", "compact_file_reference"),
            *("skill_listing", "agent_listing_delta", "deferred_tools_delta", "mcp_instructions_delta", "hook_additional_context"),
            *("plan_mode", "plan_mode_exit", "plan_mode_reentry", "auto_mode", "auto_mode_exit", "date_change"),
            *("date", "environment", "model", "prompt_snapshot", "remote_session_change", "silent_turn_reminder"),
        ),
        _CONTEXT,
    ),
    "hook_success": "a hook that had nothing to say",
    "command_permissions": _SCREEN,
    "session_context": _ACCOUNT,
}

# Progress of hooks and tools. Other records repeat their results; the messages of subagents alone are read.
AGENT_PROGRESS: Final = "agent_progress"
LEFT_OUT_PROGRESS: Final[Mapping[str, str]] = dict.fromkeys(
    ("bash_progress", "hook_progress", "mcp_progress", "query_update", "search_results_received", "waiting_for_task"), _REPEATED
)

READ_BLOCKS: Final = frozenset({"text", "thinking", "tool_use", "tool_result", "image", "document"})
LEFT_OUT_BLOCKS: Final[Mapping[str, str]] = {
    "redacted_thinking": "it is encrypted",
    "fallback": "a notice says that the model changed",
}

_ENVELOPE: Final[Mapping[str, str]] = {
    "userType": "always the same",
    "entrypoint": "which program of Claude Code's it was; nothing counts by it",
    "slug": "a second name of the session",
    **dict.fromkeys(("teamName", "agentName", "agentSlug"), "agents are known by their id"),
    "session_id": "the session's id a second time",
}
# {where: {field: why nothing reads it}}. The fields of conversation records are those of all of them, and of their own.
LEFT_OUT_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "assistant": {
        **_ENVELOPE,
        **dict.fromkeys(
            ("attributionSkill", "attributionPlugin", "attributionMcpServer", "attributionMcpTool", "attributionAgent"),
            "the tool call and the subagent say it",
        ),
        **dict.fromkeys(("wireToolInputs", "batchToolUses", "wireIngestContext"), _REPEATED),
        **dict.fromkeys(("requestRef", "requestSessionId", "requestedModel", "promptCacheRequested"), _REQUEST),
        "isAbortedMidStream": "the interruption has a row of its own",
        "madeBy": "always the model so far",
        "perTurnEffort": "as `effort`, before a fallback",
        "toolInputStreamMs": "a part of the answer's time, which telemetry has",
        **dict.fromkeys(("thinkingDisplay", "isVirtual"), _SCREEN),
    },
    "user": {
        **_ENVELOPE,
        "promptId": "hooks need it; rows of a transcript are in order",
        "promptSource": "how the prompt was typed",
        **dict.fromkeys(("sourceToolAssistantUUID", "sourceToolUseID"), "the result names its call"),
        **dict.fromkeys(("isVisibleInTranscriptOnly", "imagePasteIds", "classifierMetaLines", "rowSource"), _SCREEN),
        **dict.fromkeys(("turnOrigin", "turnPosition", "sentAtMs"), "the order and the times of the rows say it"),
        "repeatsCompactSummary": _REPEATED,
        **dict.fromkeys(("todos", "planContent"), "a tool call says it"),
        "thinkingMetadata": "a setting of versions before 2.1; `effort` took its place",
    },
    "system": {
        **_ENVELOPE,
        **dict.fromkeys(("level", "hookCount", "hookInfos", "hasOutput", "hookAdditionalContext", "toolUseID"), _SCREEN),
        **dict.fromkeys(("hookLabel", "totalDurationMs", "failedHookErrorIndexes"), "about the hooks' programs; their errors are read"),
        "commandRun": "the text has the command",
        "logicalParentUuid": _LINKS,
        **dict.fromkeys(("cause", "source", "direction", "trigger", "apiRefusalCategory", "apiRefusalExplanation"), "the text says it"),
        "refusedUserMessageUuid": _LINKS,
        **dict.fromkeys(("durationMs", "messageCount"), "of an end of a turn: the times of the records say it"),
        "url": _ACCOUNT,
    },
    "attachment": {**_ENVELOPE, **dict.fromkeys(("rendered", "renderedRole", "renderedBesideToolResult"), _CONTEXT)},
    "summary": {},
    "ai-title": {},
    "agent-name": {},
    "custom-title": {},
    "pr-link": dict.fromkeys(("prNumber", "prRepository"), "the address says it"),
    "cost-state": {
        "totalAPIDurationWithoutRetries": "the time with retries is what passed",
    },
    "message": {
        **dict.fromkeys(("role", "type"), "the record's type says it"),
        **dict.fromkeys(("stop_reason", "stop_sequence", "stop_details"), "what came next says it"),
        **dict.fromkeys(("diagnostics", "context_management", "container"), "about the connection, empty so far"),
        "output_config": "as `effort`",
    },
    "usage": {
        **dict.fromkeys(("service_tier", "fallback_credit"), "no price depends on it so far"),
        "output_tokens_details": "a part of the tokens that are counted",
    },
    "block/text": {"citations": "the text has what it cites"},
    "block/thinking": {},
    "block/tool_use": {"caller": "which part of the API called; always direct so far"},
    "block/tool_result": {},
    "block/image": {"source": "the image itself"},
    "block/document": {**dict.fromkeys(("source", "title", "context"), "the document itself")},
    "attachment/queued_command": {
        **dict.fromkeys(("commandMode", "timestamp", "source_uuid", "origin"), "the row says when; who wrote it is told by the text")
    },
    **{
        f"attachment/{name}": {
            **dict.fromkeys(("toolUseID", "hookEvent"), "the hook's name has its event"),
            **dict.fromkeys(("command", "durationMs"), "about the hook's program"),
        }
        for name in sorted(READ_ATTACHMENTS - {"queued_command"})
    },
}
# Fields of all hooks, and of those of an event.
LEFT_OUT_HOOK_FIELDS: Final[Mapping[str, str]] = {
    "transcript_path": "a path of the client's machine, which has sent the transcript itself",
    "scratchpad_dir": "a folder of Claude Code's own",
    "permission_mode": "the mode of the terminal, not what was decided",
    "tracker_at": "ingest reads it",
    "effort": "the transcript's answers have it",
    **dict.fromkeys(("seconds_since_last_response", "context_tokens", "prompt_cache_likely_expired", "estimated_cache_write_usd"), _SCREEN),
    "session_title": "the transcript has it",
    "background_tasks": "subagents tell of themselves, and a turn is over without them",
    "stop_hook_active": "whether a hook of somebody else's goes on",
    **dict.fromkeys(("session_crons", "agent_transcript_path"), "transcripts have it"),
    **dict.fromkeys(("message", "title"), "its type says what is asked"),
    **dict.fromkeys(("error_details", "permission_suggestions"), "the transcript has what came of it"),
    **dict.fromkeys(("trigger", "custom_instructions", "compact_summary"), "the transcript has the compaction"),
    **dict.fromkeys(("old_cwd", "new_cwd"), "every hook has its folder"),
    **dict.fromkeys(("name", "worktree_path"), "every hook has its folder"),
}
KNOWN_HOOK_FIELDS: Final = hooks.READ_FIELDS | hook_signs.READ_FIELDS | LEFT_OUT_HOOK_FIELDS.keys()
_STRUCTS: Final[Mapping[str, type[Struct]]] = {"message": ApiMessage, "usage": Usage}


def _read_fields(where: str) -> frozenset[str]:
    family, _, kind = where.partition("/")
    struct = _STRUCTS.get(where) or (Row if not kind else Block if family == "block" else Attachment)
    return frozenset(field.encode_name for field in fields(struct))


# {where: all fields that are read or left out by name}
KNOWN_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    where: _read_fields(where) | left_out.keys() for where, left_out in LEFT_OUT_FIELDS.items()
}
_NAMES: Final[Mapping[str, frozenset[str]]] = {
    "record": READ_RECORDS | LEFT_OUT_RECORDS.keys(),
    "system": READ_SYSTEM | LEFT_OUT_SYSTEM.keys(),
    "attachment": READ_ATTACHMENTS | LEFT_OUT_ATTACHMENTS.keys(),
    "progress": frozenset({AGENT_PROGRESS}) | LEFT_OUT_PROGRESS.keys(),
    "block": READ_BLOCKS | LEFT_OUT_BLOCKS.keys(),
    "hook": KEPT | DROPPED,
}


def is_known(kind: str, name: str) -> bool:
    """Whether something reads it, or it is left out by name. A field's `name` has its type before the last point."""
    match kind:
        case "field":
            where, _, field = name.rpartition(".")
            return field in KNOWN_FIELDS.get(where, frozenset())
        case "hook_field":
            return name.rpartition(".")[2] in KNOWN_HOOK_FIELDS
        case "record":
            return name in _NAMES[kind] or name.startswith(tuple(LEFT_OUT_PREFIXES))
        case _:
            return name in _NAMES.get(kind, ())
