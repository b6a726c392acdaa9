"""Counts a file's records by type, and decides whether it is a transcript at all."""

from collections import Counter

from msgspec import Raw

from services.worker.importers.formats.format_census import EVERY, FormatCensus
from services.worker.importers.formats.json_lines import Line, Problem, error_of, is_comment
from services.worker.importers.formats.known_formats import KNOWN_FIELDS, LEFT_OUT_RECORDS, READ_ATTACHMENTS, READ_RECORDS, is_known
from services.worker.importers.formats.transcript.transcript_rows import Row
from services.worker.persist.records import OTHER, FileSummary, RecordError
from shared.claude_formats.upload_kinds import seems_to_be

CONVERSATION = frozenset({"user", "assistant", "system", "attachment", "progress"})
NONE, COMMENT = "(none)", "(comment)"
MAX_TYPES = 200


class RecordTypes:
    """The counts of one file."""

    def __init__(self) -> None:
        self._known: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._of_sessions = 0
        self._census = FormatCensus()
        self._version: str | None = None

    def count(self, row: Row, content: bytes) -> None:
        """Adds a record. `content` is its line."""
        name = row.type or NONE
        if row.version != self._version and row.version is not None:
            self._version = row.version
            self._census.at_version(row.version)
        if name in CONVERSATION:
            self._known[name] += 1
            if row.session_id:
                self._of_sessions += 1
            if name == "system" and not is_known("system", row.subtype or NONE):
                self._census.count("system", row.subtype or NONE)
        elif name in LEFT_OUT_RECORDS or is_known("record", name):
            self._known[name] += 1
            self._of_sessions += 1
            if name not in READ_RECORDS:
                self.skip("artifact" if name.startswith("artifact-") else name)
        else:
            self._count_unknown(name)
            self._census.count("record", name)
        if self._known[name] % EVERY == 1 and name in KNOWN_FIELDS:
            self._census.look_at_row(name, content)

    def count_attachment(self, kind: str, content: Raw) -> None:
        """Adds the attachment of a record that was counted."""
        if not is_known("attachment", kind):
            self._census.count("attachment", kind)
        elif kind in READ_ATTACHMENTS and self._census.wants(f"attachment/{kind}"):
            self._census.look_at_fields(f"attachment/{kind}", content)

    def count_unknown_progress(self, kind: str) -> None:
        """Adds the unknown kind of a `progress` record that was counted."""
        self._count_unknown(f"progress/{kind}")
        self._census.count("progress", kind)

    def _count_unknown(self, name: str) -> None:
        name = name[:100]
        self._unknown[name if name in self._unknown or len(self._unknown) < MAX_TYPES else OTHER] += 1

    def end(self) -> None:
        """The file ends here."""
        self._census.end()

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
        """The counts so far, most frequent first."""
        # Rows that other programs write are not Claude Code's.
        unread = self._census.unread if self._of_sessions else {}
        unknown = self._unknown.copy()
        for (_, kind, name), number in unread.items():
            if kind not in ("record", "progress"):
                unknown[name if kind == "field" else f"{kind}/{name}"] += number
        return FileSummary(
            records=dict((self._known + self._unknown).most_common()),
            unknown_records=dict(unknown.most_common()),
            unread=unread,
            skipped_records=dict((+self._skipped).most_common()),
        )
