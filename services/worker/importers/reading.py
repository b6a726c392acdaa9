"""Which importer reads a file."""

from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Any

import msgspec

from services.worker import records
from services.worker.importers import claude_json, ids
from services.worker.importers.history import read_history
from services.worker.importers.sessions_index import read_sessions_index
from services.worker.importers.transcript import read_transcript
from services.worker.records import FileSummary, Record, RecordError
from shared import messages


def read(content: IO[bytes], kind: str, user: str | None, idle_gap: timedelta) -> Iterator[Record | RecordError | FileSummary]:
    if kind == "claude_json":
        yield from map(_ported, claude_json.read_claude_json(content, user))
    elif kind == "history":
        yield from read_history(content, user=user)
    elif kind == "sessions_index":
        yield from read_sessions_index(content, user=user)
    else:
        yield from read_transcript(content, user=user, idle_gap=idle_gap)


def _ported(event: Any) -> Any:
    match event:
        case messages.ProjectSeen():
            return records.ProjectSeen(id=event.id, project_path=event.project_path)
        case messages.SessionSnapshot():
            names = [n for n in records.SessionFacts.__struct_fields__ if n in messages.SessionSnapshot.__struct_fields__]
            f = records.SessionFacts(source="claude.json", ended_at=event.end_time, **{n: getattr(event, n) for n in names})
            f.id = ids.facts_id(f.session_id, msgspec.json.encode(f))
            return f
        case messages.HistoryPrompt():
            return records.Message(
                id=event.id, role="user", content=event.content, source="claude.json", project_path=event.project_path, user=event.user
            )
        case claude_json.RecordError():
            return RecordError(code="DAMAGED" if event.code == "INVALID_JSON" else event.code, message=event.message, offset=event.offset)
