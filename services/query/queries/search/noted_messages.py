"""Messages that are stored and not in the index yet. A search looks at the newest of them as they are, so that what was just written is found.

The notes and the documents change in one transaction, and a search sees one moment: each message is found once, by the index or here.
"""

from functools import partial
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, structs

from services.query.database import Connection, Row, one_row, rows
from services.query.queries.search.document_conditions import Conditions
from services.query.queries.search.document_finder import MAX_TOTAL, Found, Stretch
from services.query.queries.search.document_pages import Find, comparable
from services.query.queries.search.query_language import Query
from shared.document_words import MAX_CONTENT_CHARS, MAX_LEXEME_CHARS, folded, words_of
from shared.sql_files import statement

# What is looked at: more than wait behind a busy drain. Behind an import more wait, and the answer says how many.
MOST_MESSAGES: Final = 1_000
MOST_BYTES: Final = 1_000_000

sql = partial(statement, __package__, "conversations.sql")


class Noted(Struct, frozen=True):
    """`ids` are messages to look at, of which the index is not asked. So many `others` wait for the indexer."""

    ids: list[UUID]
    others: int


def noted(connection: Connection) -> Noted:
    """The messages that wait for the indexer, those of the newest events first."""
    return Noted(**one_row(connection, sql("noted"), {"most_messages": MOST_MESSAGES, "most_bytes": MOST_BYTES}))


def noted_matches(connection: Connection, waiting: Noted, query: Query, conditions: Conditions, parameters: Row) -> list[Row]:
    """Those that match, as the finder has them. `parameters` are those of its search."""
    asked = parameters | {"ids": waiting.ids, "noted": None, "most_chars": MAX_CONTENT_CHARS}
    texts = rows(connection, filled(conditions, "noted_texts"), asked) if waiting.ids else []
    # Few are, and to cut a text into words takes a hundred times as long as a look.
    candidates = {row["id"]: words_of(row["content"]).vector for row in texts if _may_match(query, row["content"])}
    if not candidates:
        return []
    return rows(connection, filled(conditions, "noted_matches"), asked | {"ids": list(candidates), "made_terms": list(candidates.values())})


def with_noted(find: Find, matches: list[Row]) -> Find:
    """Finds what `find` does, and these matches at their place in the list."""

    def both(stretch: Stretch, fetch: int) -> Found:
        found = find(stretch, fetch)
        added = [row for row in matches if _is_in(row, stretch, found.stopped_at)]
        total = found.total + len(matches)
        return structs.replace(
            found,
            rows=sorted([*found.rows, *added], key=_by_time, reverse=True)[:fetch],
            total=min(total, MAX_TOTAL),
            total_is_exact=found.total_is_exact and total <= MAX_TOTAL,
        )

    return both if matches else find


def _may_match(query: Query, content: str) -> bool:
    """False if a word is nowhere in the text, whatever the rules are that cut it."""
    text = folded(content)
    return any(all(term.is_excluded or folded(term.text[:MAX_LEXEME_CHARS]) in text for term in terms) for terms in query.alternatives)


def _is_in(row: Row, stretch: Stretch, stopped_at: tuple[Any, ...] | None) -> bool:
    keys = _by_time(row)
    is_before = stretch.newest is None or keys <= _keys(stretch.newest)
    is_behind = stretch.oldest is None or keys >= _keys(stretch.oldest)
    # Behind the row where the time was over, nothing was looked at: the next page has it, if there is one.
    is_known = stopped_at is None or stopped_at[0] is None or keys >= _keys(stopped_at)
    return is_before and is_behind and is_known and (stretch.after is None or keys < _keys(stretch.after))


def _by_time(row: Row) -> tuple[Any, ...]:
    return _keys((row["timestamp"], row["id"]))


def _keys(keys: tuple[Any, ...]) -> tuple[Any, ...]:
    return comparable(keys[0]), keys[1]


def filled(conditions: Conditions, name: str) -> str:
    """A statement of conversations.sql over noted messages."""
    return conditions.filled(sql(name).replace("{noted_documents}", sql("noted_documents")))
