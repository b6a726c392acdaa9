"""Counts a file's records by type, and decides whether it is a transcript at all."""

from collections import Counter

from services.worker.importers.formats.json_lines import Problem, error_of, is_comment
from services.worker.importers.formats.lines import Line
from services.worker.importers.formats.transcript.transcript_rows import Row
from services.worker.persist.records import FileSummary, RecordError
from shared.claude_formats.upload_kinds import seems_to_be

CONVERSATION = frozenset({"user", "assistant", "system", "attachment", "progress"})
# All types that Claude Code is known to write (docs/explanation/claude-code-formats.md, "Record types"). Other types are counted as unknown.
METADATA = frozenset(
    {
        "agent-color",
        "agent-name",
        "agent-setting",
        "ai-title",
        "atis-latch",
        "bridge-session",
        "content-replacement",
        "continued-in",
        "cost-state",
        "custom-title",
        "file-history-delta",
        "file-history-snapshot",
        "fork-context-ref",
        "frame-link",
        "last-prompt",
        "mode",
        "permission-mode",
        "pr-link",
        "queue-operation",
        "summary",
        "tag",
        "worktree-state",
    }
)
# Metadata records that are used. The others are counted as skipped.
USED_METADATA = frozenset({"agent-name", "ai-title", "cost-state", "custom-title", "permission-mode", "summary"})
# Progress of hooks, tools and subagents. Other records repeat their results, except the messages of subagents.
AGENT_PROGRESS = "agent_progress"
PROGRESS = frozenset({"bash_progress", "hook_progress", "mcp_progress", "query_update", "search_results_received", "waiting_for_task"})
NONE, COMMENT, OTHER = "(none)", "(comment)", "(other)"
MAX_TYPES = 200


class RecordTypes:
    """The counts of one file."""

    def __init__(self) -> None:
        self._known: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._of_sessions = 0

    def count(self, row: Row) -> None:
        """Adds a record."""
        name = row.type or NONE
        if name in CONVERSATION:
            self._known[name] += 1
            if row.session_id:
                self._of_sessions += 1
        elif name in METADATA or name.startswith("artifact-"):
            self._known[name] += 1
            self._of_sessions += 1
            if name not in USED_METADATA:
                self.skip("artifact" if name.startswith("artifact-") else name)
        else:
            self.count_unknown(name)

    def count_unknown(self, name: str) -> None:
        """Adds a record of an unknown type, or of an unknown kind within its type."""
        name = name[:100]
        self._unknown[name if name in self._unknown or len(self._unknown) < MAX_TYPES else OTHER] += 1

    def skip(self, reason: str, records: int = 1) -> None:
        """Adds records that are not kept. There are few reasons, and none quotes the file."""
        self._skipped[reason] += records

    def problem(self, problem: Problem, line: Line) -> RecordError | None:
        """The error for a line that has no record; None for a comment."""
        if is_comment(line):
            self._known[COMMENT] += 1
            return None
        return error_of(problem, line)

    def not_a_transcript(self) -> RecordError | None:
        """An error if there are records, but none has a session or a type that Claude Code writes."""
        if self._of_sessions or not (self._known.keys() - {COMMENT} or self._unknown):
            return None
        problem = seems_to_be({*self._known, *self._unknown})
        return RecordError(code="NOT_A_TRANSCRIPT", message=f"Nothing of the file was imported: it {problem}.")

    def summary(self) -> FileSummary:
        """The counts, most frequent first."""
        return FileSummary(
            records=dict((self._known + self._unknown).most_common()),
            unknown_records=dict(self._unknown.most_common()),
            skipped_records=dict((+self._skipped).most_common()),
        )
