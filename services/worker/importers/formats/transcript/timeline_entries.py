"""Everything in a transcript besides messages, tool calls and file changes: thinking, compactions, commands, interruptions, errors of the API, notices.

Which record becomes what is in docs/explanation/claude-code-formats.md, "Timeline entries".
"""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from services.worker.importers.formats import ids
from services.worker.importers.formats.sanitize import count_or_none
from services.worker.importers.formats.transcript.claude_messages import Place
from services.worker.importers.formats.transcript.transcript_rows import ApiError, Attachment, Block, Row, text_of_raw
from services.worker.persist.records import EntryKind, TimelineEntry

# The longest thinking of the samples has 28,000.
MAX_ENTRY_CHARACTERS = 65_536
MAX_DETAIL_CHARACTERS = 500
INTERRUPTED = "[Request interrupted"
# System records that are shown as they are. Others are counts, or repeat what other records say.
NOTICES = frozenset({"informational", "away_summary", "model_refusal_fallback", "model_fallback"})
# Hooks that failed, blocked or stopped Claude, or said something to the person.
HOOK_NOTICES = frozenset(
    {"hook_blocking_error", "hook_non_blocking_error", "hook_error_during_execution", "hook_stopped_continuation", "hook_system_message"}
)
_COLORS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_COMMAND = re.compile(r"<command-name>(.*?)</command-name>", re.DOTALL)
_ARGUMENTS = re.compile(r"<command-args>(.*?)</command-args>", re.DOTALL)
_LOADED_BY_CLAUDE = re.compile(r"\s*<command-message>[^<]* skill is loading</command-message>")
_SHELL = re.compile(r"<bash-input>(.*?)(?:</bash-input>|\Z)", re.DOTALL)
_OUTPUT = re.compile(r"<(local-command-stdout|local-command-stderr|bash-stdout|bash-stderr)>(.*?)(?:</\1>|\Z)", re.DOTALL)
_OF_TASK = re.compile(r"<(task-id|tool-use-id|status|summary|result)>(.*?)</\1>", re.DOTALL)
_OUTPUTS = ("<local-command-stdout>", "<local-command-stderr>", "<bash-stdout>", "<bash-stderr>")


class TimelineEntries:
    """Makes entries of rows. Has no state: the same row gives the same entries, in any file."""

    def __init__(self, source: str, *, keeps_thinking: bool) -> None:
        self._source = source
        self._keeps_thinking = keeps_thinking

    def of_thinking(self, message_id: str, block: Block, place: Place) -> Iterator[TimelineEntry]:
        """A block of Claude's thinking. Newer versions often leave the text empty; then there is no entry."""
        if self._keeps_thinking and block.thinking and block.thinking.strip():
            # The part that redaction, or a copy of the row under another uuid, does not change.
            entry_id = ids.thinking_id(message_id, block.signature or "", "" if block.signature else block.thinking)
            yield from self._entry(entry_id, "thinking", block.thinking, place)

    def of_user_row(self, row: Row, place: Place) -> Iterator[TimelineEntry]:
        """Rows that Claude Code wrote as the user: summaries of compactions, commands and their output, interruptions, ends of background tasks."""
        if row.is_meta or row.message is None:
            return
        text = _text_of(row.message.content)
        start = text[:40].lstrip()
        if row.is_compact_summary:
            yield from self._of_row(row, "compaction_summary", text, place)
        elif start.startswith(INTERRUPTED):
            yield from self._of_row(row, "interruption", text.strip(), place)
        elif start.startswith("<"):
            yield from self._of_tags(row, start, text, place)

    def of_api_error(self, row: Row, place: Place) -> Iterator[TimelineEntry]:
        """The text that Claude Code wrote in Claude's place, since the API gave no answer."""
        if row.message is not None:
            details = {"error": _short(row.error), "status": count_or_none(row.api_error_status)}
            yield from self._of_row(row, "api_error", _text_of(row.message.content), place, details)

    def of_system_row(self, row: Row, place: Place) -> Iterator[TimelineEntry]:
        """Compactions, commands, errors of the API, notices. Ends of turns make no entries."""
        content = text_of_raw(row.content)
        match row.subtype:
            case "compact_boundary" | "microcompact_boundary":
                yield from self._of_row(row, "compaction", content, place, _of_compaction(row))
            case "local_command":
                yield from self._of_tags(row, content[:40].lstrip(), content, place)
            case "api_error":
                error = row.error if isinstance(row.error, ApiError) else ApiError()
                details: dict[str, Any] = {
                    "status": count_or_none(error.status),
                    "attempt": count_or_none(row.retry_attempt),
                    "attempts_at_most": count_or_none(row.max_retries),
                    "retry_after_ms": count_or_none(row.retry_in_ms),
                }
                yield from self._of_row(row, "api_error", error.text() or "Error of the API", place, details)
            case "stop_hook_summary":
                errors = [error for error in row.hook_errors or () if isinstance(error, str)]
                if row.prevented_continuation or errors:
                    details = {"type": "stop_hook", "stopped": bool(row.prevented_continuation)}
                    yield from self._of_row(row, "notice", "\n".join([row.stop_reason or "", *errors]).strip(), place, details)
            case subtype if subtype in NOTICES:
                details = {"type": subtype, "from": _short(row.original_model), "to": _short(row.fallback_model)}
                yield from self._of_row(row, "notice", content, place, details)

    def of_attachment(self, row: Row, attachment: Attachment, place: Place) -> Iterator[TimelineEntry]:
        """The words of hooks, and those that a person or a task put in while Claude worked. Other attachments are context for Claude."""
        if attachment.type in HOOK_NOTICES:
            details = {"type": attachment.type, "hook": _short(attachment.hook_name), "exit_code": count_or_none(attachment.exit_code)}
            yield from self._of_row(row, "notice", attachment.text() or attachment.type or "", place, details)
        elif attachment.type == "queued_command":
            prompt = text_of_raw(attachment.prompt)
            start = prompt[:40].lstrip()
            if start.startswith("<"):
                yield from self._of_tags(row, start, prompt, place)
            else:
                yield from self._of_row(row, "notice", prompt, place, {"type": "queued_prompt"})

    def _of_tags(self, row: Row, start: str, text: str, place: Place) -> Iterator[TimelineEntry]:
        if start.startswith(("<command-name>", "<command-message>")):
            if (found := _COMMAND.search(text)) is not None:
                arguments = _ARGUMENTS.search(text)
                command = f"/{found[1].strip().removeprefix('/')} {arguments[1].strip() if arguments else ''}".rstrip()
                yield from self._of_row(row, "command", command, place, {"type": "prompt"} if _goes_to_claude(start, text) else None)
        elif start.startswith("<bash-input>"):
            if (shell := _SHELL.search(text)) is not None:
                yield from self._of_row(row, "command", shell[1].strip(), place, {"shell": True})
        elif start.startswith(_OUTPUTS):
            parts = (_COLORS.sub("", found[2]).strip() for found in _OUTPUT.finditer(text))
            yield from self._of_row(row, "command_output", "\n".join(part for part in parts if part), place)
        elif start.startswith("<task-notification>"):
            found_parts = {name: value.strip() for name, value in _OF_TASK.findall(text)}
            content = "\n\n".join(part for part in (found_parts.get("summary"), found_parts.get("result")) if part)
            call = found_parts.get("tool-use-id")
            details = {
                "type": "task_notification",
                "task": _short(found_parts.get("task-id")),
                "status": _short(found_parts.get("status")),
                # The call that started it.
                "tool_call_id": str(ids.tool_use_id(call)) if call else None,
            }
            yield from self._of_row(row, "notice", content, place, details)

    def _of_row(
        self, row: Row, kind: EntryKind, content: str, place: Place, details: dict[str, Any] | None = None
    ) -> Iterator[TimelineEntry]:
        """The one entry of a row; none without a text."""
        if not content:
            return
        if row.uuid:
            entry_id = ids.entry_id(row.uuid)
        else:
            when = place.timestamp.isoformat() if place.timestamp else ""
            entry_id = ids.entry_id_without_uuid(place.session_id, when, kind, content)
        yield from self._entry(entry_id, kind, content, place, details)

    def _entry(
        self, entry_id: UUID, kind: EntryKind, content: str, place: Place, details: dict[str, Any] | None = None
    ) -> Iterator[TimelineEntry]:
        if place.time is None:
            return
        kept = {name: value for name, value in (details or {}).items() if value is not None}
        if len(content) > MAX_ENTRY_CHARACTERS:
            kept["left_out_characters"] = len(content) - MAX_ENTRY_CHARACTERS
        yield TimelineEntry(
            id=entry_id,
            session_id=place.session_id,
            kind=kind,
            timestamp=place.time,
            source=self._source,
            content=content[:MAX_ENTRY_CHARACTERS],
            details=kept or None,
            agent_id=place.agent_id,
            copied_at=place.copied_at,
        )


def _goes_to_claude(start: str, text: str) -> bool:
    """Whether a command's text goes to Claude as a prompt. Its message is before its name then; of a command that Claude Code does itself, as /clear,
    the name is. A skill that Claude loads itself has its format too."""
    return start.startswith("<command-message>") and "<skill-format>" not in text and not _LOADED_BY_CLAUDE.match(text)


def _of_compaction(row: Row) -> dict[str, Any]:
    metadata = row.compact_metadata or row.microcompact_metadata
    if metadata is None:
        return {}
    return {
        "type": "compaction" if row.subtype == "compact_boundary" else "microcompaction",
        "trigger": _short(metadata.trigger),
        "tokens_before": count_or_none(metadata.pre_tokens),
        "tokens_after": count_or_none(metadata.post_tokens),
        "tokens_saved": count_or_none(metadata.tokens_saved),
        "duration_ms": count_or_none(metadata.duration_ms),
    }


def _text_of(content: str | list[Block] | None) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.text for block in content or () if block.type == "text" and block.text)


def _short(value: Any) -> str | None:
    return value[:MAX_DETAIL_CHARACTERS] if isinstance(value, str) and value else None
