"""What is indexed of a session: its texts by their parts, bounded, as documents of the index."""

from collections.abc import Iterable, Iterator
from typing import Final

from tantivy import Document

from services.query.database import Connection, Row, rows
from services.query.session_index.fields import PARTS, SESSION_ID, SPOKEN, prepared, stems_of
from shared.sql_files import statement

# Of a session's texts of a kind. A session of 20,000 calls has a tenth of them in the index, evenly.
MOST_TEXTS: Final = 2_000
# Of a text, of a call's input, of its result.
MOST_CHARS: Final = 20_000
MOST_INPUT_CHARS: Final = 1_000
MOST_RESULT_CHARS: Final = 1_000
# Of a part of a session.
MOST_PART_CHARS: Final = 1_000_000

# Tools whose input begins with a file's path.
_FILE_TOOLS: Final = frozenset(("Edit", "MultiEdit", "NotebookEdit", "Read", "Write"))
_TEXTS: Final = statement(__package__, "session_texts.sql", "texts")


def documents_of(connection: Connection, session_ids: Iterable[str]) -> Iterator[tuple[str, Document]]:
    """The documents of those sessions that have texts. A session without any gives none."""
    for session_id in session_ids:
        parts = _parts(rows(connection, _TEXTS, {"session_id": session_id} | _LIMITS))
        if parts:
            yield session_id, document(session_id, parts)


def document(session_id: str, parts: dict[str, list[str]]) -> Document:
    """A document of a session, of its texts by part."""
    made = Document()
    made.add_text(SESSION_ID, session_id)
    for part, texts in parts.items():
        text = prepared("\n".join(texts)[:MOST_PART_CHARS])
        made.add_text(part, text)
        if part in SPOKEN:
            made.add_text(stems_of(part), text)
    return made


_LIMITS: Final = {
    "most_texts": MOST_TEXTS,
    "most_chars": MOST_CHARS,
    "most_input_chars": MOST_INPUT_CHARS,
    "most_result_chars": MOST_RESULT_CHARS,
}


def _parts(found: Iterable[Row]) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for row in found:
        said: str = row["said"]
        match row["kind"]:
            case "session":
                parts["title"].append(said)
            case "file":
                parts["files"].append(said)
            case "tool_call":
                _add_call(parts, row["tool_name"], said, row["result"])
            case "message" if row["role"] == "user" and not row["is_of_agent"]:
                parts["prompts"].append(said)
            case _:
                parts["answers"].append(said)
    return {part: texts for part, texts in parts.items() if texts}


def _add_call(parts: dict[str, list[str]], tool_name: str | None, said: str, result: str | None) -> None:
    _, _, given = said.partition("\n")
    if tool_name in _FILE_TOOLS:
        path, _, given = given.partition("\n")
        parts["files"].append(path)
        parts["results"].append(given)
    else:
        parts["commands"].append(given)
    if result:
        parts["results"].append(result)
