"""Messages that are stored and not in the index yet. A search looks at the newest of them as they are, so that what was just written is found.

The notes and the documents change in one transaction, and a search sees one moment: each message is found once, by the index or here.
"""

from functools import partial
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.query.database import Connection, Row, fetch, fetch_one
from services.query.queries.search.document_conditions import Conditions
from services.query.queries.search.document_finder import MAX_TOTAL, Found, Hit, Place, Stretch
from services.query.queries.search.document_pages import Find
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
    return fetch_one(connection, Noted, sql("noted"), {"most_messages": MOST_MESSAGES, "most_bytes": MOST_BYTES})


class _Text(Struct, frozen=True):
    id: UUID
    content: str


def noted_matches(connection: Connection, waiting: Noted, query: Query, conditions: Conditions, parameters: Row) -> list[Hit]:
    """Those that match, as the finder has them. `parameters` are those of its search."""
    asked = parameters | {"ids": waiting.ids, "noted": None, "most_chars": MAX_CONTENT_CHARS}
    texts = fetch(connection, _Text, filled(conditions, "noted_texts"), asked) if waiting.ids else []
    # Few are, and to cut a text into words takes a hundred times as long as a look.
    candidates = {text.id: words_of(text.content).vector for text in texts if _may_match(query, text.content)}
    if not candidates:
        return []
    made = {"ids": list(candidates), "made_terms": list(candidates.values())}
    return fetch(connection, Hit, filled(conditions, "noted_matches"), asked | made)


def with_noted(find: Find, matches: list[Hit]) -> Find:
    """Finds what `find` does, and these matches at their place in the list."""

    def both(stretch: Stretch, fetch: int) -> Found:
        found = find(stretch, fetch)
        added = [hit for hit in matches if _is_in(hit, stretch, found.stopped_at)]
        total = found.total + len(matches)
        return replace(
            found,
            hits=sorted([*found.hits, *added], key=lambda hit: hit.order, reverse=True)[:fetch],
            total=min(total, MAX_TOTAL),
            total_is_exact=found.total_is_exact and total <= MAX_TOTAL,
        )

    return both if matches else find


def _may_match(query: Query, content: str) -> bool:
    """False if a word is nowhere in the text, whatever the rules are that cut it."""
    text = folded(content)
    return any(all(term.is_excluded or folded(term.text[:MAX_LEXEME_CHARS]) in text for term in terms) for terms in query.alternatives)


def _is_in(hit: Hit, stretch: Stretch, stopped_at: Place | None) -> bool:
    is_before = stretch.newest is None or hit.order <= stretch.newest.order
    is_behind = stretch.oldest is None or hit.order >= stretch.oldest.order
    # Behind the place where the time was over, nothing was looked at: the next page has it, if there is one.
    is_known = stopped_at is None or hit.order >= stopped_at.order
    return is_before and is_behind and is_known and (stretch.after is None or hit.order < stretch.after.order)


def filled(conditions: Conditions, name: str) -> str:
    """A statement of conversations.sql over noted messages."""
    return conditions.filled(sql(name).replace("{noted_documents}", sql("noted_documents")))
