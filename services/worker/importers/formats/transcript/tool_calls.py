"""Tool calls: a use, and its result in another row, mostly a later one. A bounded number of uses waits for results at a time, and of results for uses."""

from collections import OrderedDict
from collections.abc import Iterator
from copy import copy
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.worker.importers.formats import ids
from services.worker.importers.formats.sanitize import kept_parameters, shortened
from services.worker.importers.formats.transcript.call_outcomes import (
    MAX_AGENT_ID,
    decision_of,
    duration_of,
    is_interrupted,
    started_agent,
    status_of,
    wait_of,
)
from services.worker.importers.formats.transcript.claude_messages import Place
from services.worker.importers.formats.transcript.file_changes import Change, RequestedEdit, change_of, deleted_paths, requested_edit
from services.worker.importers.formats.transcript.transcript_rows import Block, Row, ToolResult
from services.worker.persist.derived_values.cut_results import enough_of, result_of
from services.worker.persist.derived_values.error_classes import LOOKED_AT_CHARACTERS, error_class_of
from services.worker.persist.derived_values.outcomes_of_calls import may_tell, outcome_of
from services.worker.persist.records import FileChange, KeptResults, ToolUse
from shared.claude_formats.tool_results import parse_result

MAX_WAITING = 1024
# Claude Code writes a result a line before its use at times. So much of the file is held of such results, by the bytes of their lines.
MAX_EARLY_BYTES = 4 * 1024 * 1024
# Calls that were refused are held for so many messages: a later row may say that they were interrupted.
MAX_REFUSED = 64
# Most paths of a file that are remembered, to estimate whether an edit created its file.
MAX_KNOWN_PATHS = 20_000


class _Waiting(Struct):
    record: ToolUse
    message_id: str
    requested: RequestedEdit | None
    deleted: list[str]
    pull_request: str | None = None
    # Given as pending, by so_far().
    is_given: bool = False


class _Early(Struct):
    block: Block
    row: Row
    place: Place
    line_bytes: int


class ToolCalls:
    """Takes uses and results, in any order. Gives each ToolUse when both are there, with the FileChanges that it made.

    With so_far() it gives a use earlier, as pending.
    """

    def __init__(self, source: str, kept_results: KeptResults) -> None:
        self._source = source
        self._kept_results = kept_results
        # The part of a result's text that is looked at: to keep it, and to tell why a call failed.
        first, last = enough_of(kept_results)
        self._enough = max(first, LOOKED_AT_CHARACTERS + 1), max(last, LOOKED_AT_CHARACTERS + 1)
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._early: OrderedDict[str, _Early] = OrderedDict()
        self._early_bytes = 0
        # Results that were left out, since their uses did not come.
        self.results_without_use = 0
        self._known_paths: set[str] = set()
        # By the message that has the uses.
        self._refused: OrderedDict[str, list[ToolUse]] = OrderedDict()

    def use(self, key: str, block: Block, place: Place, cwd: str | None, message_id: str) -> Iterator[ToolUse | FileChange]:
        """A tool_use block of a message; `key` is its id."""
        if place.time is None or key in self._waiting:
            return
        name = block.name or "(unnamed)"
        record = ToolUse(
            id=ids.tool_use_id(key),
            session_id=place.session_id,
            tool_name=shortened(name, 200),
            status="pending",
            timestamp=place.time,
            source=self._source,
            agent_id=place.agent_id,
            parameters=kept_parameters(block.input),
            copied_at=place.copied_at,
        )
        requested = requested_edit(name, block.input, cwd, self._known_paths)
        self._waiting[key] = _Waiting(record, message_id, requested, deleted_paths(name, block.input, cwd))
        self._remember_path(block.input)
        if (early := self._early.pop(key, None)) is not None:
            self._early_bytes -= early.line_bytes
            yield from self.result(early.block, early.row, early.place, early.line_bytes)
        if len(self._waiting) > MAX_WAITING:
            yield from self._without_result()

    def started(self, key: str, agent_id: str | None) -> None:
        """A waiting use started a subagent, as its progress says."""
        waiting = self._waiting.get(key)
        if waiting is not None and agent_id and waiting.record.started_agent != agent_id[:MAX_AGENT_ID]:
            waiting.record.started_agent = agent_id[:MAX_AGENT_ID]
            waiting.is_given = False

    def linked(self, pull_request: str) -> None:
        """Claude Code tells of a pull request while calls wait for their results: it is of the newest that may have opened it."""
        for waiting in reversed(self._waiting.values()):
            if outcome_of(waiting.record.tool_name, "success", waiting.record.parameters, "", pull_request) is not None:
                waiting.pull_request = pull_request
                return

    def result(self, block: Block, row: Row, place: Place, line_bytes: int) -> Iterator[ToolUse | FileChange]:
        """A tool_result block in a line of so many bytes. Gives nothing while its use is not known, or if it has a result already."""
        waiting = self._waiting.pop(block.tool_use_id or "", None)
        if waiting is None:
            self._hold(block, row, place, line_bytes)
            return
        record = waiting.record
        may_be_looked_at = (
            self._kept_results.keeps("success")
            or block.is_error
            or is_interrupted(row)
            or may_tell(record.tool_name, record.parameters, waiting.pull_request)
        )
        given = parse_result(block.content, self._enough) if may_be_looked_at else None
        text = given.text if given is not None else ""
        record.status = status_of(block, row, text)
        if given is not None and self._kept_results.keeps(record.status):
            record.result = result_of(given, self._kept_results)
        record.outcome = outcome_of(record.tool_name, record.status, record.parameters, text, waiting.pull_request)
        record.duration_ms, record.duration_source = duration_of(record.timestamp, row, place.timestamp)
        record.wait_ms = wait_of(record.timestamp, record.duration_ms, record.duration_source, place.timestamp)
        record.decision, record.decision_source = decision_of(row)
        refused_by = record.decision_source if record.status == "rejected" else None
        record.error_class = error_class_of(record.tool_name, record.status, text, refused_by)
        record.decision_told_by = None if record.decision is None else "transcript"
        record.is_sandboxed = row.sandboxed
        if (agent_id := started_agent(record.tool_name, block, row)) is not None:
            record.started_agent = agent_id
        if record.status == "rejected":
            # It did not run: all its time was a wait.
            record.wait_ms, record.duration_ms, record.duration_source = record.duration_ms, None, None
            self._refused.setdefault(waiting.message_id, []).append(record)
            if len(self._refused) > MAX_REFUSED:
                self._refused.popitem(last=False)
        yield record
        if record.status == "success":
            key = block.tool_use_id or ""
            result = row.tool_use_result if isinstance(row.tool_use_result, ToolResult) else None
            yield from changes_of_call(key, record, waiting.requested, waiting.deleted, result)

    def interrupted(self, message_id: str) -> Iterator[ToolUse]:
        """A person interrupted the calls of a message while they ran. Until the file says so, they look like calls that were not allowed to run."""
        for refused in self._refused.pop(message_id, ()):
            error_class = error_class_of(refused.tool_name, "cancelled", "")
            interrupted = replace(
                refused, status="cancelled", error_class=error_class, decision=None, decision_source=None, decision_told_by=None
            )
            interrupted.duration_ms, interrupted.wait_ms = refused.wait_ms, None
            interrupted.duration_source = None if refused.wait_ms is None else "timestamps"
            yield interrupted

    def so_far(self) -> Iterator[ToolUse]:
        """The uses that wait for a result, each once. They go on waiting, and the records are copies."""
        for waiting in self._waiting.values():
            if not waiting.is_given:
                waiting.is_given = True
                yield copy(waiting.record)

    def rest(self) -> Iterator[ToolUse]:
        """The uses without a result at the end of the file."""
        while self._waiting:
            yield from self._without_result()
        self.results_without_use += len(self._early)
        self._early.clear()

    @property
    def held_bytes(self) -> int:
        """About how much memory is held."""
        patches = (waiting.requested.patch for waiting in self._waiting.values() if waiting.requested is not None)
        of_patches = sum(len(patch.text) for patch in patches if patch is not None)
        return len(self._waiting) * 3_000 + of_patches * 2 + len(self._known_paths) * 200 + self._early_bytes * 2

    def _hold(self, block: Block, row: Row, place: Place, line_bytes: int) -> None:
        if not block.tool_use_id or block.tool_use_id in self._early or line_bytes > MAX_EARLY_BYTES:
            self.results_without_use += 1
            return
        self._early[block.tool_use_id] = _Early(block, row, place, line_bytes)
        self._early_bytes += line_bytes
        while self._early_bytes > MAX_EARLY_BYTES:
            _, oldest = self._early.popitem(last=False)
            self._early_bytes -= oldest.line_bytes
            self.results_without_use += 1

    def _without_result(self) -> Iterator[ToolUse]:
        _, waiting = self._waiting.popitem(last=False)
        if not waiting.is_given:
            yield waiting.record

    def _remember_path(self, parameters: dict[str, Any] | None) -> None:
        path = parameters.get("file_path") if parameters else None
        if isinstance(path, str) and len(self._known_paths) < MAX_KNOWN_PATHS:
            self._known_paths.add(path)


def changes_of_call(
    key: str, record: ToolUse, requested: RequestedEdit | None, deleted: list[str], result: ToolResult | None
) -> Iterator[FileChange]:
    """The changes that a successful call made. `key` is its id; `result` is None if its structured result is not known."""
    if requested is not None:
        yield _file_change(ids.file_change_id(key), record, change_of(record.tool_name, requested, result))
    for path in deleted:
        yield _file_change(ids.file_deletion_id(key, path), record, Change(path, "deleted", 0, 0, True))


def _file_change(id: UUID, record: ToolUse, change: Change) -> FileChange:
    # A transcript's calls have one.
    assert record.session_id is not None
    return FileChange(
        id=id,
        session_id=record.session_id,
        file_path=change.path,
        action=change.action,
        lines_added=change.lines_added,
        lines_removed=change.lines_removed,
        timestamp=record.timestamp,
        source=record.source,
        agent_id=record.agent_id,
        is_estimated=change.is_estimated,
        tool_call_id=record.id,
        patch=change.patch.text if change.patch else None,
        patch_left_out=change.patch.left_out if change.patch else 0,
        copied_at=record.copied_at,
    )
