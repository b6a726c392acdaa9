"""The documents of the index for sessions: the texts of each by their parts, bounded."""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from msgspec import Struct, field
from psycopg import Connection
from psycopg.rows import dict_row
from tantivy import Document

from services.query.search_index.documents.input_texts import input_text
from services.query.search_index.words.fields import BREVITY, DAYS, GERMAN, HASHES, LABELS, NAMES, SESSION_ID, SPOKEN, stems_of
from services.query.search_index.words.prepared_text import days_of, hashes_of, named, prepared
from services.query.search_index.words.stop_words import is_german
from shared.sql_files import SqlFile

# Characters of the beginning and of the end of a result, and of an error.
_MOST_END_CHARS: Final = 500
_MOST_ERROR_END_CHARS: Final = 1_500
_MOST_INPUT_CHARS: Final = 2_000
# Texts of a kind in a session, and characters of each. A session of 20,000 calls has a tenth of them in the index, evenly.
_LIMITS: Final = {
    "most_texts": 2_000,
    "most_chars": 8_000,
    "most_end_chars": _MOST_END_CHARS,
    "most_read_end_chars": 8_000,
}
# Characters of a part of a session.
_MOST_PART_CHARS: Final = 1_000_000

# A session of so many characters, without results, is usual. One of ten times as many counts 0.7 of it.
_USUAL_CHARS: Final = 10_000
_BREVITY_COUNTS: Final = 0.2

# Tools whose input begins with a file's path.
_WRITE_TOOLS: Final = frozenset(("Edit", "MultiEdit", "NotebookEdit", "Write"))
_FILE_TOOLS: Final = _WRITE_TOOLS | {"Read"}
# As git tells of a commit that was made: [main 1a2b3c4] Subject
_COMMIT: Final = re.compile(r"^\[\S+ (?:\(root-commit\) )?([0-9a-f]{7,40})\] (.{1,200})", re.MULTILINE)
_TEXTS: Final = SqlFile(__package__, "session_texts.sql").texts

_Row = dict[str, Any]


class _Texts(Struct):
    """A session's texts by part, and what is found of it as a whole."""

    parts: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    german: list[str] = field(default_factory=list)
    days: set[date] = field(default_factory=set)
    hashes: set[str] = field(default_factory=set)
    commits: set[str] = field(default_factory=set)


def session_document(connection: Connection[Any], session_id: str) -> Document | None:
    """The document of a session. None if it has no texts."""
    # Not by services/query/database.py, whose engine the writer's process would load for nothing.
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_TEXTS.encode(), {"session_id": session_id} | _LIMITS).fetchall()
    if not found:
        return None
    made = _document(session_id, _texts(found))
    for label in (f"session:{session_id}", f"project:{found[0]['project_id']}", f"user:{found[0]['user_id']}"):
        made.add_text(LABELS, label)
    return made


def _texts(found: Iterable[_Row]) -> _Texts:
    texts = _Texts()
    for row in found:
        if row["day"] is not None:
            texts.days.add(row["day"])
        if row["kind"] == "tool_call":
            _add_call(texts, row)
        else:
            _add_said(texts, row)
    return texts


def _add_said(texts: _Texts, row: _Row) -> None:
    said: str = row["said"]
    match row["kind"]:
        case "session":
            part = "title"
        case "file":
            part = "files"
        case "message" if row["role"] == "user" and not row["is_of_agent"]:
            part = "prompts"
        case _:
            part = "answers"
    texts.parts[part].append(said)
    texts.hashes |= hashes_of(said)
    if part in SPOKEN and is_german(said):
        texts.german.append(said)


def _add_call(texts: _Texts, row: _Row) -> None:
    name, result = row["tool_name"], row["result"]
    given = input_text(row["said"])[:_MOST_INPUT_CHARS]
    if name in _FILE_TOOLS:
        path, _, given = given.partition("\n")
        texts.parts["files" if name in _WRITE_TOOLS else "commands"].append(path)
        texts.parts["results"].append(given)
    else:
        texts.parts["commands"].append(given)
        texts.hashes |= hashes_of(given)
    if result:
        if row["is_error"]:
            texts.parts["errors"].append(_ends(result, _MOST_ERROR_END_CHARS))
        else:
            texts.parts["results"].append(_ends(result, _MOST_END_CHARS))
        texts.hashes |= hashes_of(result)
        for commit, subject in _COMMIT.findall(result):
            texts.commits.add(commit[:7])
            texts.parts["files"].append(subject)


def _ends(text: str, most: int) -> str:
    return text if len(text) <= 2 * most else f"{text[:most]}\n{text[-most:]}"


def _document(session_id: str, texts: _Texts) -> Document:
    made = Document()
    made.add_text(SESSION_ID, session_id)
    length = 0
    for part, of_part in texts.parts.items():
        text = "\n".join(of_part)[:_MOST_PART_CHARS]
        # Results are mostly code: the parts of its identifiers would be many, and tell little.
        words = prepared(text, with_parts=part != "results")
        made.add_text(part, words)
        if part in SPOKEN:
            made.add_text(stems_of(part), words)
        if part != "results":
            made.add_text(NAMES, named(text))
            length += len(text)
    made.add_float(BREVITY, (1 + length / _USUAL_CHARS) ** -_BREVITY_COUNTS)
    if texts.german:
        made.add_text(GERMAN, "\n".join(texts.german)[:_MOST_PART_CHARS])
    # A commit that the session made counts more than one that it saw.
    made.add_text(HASHES, " ".join([*sorted(texts.hashes | hashes_of(session_id)), *sorted(texts.commits) * 4]))
    made.add_text(DAYS, " ".join(name for day in sorted(texts.days) for name in days_of(day)))
    return made
