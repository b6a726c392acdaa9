"""A payload of a hook as records: JSON in, records out, no other effect. The fields are described in docs/explanation/claude-code-formats.md.

Tool calls and file changes have the ids that a transcript gives them, so both are one row. Messages have ids of their own, since a hook does not know the
transcript's; they count until a transcript of the session has them (services/worker/persist/hook_rows.py). Hooks know nothing of tokens.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from services.worker.importers.formats import ids
from services.worker.importers.formats.history import COMMAND
from services.worker.importers.formats.json_lines import objects_of
from services.worker.importers.formats.sanitize import (
    MAX_CONTENT_CHARACTERS,
    count_or_none,
    kept_parameters,
    name_or_none,
    shortened,
    title_of,
)
from services.worker.importers.formats.transcript.call_outcomes import MAX_MS, goes_on, started_agent_of, status_of_failure
from services.worker.importers.formats.transcript.file_changes import deleted_paths, requested_edit
from services.worker.importers.formats.transcript.session_facts import with_id
from services.worker.importers.formats.transcript.tool_calls import changes_of_call
from services.worker.importers.formats.transcript.transcript_rows import NOT_FROM_PERSON, ToolResult
from services.worker.persist.derived_values.cut_results import ALL, result_of
from services.worker.persist.derived_values.error_classes import error_class_of
from services.worker.persist.derived_values.outcomes_of_calls import may_tell, outcome_of
from services.worker.persist.records import (
    END_REASONS,
    HOOK,
    TITLE_OF_PROMPT,
    FileChange,
    KeptResults,
    Message,
    Record,
    RecordError,
    Result,
    SessionFacts,
    ToolUse,
)
from shared.claude_formats.tool_results import NOTHING, ResultText, first_byte, media_of, parse_result, storable, without_escape_codes
from shared.events.messages import ToolStatus
from shared.events.project_paths import InvalidPath, normalize_project_path

_DATA_URI: Final = re.compile(r"data:([\w.+/-]+);base64,")


def result_of_error(text: str, status: ToolStatus, kept: KeptResults) -> Result | None:
    """The result of a call of which only an error's text is known."""
    return result_of(ResultText(without_escape_codes(text), []), kept) if text and kept.keeps(status) else None


def result_of_response(response: Raw, status: ToolStatus, kept: KeptResults) -> Result | None:
    """The result of a hook's `tool_response`, as `given_by` it."""
    given = given_by(response) if kept.keeps(status) else None
    return None if given is None else result_of(given, kept)


def given_by(response: Raw) -> ResultText | None:
    """The text that Claude was told where the response is a text or blocks, else the tool's own structure as text."""
    return _parse_structure(response) if first_byte(response) == b"{" else parse_result(response)


class _File(Struct):
    content: Raw = NOTHING
    base64: Raw = NOTHING
    type: str | None = None


class _Response(Struct):
    type: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    file: Raw = NOTHING
    content: Raw = NOTHING


_response = msgspec.json.Decoder(_Response)
_file = msgspec.json.Decoder(_File)


def _parse_structure(response: Raw) -> ResultText | None:
    try:
        known: Any = _response.decode(response)
        file = _file.decode(known.file) if first_byte(known.file) == b"{" else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return parse_result(response)
    if known.stdout is not None or known.stderr is not None:
        return _shell_result(known.stdout or "", known.stderr or "")
    if file is not None and first_byte(file.base64) == b'"':
        return ResultText("", [media_of(file.type or known.type, file.base64)])
    if file is not None and first_byte(file.content) == b'"':
        return parse_result(file.content)
    # Blocks, as of a subagent. An edit's `content` is the new file, beside what changed.
    return parse_result(known.content if first_byte(known.content) == b"[" else response)


def _shell_result(stdout: str, stderr: str) -> ResultText:
    # A command may print an image, which Claude then sees as one.
    image = _DATA_URI.match(stdout)
    if image is not None:
        return ResultText(storable(without_escape_codes(stderr)), [media_of(image[1], f'"{stdout[image.end() :].rstrip()}"'.encode())])
    text = "\n".join(part for part in (stdout, stderr) if part)
    return ResultText(storable(without_escape_codes(text)), [])


# Starts of a session that was not there before. After the others (resume, compact) nothing may follow, and a fork begins by resuming its origin.
_NEW = frozenset({"startup", "clear", "fork", None})
# The texts that Claude is told of calls that were not run. PostToolBatch has no other sign of a failure.
_NOT_RUN = (
    "<tool_use_error>",
    "Permission to use ",
    "Permission for this action ",
    "This command requires approval",
    "Claude requested permissions ",
    "Exit code ",
    "Error: ",
    "The user doesn't want to ",
    "User rejected tool use",
    "[Request interrupted",
    "Sibling tool call errored",
)

# The class of a call that auto mode denied: no person rejected it.
DENIED = "permission"


class _Called(Struct):
    """A call of PostToolBatch. Its result is what Claude was told."""

    tool_name: str | None = None
    tool_use_id: str | None = None
    tool_input: dict[str, Any] | None = None
    tool_response: Raw = NOTHING


class _Hook(Struct):
    hook_event_name: str | None = None
    session_id: str | None = None
    cwd: str | None = None
    prompt_id: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    # SessionStart, SessionEnd
    source: str | None = None
    model: str | None = None
    parent_session_id: str | None = None
    reason: str | None = None
    # UserPromptSubmit, Stop, SubagentStop
    prompt: str | None = None
    last_assistant_message: str | None = None
    # PreToolUse and what follows
    tool_name: str | None = None
    tool_use_id: str | None = None
    tool_input: dict[str, Any] | None = None
    tool_response: Raw = NOTHING
    error: str | None = None
    is_interrupt: bool | None = None
    duration_ms: int | float | None = None
    tool_calls: list[_Called] | None = None


READ_FIELDS: Final = frozenset(field.encode_name for field in msgspec.structs.fields(_Hook))
_hook = msgspec.json.Decoder(_Hook)
_tool_result = msgspec.json.Decoder(ToolResult)


def read_hook(
    payload: bytes, occurred_at: datetime, *, user: str | None, kept_results: KeptResults = ALL
) -> Iterator[Record | RecordError]:
    """The records of one payload; a RecordError if it is no hook's. `occurred_at` is when the hook ran.

    Hooks of kinds that are not known give nothing.
    """
    # The decoder does not look into parts that it skips.
    payload = payload.decode("utf-8", "replace").encode()
    [hook, *_] = [*objects_of(payload, _hook), None]
    if not isinstance(hook, _Hook):
        yield RecordError(code=hook or "INVALID_JSON", message="A payload of a hook was left out: it is no JSON object.")
    elif not hook.session_id or len(hook.session_id) > 200:
        yield RecordError(code="NO_SESSION", message="A payload of a hook was left out: it names no session.")
    else:
        yield from _Payload(hook, hook.session_id, occurred_at, user, kept_results).records()


class _Payload(Struct):
    hook: _Hook
    session_id: str
    time: datetime
    user: str | None
    kept_results: KeptResults

    def records(self) -> Iterator[Record]:
        hook = self.hook
        match hook.hook_event_name:
            case "SessionStart":
                is_new = hook.source in _NEW
                yield self._facts(
                    self.time if is_new else None, model=_model(hook.model), parent_session_id=name_or_none(hook.parent_session_id)
                )
            case "SessionEnd":
                yield self._facts(self.time, end_reason=hook.reason if hook.reason in END_REASONS else "other")
            case "UserPromptSubmit":
                yield from self._prompt(hook.prompt or "")
            case "Stop":
                yield from self._reply()
            case "SubagentStop" if hook.agent_type != "":
                # Agents without a type are Claude Code's own, for titles and summaries. No transcript has them.
                yield from self._reply()
            case _:
                yield from self._tool_records()

    def _tool_records(self) -> Iterator[Record]:
        hook = self.hook
        match hook.hook_event_name:
            case "PreToolUse":
                yield from self._call("pending")
            case "PostToolUse":
                result = _result(hook.tool_response)
                yield from self._call("cancelled" if result is not None and result.interrupted else "success", result)
            case "PostToolUseFailure":
                error = hook.error or ""
                yield from self._call(status_of_failure(error, is_interrupted=bool(hook.is_interrupt)), told=error)
            case "PermissionDenied":
                yield from self._call("rejected", error_class=DENIED)
            case "PostToolBatch":
                yield from self._batch(hook.tool_calls or [])

    def _facts(self, time: datetime | None = None, **more: Any) -> SessionFacts:
        """Where the hook ran. `time` is None if nothing happened in the session then."""
        try:
            path = normalize_project_path(self.hook.cwd) if self.hook.cwd else None
        except InvalidPath:
            path = None
        facts = SessionFacts(
            id=ids.NAMESPACE,
            session_id=self.session_id,
            source=HOOK,
            project_path=path,
            user=self.user,
            started_at=time,
            ended_at=time,
            **more,
        )
        return with_id(facts)

    def _prompt(self, text: str) -> Iterator[Record]:
        """A prompt that a person wrote. Commands are no messages, as in transcripts."""
        if not text.strip() or COMMAND.match(text) or text.lstrip().startswith(NOT_FROM_PERSON):
            yield self._facts()
            return
        yield self._facts(self.time, title=title_of(text) or None, title_rank=TITLE_OF_PROMPT)
        yield self._message("user", text)

    def _reply(self) -> Iterator[Record]:
        """The last of Claude's messages of a turn. Hooks do not show those before it, between tool calls."""
        yield self._facts()
        if self.hook.last_assistant_message:
            yield self._message("assistant", self.hook.last_assistant_message)

    def _message(self, role: Any, text: str) -> Message:
        content, agent_id = shortened(text, MAX_CONTENT_CHARACTERS), name_or_none(self.hook.agent_id)
        turn = self.hook.prompt_id or self.time.isoformat()
        return Message(
            id=ids.hook_message_id(self.session_id, agent_id, role, turn, content),
            role=role,
            content=content,
            source=HOOK,
            session_id=self.session_id,
            user=self.user,
            agent_id=agent_id,
            timestamp=self.time,
        )

    def _call(
        self, status: ToolStatus, result: ToolResult | None = None, *, told: str = "", error_class: str | None = None
    ) -> Iterator[Record]:
        """A tool call, and the files that it changed if it was successful. `told`: what Claude was told of a failure."""
        hook = self.hook
        yield self._facts()
        if not hook.tool_use_id:
            return
        milliseconds = count_or_none(hook.duration_ms)
        record = self._tool_use(hook.tool_use_id, hook.tool_name, hook.tool_input, status, told)
        record.error_class = error_class or record.error_class
        record.result = result_of_response(hook.tool_response, status, self.kept_results)
        if record.result is None:
            record.result = result_of_error(hook.error or "", status, self.kept_results)
        if may_tell(record.tool_name, record.parameters):
            given = given_by(hook.tool_response)
            record.outcome = outcome_of(record.tool_name, status, record.parameters, told if given is None else given.text)
        if milliseconds is not None and milliseconds <= MAX_MS:
            if result is None or not goes_on(result):
                record.duration_ms, record.duration_source = milliseconds, "reported"
            # If the hook before the call is missing.
            record.timestamp -= timedelta(milliseconds=milliseconds)
        record.started_agent = started_agent_of(record.tool_name, result)
        yield record
        if status == "success":
            yield from self._changes(hook.tool_use_id, record, hook.tool_input, result)

    def _changes(self, key: str, record: ToolUse, parameters: dict[str, Any] | None, result: ToolResult | None) -> Iterator[FileChange]:
        cwd = self.hook.cwd
        requested = requested_edit(record.tool_name, parameters, cwd, set())
        # Some versions only say that it was done.
        is_structured = result is not None and (result.structured_patch is not None or result.type is not None)
        yield from changes_of_call(
            key, record, requested, deleted_paths(record.tool_name, parameters, cwd), result if is_structured else None
        )

    def _batch(self, calls: list[_Called]) -> Iterator[Record]:
        """Calls that ran together. A refused call has no other hook; the others have one that says more."""
        yield self._facts()
        for call in calls:
            if call.tool_use_id:
                text = _text(call.tool_response)
                status = status_of_failure(text, is_interrupted=False) if text.startswith(_NOT_RUN) else "pending"
                record = self._tool_use(call.tool_use_id, call.tool_name, call.tool_input, status, text)
                record.result = result_of_response(call.tool_response, status, self.kept_results)
                yield record

    def _tool_use(self, key: str, name: str | None, parameters: dict[str, Any] | None, status: ToolStatus, told: str) -> ToolUse:
        tool_name = shortened(name or "(unnamed)", 200)
        return ToolUse(
            id=ids.tool_use_id(key),
            session_id=self.session_id,
            tool_name=tool_name,
            error_class=error_class_of(tool_name, status, told),
            status=status,
            timestamp=self.time,
            source=HOOK,
            agent_id=name_or_none(self.hook.agent_id),
            parameters=kept_parameters(parameters),
        )


def _model(name: str | None) -> str | None:
    """Without the mark of its context window, "[1m]", which transcripts do not have."""
    return name_or_none(name and name.partition("[")[0])


def _result(response: Raw) -> ToolResult | None:
    """The structured result; None for a text or a list."""
    [result, *_] = [*objects_of(bytes(response), _tool_result), None]
    return result if isinstance(result, ToolResult) else None


def _text(response: Raw) -> str:
    try:
        value = msgspec.json.decode(response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return value if isinstance(value, str) else ""
