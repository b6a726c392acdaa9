"""history.jsonl: the prompts that users typed, without the answers. Bytes in, records out, no other effect.

The fields are described in docs/explanation/claude-code-formats.md. Pasted contents are not read, since people paste secrets. Commands (`/clear`, `!ls`) are not
messages, as in transcripts.
"""

import re
from collections import Counter, OrderedDict
from collections.abc import Iterator
from datetime import datetime
from typing import IO

import msgspec
from msgspec import Struct

from services.worker.importers.formats import ids
from services.worker.importers.formats.json_lines import Line, error_of, is_comment, objects_of, read_lines
from services.worker.importers.formats.sanitize import MAX_CONTENT_CHARACTERS, shortened, time_of_ms, title_of
from services.worker.importers.formats.transcript.session_facts import with_id
from services.worker.persist.records import TITLE_OF_PROMPT, FileSummary, Message, ProjectSeen, Record, RecordError, SessionFacts
from shared.events.project_paths import InvalidPath, normalize_project_path

SOURCE = "history.jsonl"
# Projects and sessions that are remembered. The facts of older ones may be given again, which changes nothing.
MAX_KNOWN = 10_000
COMMAND = re.compile(r"/[A-Za-z][\w:.-]*(\s|$)|!")


class _Prompt(Struct, rename="camel"):
    display: str | None = None
    timestamp: int | float | None = None
    project: str | None = None
    session_id: str | None = None


_prompt = msgspec.json.Decoder(_Prompt)


def read_history(file: IO[bytes], *, user: str | None) -> Iterator[Record | RecordError | FileSummary]:
    """A user's messages with their project, and with their session if the file has it (from 2026 on); at last a FileSummary.

    The session's transcript has the same prompt under another id. Where it is stored, the one from history.jsonl is left out.
    """
    reader = _History(user)
    for line in read_lines(file):
        if isinstance(line, RecordError):
            yield line
        elif is_comment(line):
            reader.counts["(comment)"] += 1
        else:
            for prompt in objects_of(line.content, _prompt):
                if isinstance(prompt, _Prompt):
                    yield from reader.take(prompt, line)
                else:
                    yield error_of(prompt, line)
    yield FileSummary(
        records=dict(reader.counts),
        unknown_records={"(none)": reader.counts["(none)"]} if reader.counts["(none)"] else {},
        skipped_records={"command": reader.counts["command"]} if reader.counts["command"] else {},
    )


class _History:
    def __init__(self, user: str | None) -> None:
        self._user = user
        self.counts: Counter[str] = Counter()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def take(self, prompt: _Prompt, line: Line) -> Iterator[Record | RecordError]:
        """The records of one line."""
        if not prompt.display or prompt.project is None:
            self.counts["(none)"] += 1
            return
        if COMMAND.match(prompt.display):
            self.counts["command"] += 1
            return
        self.counts["prompt"] += 1
        try:
            path = normalize_project_path(prompt.project)
        except InvalidPath as error:
            yield RecordError(
                code="INVALID_PROJECT_PATH",
                message=f"A prompt was left out: its project's path {error}.",
                line=line.number,
                offset=line.offset,
            )
            return
        time = time_of_ms(prompt.timestamp)
        session_id = prompt.session_id if prompt.session_id and len(prompt.session_id) <= 200 else None
        yield from self._first_of(path, session_id, time, prompt.display)
        content = shortened(prompt.display, MAX_CONTENT_CHARACTERS)
        yield Message(
            id=ids.history_prompt_id(path, int(prompt.timestamp or 0) if time else 0, prompt.display),
            role="user",
            content=content,
            source=SOURCE,
            session_id=session_id,
            project_path=path,
            user=self._user,
            timestamp=time,
        )

    def _first_of(self, path: str, session_id: str | None, time: datetime | None, words: str) -> Iterator[Record]:
        """The project and the session, once. The session's transcript may have been deleted long ago."""
        if self._is_new("project", path):
            yield ProjectSeen(id=ids.project_id(path), project_path=path)
        if session_id is not None and self._is_new("session", session_id):
            yield with_id(
                SessionFacts(
                    id=ids.NAMESPACE,
                    session_id=session_id,
                    source=SOURCE,
                    project_path=path,
                    user=self._user,
                    started_at=time,
                    title=title_of(words) or None,
                    title_rank=TITLE_OF_PROMPT,
                )
            )

    def _is_new(self, kind: str, name: str) -> bool:
        if (kind, name) in self._known:
            return False
        self._known[(kind, name)] = None
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return True
