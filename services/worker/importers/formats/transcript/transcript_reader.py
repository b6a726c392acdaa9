"""A transcript as a stream of records: bytes in, records out, no other effect. The same bytes give the same records, so that a reader can skip the first n.

The fields are described in docs/explanation/claude-code-formats.md, for Claude Code 1.0.17 to 2.1.332. A session's own file and a subagent's
are read alike. A bounded number of messages and tool calls is held open, and only facts of sessions, so memory does not grow with the file.
"""

from collections import OrderedDict
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from typing import IO, Final

import msgspec
from msgspec import Struct

from services.worker.importers.formats import ids
from services.worker.importers.formats.json_lines import Line, objects_of, read_lines
from services.worker.importers.formats.known_formats import AGENT_PROGRESS, LEFT_OUT_PROGRESS, READ_RECORDS
from services.worker.importers.formats.sanitize import MAX_CONTENT_CHARACTERS, shortened, time_or_none
from services.worker.importers.formats.transcript.claude_messages import SYNTHETIC, ClaudeMessages, Place
from services.worker.importers.formats.transcript.record_types import NONE, RecordTypes
from services.worker.importers.formats.transcript.session_facts import Session
from services.worker.importers.formats.transcript.timeline_entries import TimelineEntries
from services.worker.importers.formats.transcript.tool_calls import ToolCalls
from services.worker.importers.formats.transcript.transcript_rows import Progress, Row, attachment_of, text_of_person
from services.worker.persist.derived_values.cut_results import ALL
from services.worker.persist.records import (
    TITLE_OF_CLAUDE,
    TITLE_OF_PERSON,
    TITLE_OF_PROMPT,
    TITLE_OF_SUMMARY,
    ApiCall,
    FileSummary,
    KeptResults,
    Message,
    Record,
    RecordError,
)
from shared.claude_formats.tool_results import NOTHING

# Hooks at a session's start may have a record from before its first prompt.
START_HOOKS: Final = timedelta(seconds=5)
BEFORE_ROWS: Final = frozenset({"file-history-snapshot", "queue-operation"})
# For a file that does not say when it was begun, as `/branch` writes it.
UNKNOWN_BEGIN: Final = datetime.max.replace(tzinfo=UTC)


class _Snapshot(Struct):
    timestamp: datetime | None = None


class CopiedRows:
    """Which rows are copied of another session's file. Looks at a file's records in their order, until the first that is the session's own.

    `/branch` marks each of them, `--fork-session` does not. But Claude Code writes the file when the fork's first prompt comes, and what belongs
    to that prompt stands before the copy: its file-history-snapshot, or the queue-operation of `claude -p`. Older rows are the copy.
    """

    def __init__(self) -> None:
        self._is_over = self._has_copies = False
        # When the file was begun, and the prompt that it was begun for, as far as is known.
        self._begun_at: datetime | None = None
        self._prompt: str | None = None

    def look_before(self, row: Row) -> None:
        """A record of BEFORE_ROWS. Those behind rows belong to later prompts."""
        if self._is_over or self._has_copies:
            return
        at = time_or_none(row.timestamp) or _time_of(row)
        if at is not None and (self._begun_at is None or at > self._begun_at):
            self._begun_at, self._prompt = at, row.message_id

    def copied_at(self, row: Row, time: datetime | None) -> datetime | None:
        """When the file was begun that copied the row; None: it is no copy.

        Once a row is no copy, no later one is: rows of a session are not always in the order of their times.
        """
        if not self._is_over:
            self._is_over = not self._is_copied(row, time)
            self._has_copies = self._has_copies or not self._is_over
        return None if self._is_over else self._begun_at or UNKNOWN_BEGIN

    def _is_copied(self, row: Row, time: datetime | None) -> bool:
        if row.forked_from is not None and row.forked_from.session_id:
            return row.forked_from.session_id != row.session_id
        if self._begun_at is None or row.uuid == self._prompt:
            return False
        if time is None:
            return self._has_copies
        margin = timedelta() if self._has_copies or row.type in ("user", "assistant") else START_HOOKS
        return time < self._begun_at - margin


def _time_of(row: Row) -> datetime | None:
    if row.snapshot == NOTHING:
        return None
    try:
        return time_or_none(msgspec.json.decode(row.snapshot, type=_Snapshot).timestamp)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


SOURCE = "transcript"
# The agent id of subagents in versions that wrote them into their parent's file without an id.
UNNAMED_AGENT = "sidechain"
MAX_SESSIONS = 256
# How many rows back a summary, or the first row of a resumed session, may point.
MAX_KNOWN_ROWS = 50_000
MAX_SUMMARIES = 1000
# Records of something that happened at their time.
CONVERSATION = frozenset({"user", "assistant", "system", "attachment"})

_row = msgspec.json.Decoder(Row)
_progress = msgspec.json.Decoder(Progress)


def read_transcript(
    file: IO[bytes], *, user: str | None, idle_gap: timedelta, kept_results: KeptResults = ALL
) -> Iterator[Record | RecordError | FileSummary]:
    """The records of a session's or a subagent's file, a RecordError for each part that cannot be used, at last a FileSummary.

    SessionFacts come twice: as soon as the project is known, so that the session is stored before its messages, and complete at the end.
    """
    reader = Transcript(user, idle_gap, kept_results)
    yield from reader.read_part(file)
    yield from reader.rest()


class Transcript:
    """The state of reading one file: read_part() each part or read() each line, then rest() at its end. In between, so_far() gives what is still open."""

    def __init__(self, user: str | None, idle_gap: timedelta, kept_results: KeptResults = ALL) -> None:
        self._user = user
        self._idle_gap = idle_gap
        self._types = RecordTypes()
        self._messages = ClaudeMessages(user, SOURCE, self._count)
        self._calls = ToolCalls(SOURCE, kept_results)
        self._entries = TimelineEntries(SOURCE, keeps_thinking=kept_results.thinking)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        # The session of each of the last rows; and summaries of rows that may still come.
        self._known_rows: OrderedDict[str, Session] = OrderedDict()
        self._summaries: OrderedDict[str, str] = OrderedDict()
        self._copies = CopiedRows()

    def read_part(self, part: IO[bytes], *, number: int = 0, offset: int = 0) -> Iterator[Record | RecordError]:
        """The records that whole lines complete. `number` and `offset`: lines and bytes of the file before this part."""
        for line in read_lines(part, number=number, offset=offset):
            if isinstance(line, RecordError):
                yield line
            else:
                yield from self.read(line)
            # A line may be long; the next one should not be read beside it.
            del line

    def read(self, line: Line) -> Iterator[Record | RecordError]:
        """The records that a line completes."""
        for row in objects_of(line.content, _row):
            if isinstance(row, Row):
                self._types.count(row, line.content)
                if row.type in BEFORE_ROWS:
                    self._copies.look_before(row)
                if row.type in READ_RECORDS:
                    yield from self._row(row, line)
            elif (error := self._types.problem(row, line)) is not None:
                yield error

    def rest(self) -> Iterator[Record | RecordError | FileSummary]:
        """The records that are still open when the file ends."""
        yield from self._messages.rest()
        yield from self._calls.rest()
        self._types.skip("API call without a time", self._messages.calls_without_time)
        self._types.skip("tool_result without a call", self._calls.results_without_use)
        for session in self._sessions.values():
            if session.has_records:
                yield session.facts()
        if (error := self._types.not_a_transcript()) is not None:
            yield error
        self._types.end()
        yield self._types.summary()

    def so_far(self) -> Iterator[Record]:
        """The records of a file that may go on: messages, API calls and tool calls that changed since the last call, and each session's facts as they are now.

        Later versions of these records are better ones. Only the facts have to be replaced: their ids differ.
        """
        yield from self._messages.so_far()
        yield from self._calls.so_far()
        still_open: dict[str | None, list[Message | ApiCall]] = {}
        for record in self._messages.all_open():
            still_open.setdefault(record.session_id, []).append(record)
        for session in self._sessions.values():
            if session.has_records:
                yield session.facts(still_open.get(session.session_id, ()))

    def summary(self) -> FileSummary:
        """The counts so far."""
        return self._types.summary()

    @property
    def held_bytes(self) -> int:
        """About how much memory the state takes."""
        ranges = sum(session.held for session in self._sessions.values())
        rows = len(self._known_rows) * 250 + len(self._summaries) * 500
        return 20_000 + rows + self._messages.held_characters * 2 + self._calls.held_bytes + ranges * 250

    def _row(self, row: Row, line: Line) -> Iterator[Record | RecordError]:
        if row.type in CONVERSATION or row.type == "progress":
            if not row.session_id or len(row.session_id) > 200:
                self._types.skip(f"{row.type} without a session")
            elif row.type == "progress":
                yield from self._progress(row, line)
            else:
                yield from self._conversation(row, line, row.cwd)
        elif row.type == "summary":
            self._summarize(row)
        elif row.type == "pr-link":
            self._calls.linked(row.pr_url or "")
        elif row.session_id:
            session = yield from self._session(row.session_id)
            session.offer_title(row.custom_title, TITLE_OF_PERSON)
            session.offer_title(row.ai_title or row.agent_name, TITLE_OF_CLAUDE)
            session.add_permission_mode(row)
            session.add_cost_state(row)

    def _progress(self, row: Row, line: Line) -> Iterator[Record | RecordError]:
        """A subagent's record, with the ids of the subagent's own file, which may be missing. Other progress repeats other records."""
        [progress, *_] = [*objects_of(bytes(row.data), _progress), None]
        kind = (progress.type if isinstance(progress, Progress) else None) or NONE
        if not isinstance(progress, Progress) or kind != AGENT_PROGRESS:
            if kind in LEFT_OUT_PROGRESS:
                self._types.skip(f"progress/{kind}")
            else:
                self._types.count_unknown_progress(kind)
            return
        [message_row, *_] = [*objects_of(bytes(progress.message), _row), None]
        if not isinstance(message_row, Row) or message_row.type not in ("user", "assistant"):
            self._types.count_unknown_progress(f"{kind}/{(message_row.type if isinstance(message_row, Row) else None) or NONE}")
            return
        message_row.session_id, message_row.cwd, message_row.git_branch, message_row.version = (
            row.session_id,
            row.cwd,
            row.git_branch,
            row.version,
        )
        message_row.timestamp = message_row.timestamp or row.timestamp
        message_row.agent_id, message_row.is_sidechain = progress.agent_id, True
        self._calls.started(row.parent_tool_use_id or "", progress.agent_id)
        # The subagent's working folder is unknown and may differ from the parent's, so relative paths stay relative.
        yield from self._conversation(message_row, line, None)

    def _conversation(self, row: Row, line: Line, cwd: str | None) -> Iterator[Record | RecordError]:
        """A record of the session. Relative paths are resolved from `cwd`."""
        session = yield from self._session(row.session_id or "")
        time = time_or_none(row.timestamp)
        self._connect(row, session)
        # Rows copied of another session's file count for their owner, not for how long this one lasted.
        copied_at = self._copies.copied_at(row, time)
        session.add_row(row, time, is_copy=copied_at is not None)
        if not session.has_first_facts and (first_facts := session.first_facts()) is not None:
            yield first_facts
        agent_id = (row.agent_id[:200] if row.agent_id else UNNAMED_AGENT) if row.is_sidechain else None
        place = Place(session.session_id, agent_id, time, time or session.last_time, copied_at)
        match row.type:
            case "assistant" | "user" if row.message is None:
                self._types.skip(f"{row.type} without a message")
            case "assistant":
                yield from self._claude_row(row, session, place, line, cwd)
            case "user":
                yield from self._user_row(row, session, place, len(line.content))
            case "system":
                yield from self._entries.of_system_row(row, place)
            case "attachment":
                if (attachment := attachment_of(row)) is not None:
                    self._types.count_attachment(attachment.type or NONE, row.attachment)
                    yield from self._entries.of_attachment(row, attachment, place)

    def _claude_row(self, row: Row, session: Session, place: Place, line: Line, cwd: str | None) -> Iterator[Record | RecordError]:
        message = row.message
        if message is None:
            return
        if message.model == SYNTHETIC:
            self._types.skip("synthetic assistant")
            if row.is_api_error_message:
                yield from self._entries.of_api_error(row, place)
            return
        # Redaction may change a line's place in bytes, never its number.
        key = message.id or row.uuid or f"{session.session_id}\n{line.number}"
        yield from self._messages.take(key, message, row, place)
        if isinstance(message.content, list):
            for number, block in enumerate(message.content):
                if block.type == "tool_use":
                    if place.time is None:
                        yield RecordError(
                            code="NO_TIME",
                            message="A tool call was left out: nothing says when it was.",
                            line=line.number,
                            offset=line.offset,
                        )
                    yield from self._calls.use(block.id or f"{key}\n{number}", block, place, cwd, key)
                elif block.type == "thinking":
                    yield from self._entries.of_thinking(key, block, place)

    def _user_row(self, row: Row, session: Session, place: Place, line_bytes: int) -> Iterator[Record]:
        content = row.message.content if row.message else None
        if isinstance(content, list):
            for block in content:
                if block.type == "tool_result":
                    yield from self._calls.result(block, row, place, line_bytes)
        if row.interrupted_message_id:
            yield from self._calls.interrupted(row.interrupted_message_id)
        text = text_of_person(row)
        if text is None:
            yield from self._entries.of_user_row(row, place)
            return
        session.offer_title(text, TITLE_OF_PROMPT)
        kept = shortened(text, MAX_CONTENT_CHARACTERS)
        when = place.timestamp.isoformat() if place.timestamp else ""
        yield Message(
            id=ids.person_message_id(row.uuid) if row.uuid else ids.person_message_id_without_uuid(session.session_id, when, kept),
            role="user",
            content=kept,
            source=SOURCE,
            session_id=session.session_id,
            user=self._user,
            timestamp=place.timestamp,
            copied_at=place.copied_at,
        )

    def _session(self, session_id: str) -> Generator[Record, None, Session]:
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session(session_id, self._user, SOURCE, self._idle_gap)
            if len(self._sessions) > MAX_SESSIONS:
                _, oldest = self._sessions.popitem(last=False)
                if oldest.has_records:
                    yield oldest.facts()
        return session

    def _count(self, record: Message | ApiCall) -> None:
        if (session := self._sessions.get(record.session_id or "")) is not None:
            session.add_claude_record(record)

    def _connect(self, row: Row, session: Session) -> None:
        """Follows links between rows: to the session that this one continues, and from its summaries."""
        if row.forked_from is not None:
            session.set_parent(row.forked_from.session_id)
        elif not session.has_records and row.parent_uuid and (parent := self._known_rows.get(row.parent_uuid)) is not None:
            session.set_parent(parent.session_id)
        if row.uuid:
            if (title := self._summaries.pop(row.uuid, None)) is not None:
                session.offer_title(title, TITLE_OF_SUMMARY)
            self._known_rows[row.uuid] = session
            if len(self._known_rows) > MAX_KNOWN_ROWS:
                self._known_rows.popitem(last=False)

    def _summarize(self, row: Row) -> None:
        """A summary belongs to the session of the row that it points to, perhaps in another file."""
        if not row.leaf_uuid or not row.summary:
            return
        if (session := self._known_rows.get(row.leaf_uuid)) is not None:
            session.offer_title(row.summary, TITLE_OF_SUMMARY)
        else:
            self._summaries[row.leaf_uuid] = row.summary[:1000]
            if len(self._summaries) > MAX_SUMMARIES:
                self._summaries.popitem(last=False)
