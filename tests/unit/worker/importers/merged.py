"""Records of any number of files put together as the docstrings of services.worker.persist.records say, in memory: what persist does in the database."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from services.worker.importers.formats.transcript.session_facts import ActiveTime
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.records import (
    SESSION_NUMBERS,
    ApiCall,
    FileChange,
    FileSummary,
    Message,
    Record,
    RecordError,
    SessionFacts,
    ToolUse,
)

IDLE_GAP = timedelta(minutes=5)


class Merged:
    """Rows by id, sessions by session id, errors in order."""

    def __init__(self) -> None:
        self.rows: dict[UUID, Record] = {}
        self.sessions: dict[str, SessionFacts] = {}
        self.errors: list[RecordError] = []
        self.summaries: list[FileSummary] = []

    def add(self, records: Iterable[Record | RecordError | FileSummary]) -> "Merged":
        for record in records:
            if isinstance(record, RecordError):
                self.errors.append(record)
            elif isinstance(record, FileSummary):
                self.summaries.append(record)
            elif isinstance(record, SessionFacts):
                known = self.sessions.get(record.session_id)
                self.sessions[record.session_id] = msgspec.structs.replace(record) if known is None else of_one_session(known, record)
            else:
                known_row = self.rows.get(record.id)
                self.rows[record.id] = record if known_row is None or weight(record) > weight(known_row) else known_row
        return self

    def add_files(self, paths: Iterable[Path]) -> "Merged":
        """Transcripts, one after another."""
        for path in paths:
            with path.open("rb") as file:
                self.add(read_transcript(file, user=None, idle_gap=IDLE_GAP))
        return self

    def comparable_sessions(self) -> dict[str, SessionFacts]:
        """Without the ids of the facts, of which there are as many as there were files."""
        return {name: msgspec.structs.replace(facts, id=UUID(int=0)) for name, facts in self.sessions.items()}

    def all(self, kind: type) -> list[Any]:
        """The rows of a kind."""
        return [row for row in self.rows.values() if type(row) is kind]


def weight(record: Record) -> Any:
    """The reading with more weight counts; of equal ones, as forks have them, always the same one."""
    return better_by(record), msgspec.json.encode(record)


def better_by(record: Record) -> int:
    """The order that the docstring of the record says."""
    match record:
        case Message():
            return len(record.content)
        case ToolUse():
            return (record.status != "pending") + (record.status not in ("pending", "rejected"))
        case FileChange():
            return not record.is_estimated
        case ApiCall():
            return record.output_tokens
        case _:
            return 0


def of_one_session(a: SessionFacts, b: SessionFacts) -> SessionFacts:
    """Both facts as one."""
    distant = datetime.max.replace(tzinfo=(a.started_at or b.started_at).tzinfo) if a.started_at or b.started_at else None
    earlier, later = (a, b) if distant is None or (a.started_at or distant) <= (b.started_at or distant) else (b, a)
    entitled = max((a, b), key=lambda facts: (facts.title_rank, facts.ended_at is not None, facts.ended_at))
    active = ActiveTime(timedelta())
    active.ranges = union([*a.active_ranges, *b.active_ranges])
    ends = [facts for facts in (a, b) if facts.model]
    return SessionFacts(
        id=a.id,
        session_id=a.session_id,
        source=a.source,
        project_path=earlier.project_path or later.project_path,
        user=a.user or b.user,
        started_at=earlier.started_at,
        ended_at=max((t for t in (a.ended_at, b.ended_at) if t), default=None),
        active_ranges=active.ranges,
        title=entitled.title,
        title_rank=entitled.title_rank,
        parent_session_id=a.parent_session_id or b.parent_session_id,
        git_branch=earlier.git_branch or later.git_branch,
        client_version=earlier.client_version or later.client_version,
        model=max(ends, key=lambda facts: (facts.ended_at is not None, facts.ended_at)).model if ends else None,
        **{n: max((v for v in (getattr(a, n), getattr(b, n)) if v is not None), default=None) for n in SESSION_NUMBERS},
    )


def union(ranges: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """As Postgres's range_agg."""
    together: list[tuple[datetime, datetime]] = []
    for start, end in sorted(ranges):
        if together and start <= together[-1][1]:
            together[-1] = (together[-1][0], max(end, together[-1][1]))
        else:
            together.append((start, end))
    return together


def active_seconds(facts: SessionFacts) -> float:
    """The sum of the gaps ≤ IDLE_GAP between neighbouring records."""
    return sum((end - start - IDLE_GAP).total_seconds() for start, end in facts.active_ranges)
