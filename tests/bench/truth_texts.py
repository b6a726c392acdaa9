"""The texts that a search should find: every stored text, and tests on it that share nothing with the index or its words."""

import json
import re
from collections.abc import Iterator
from hashlib import md5
from typing import Any
from unicodedata import combining, normalize
from uuid import UUID

import psycopg
from msgspec import Struct

# Where a word or a part of an identifier begins or ends, in a text without accents.
_CAMEL = r"(?<=(?-i:[a-z0-9]))(?=(?-i:[A-Z]))|(?<=(?-i:[A-Z]))(?=(?-i:[A-Z][a-z]))"
_BEGINS = rf"(?:(?<![^\W_])|{_CAMEL})"
_ENDS = rf"(?:(?![^\W_])|{_CAMEL})"
# Where one may begin: digits are parts as well, and beside scripts without spaces words begin anywhere.
_MAY_BEGIN = rf"(?:(?<![^\W_])|{_CAMEL}|(?<=[0-9])|(?<=[^\x00-\u024f]))"

_MESSAGES = "SELECT id, occurred_at, content, NULL, false FROM messages"
_CALLS = "SELECT id, occurred_at, tool_name, parameters::text, result, status IN ('error', 'timeout') FROM tool_calls"
_ENTRIES = (
    "SELECT id, occurred_at, content, NULL, false FROM timeline_entries WHERE kind IN ('compaction_summary', 'command', 'command_output')"
)
_SESSIONS = """
    SELECT s.session_id, coalesce(nullif(s.dated_at, '-infinity'), s.first_event_at, s.created_at),
        concat_ws(E'\n', m.title, s.title, m.note, array_to_string(m.tags, ' '), s.git_branch)
    FROM sessions s LEFT JOIN session_marks m USING (session_id) WHERE s.counted"""
_FILES = """
    SELECT a.project_id || ' ' || a.file_key || ' ' || a.user_id, max(a.occurred_at), f.file_path FROM activities a JOIN files f USING (file_key) GROUP BY 1, 3"""


class Text(Struct):
    """A stored text that can be found. `plain` has no accents and keeps its case; `lower` and `folded` are the same in one case."""

    id: str
    at: Any
    content: str
    tool_name: str | None
    is_error: bool
    lower: str
    plain: str
    folded: str


class Need(Struct, frozen=True):
    """A word, a text to the letter (`exact`, in words; `anywhere`, as a literal) or a pattern. `is_open`: it may be unfinished."""

    kind: str
    text: str
    is_excluded: bool = False
    is_open: bool = False


def stored_texts(database_url: str) -> list[Text]:
    """From the tables of messages, calls, entries, sessions and files."""
    texts: list[Text] = []
    with psycopg.connect(database_url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        for id, at, content, tool, is_error in (*_rows(connection, _MESSAGES), *_rows(connection, _ENTRIES)):
            texts.append(_text(str(id), at, content, tool, is_error))
        for id, at, tool, parameters, result, is_error in _rows(connection, _CALLS):
            given = "\n".join(values(json.loads(parameters))) if parameters else ""
            texts.append(_text(str(id), at, "\n".join((tool, given, result or "")), tool, is_error))
        for kind, statement in (("session", _SESSIONS), ("file", _FILES)):
            for key, at, content in _rows(connection, statement):
                texts.append(_text(str(UUID(md5(f"{kind} {key}".encode()).hexdigest())), at, content, None, False))
    # Ids are the same in each database, so the same searches are chosen.
    return sorted(texts, key=lambda text: text.id)


def values(value: Any) -> Iterator[str]:
    """A JSON value's texts."""
    if isinstance(value, dict):
        for each in value.values():
            yield from values(each)
    elif isinstance(value, list):
        for each in value:
            yield from values(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def without_accents(text: str) -> str:
    """Latin letters without what is written on them."""
    if text.isascii():
        return text
    return normalize("NFKC", "".join(letter for letter in normalize("NFKD", text) if not combining(letter) or letter > "\u3000"))


def must_match(text: Text, alternatives: list[list[Need]]) -> bool:
    """Whether a search misses something if it does not find this."""
    return any(all(_may(text, need) is False if need.is_excluded else _must(text, need) for need in needs) for needs in alternatives)


def may_match(text: Text, alternatives: list[list[Need]]) -> bool:
    """Whether a search is right to find this."""
    return any(all(_must(text, need) is False if need.is_excluded else _may(text, need) for need in needs) for needs in alternatives)


def _must(text: Text, need: Need) -> bool:
    if need.kind in ("anywhere", "pattern"):
        return _may(text, need)
    there, wanted = (text.plain, without_accents(need.text)) if need.kind == "word" else (text.content, need.text)
    if not _is_there(text, need):
        return False
    begins = _BEGINS if wanted[0].isalnum() else ""
    ends = _ENDS if wanted[-1].isalnum() and not need.is_open else ""
    found = re.finditer(begins + re.escape(wanted) + ends, there, re.IGNORECASE)
    # Several parts that do not end their identifier are the beginning of a word (JanDe, of JanDeDobbeleer), and only an unfinished word finds that.
    return any(need.is_open or not _is_within(there, match) for match in found)


def _is_within(there: str, match: re.Match[str]) -> bool:
    return there[match.end() : match.end() + 1].isalnum() and re.search(_CAMEL, match[0]) is not None


def _may(text: Text, need: Need) -> bool:
    if need.kind == "pattern":
        return re.search(need.text, text.content, re.IGNORECASE) is not None
    if need.kind != "word" or not _is_there(text, need):
        return _is_there(text, need)
    return re.search(_MAY_BEGIN + re.escape(without_accents(need.text)), text.plain, re.IGNORECASE) is not None


def _is_there(text: Text, need: Need) -> bool:
    if need.kind == "word":
        return without_accents(need.text).casefold() in text.folded
    return need.text.lower() in text.lower


def _text(id: str, at: Any, content: str, tool: str | None, is_error: bool) -> Text:
    plain = without_accents(content)
    lower = content.lower()
    return Text(id, at, content, tool, is_error, lower, plain, lower if content.isascii() else plain.casefold())


def _rows(connection: psycopg.Connection[Any], statement: str) -> list[Any]:
    # '-infinity' is not a time of Python's.
    return connection.execute(statement.replace("occurred_at,", "nullif(occurred_at, '-infinity'),", 1).encode()).fetchall()
