"""A page of matches: newest first, best first (the newest 500 by score, then the rest by time), or by session."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct, structs

from services.query.cursor import Shape
from services.query.database import Row
from services.query.queries.lists.paging import Paging, within_bytes
from services.query.queries.search.document_finder import Found, Keys, Stretch
from services.query.queries.search.session_words import SessionOfWords, Sessions

RANKED_MATCHES: Final = 500

# As of a search in messages: the sort keys of the last row shown, the window that is ranked, the weights of its words. The last is the text
# that was looked for, which is not always the one that was typed.
RANKED: Shape = ("float", "time", "uuid", "time", "uuid", "time", "uuid", "weights", "text")
BY_TIME: Shape = ("time", "uuid", "text")
# Behind all of these, of sessions that have the words in different texts: how the last one shown ranks, its id, the weights, the text looked for.
OF_WORDS: Shape = ("float", "text", "weights", "text")
_BEFORE_ALL: Final = (1e300, "")


class Shown(Struct):
    """A page of matches, or of sessions with their matches. `across`: sessions of words, once all matches were shown."""

    rows: Sequence[Row]
    next_cursor: str | None
    found: Found
    sessions: list[Row] | None = None
    across: Sessions | None = None


Find = Callable[..., Found]


def newest_first(find: Find, paging: Paging, text: str, after: Keys | None) -> Shown:
    found = find(Stretch(after=after), paging.limit + 1)
    shown = within_bytes(found.rows[: paging.limit])
    return Shown(shown, more_by_time(paging, text, found, shown), found)


def more_by_time(paging: Paging, text: str, found: Found, shown: Sequence[Row]) -> str | None:
    if len(found.rows) > len(shown):
        return paging.next_cursor([*_keys(shown[-1]), text])
    if found.stopped_at is not None and found.stopped_at[0] is not None:
        at, row_id = found.stopped_at
        return paging.next_cursor([None if at == "-infinity" else at, row_id, text])
    return None


def best_first(find: Find, paging: Paging, text: str, weights: Sequence[int], after: Keys | None) -> Shown:
    """First the best of a window of the newest matches; after those, older matches by time."""
    stretch = Stretch() if after is None else Stretch(newest=after[3:5], oldest=after[5:7])
    found = find(stretch, RANKED_MATCHES + 1)
    window = found.rows[:RANKED_MATCHES]
    if not window:
        return Shown([], more_by_time(paging, text, found, []), found)
    ranked = sorted(window, key=rank, reverse=True)
    if after is not None:
        ranked = [row for row in ranked if rank(row) < (after[0], comparable(after[1]), after[2])]
    shown = within_bytes(ranked[: paging.limit])
    # The window ends at its last match, unless nothing is behind it.
    has_more_behind = len(found.rows) > RANKED_MATCHES or after is not None or found.stopped_at is not None
    if len(ranked) > len(shown):
        last, ends = shown[-1], (*_keys(window[0]), *(_keys(window[-1]) if after is None else (_none(after[5]), after[6])))
        cursor = paging.next_cursor([last["score"], *_keys(last), *ends, " ".join(map(str, weights)), text])
    elif has_more_behind:
        ends = _keys(window[-1]) if after is None else (_none(after[5]), after[6])
        cursor = paging.next_cursor([*ends, text])
    else:
        cursor = None
    return Shown(shown, cursor, found)


def rank(row: Row) -> tuple[float, datetime, Any]:
    """The better match has the greater one: by score, then the newer one."""
    return row["score"] or 0.0, comparable(row["timestamp"]), row["id"]


def comparable(at: datetime | str | None) -> datetime:
    """A time; of an undated row the earliest of all."""
    return at if isinstance(at, datetime) else datetime.min.replace(tzinfo=UTC)


def _none(at: Any) -> Any:
    return None if at == "-infinity" else at


def _keys(row: Row) -> Keys:
    return row["timestamp"], row["id"]


MOST_HITS_OF_A_SESSION: Final = 3
# Where some of them show the same, so many are looked at for others.
MOST_COMPARED: Final = 12
# Where each has one of the words.
MOST_TEXTS_OF_WORDS: Final = 5
# So many matches are grouped at a time.
GROUPED_MATCHES: Final = 2_000


def by_session(find: Find, sort: str, paging: Paging, text: str, weights: Sequence[int], after: Keys | None) -> Shown:
    """Sessions by their best (or newest) match, each with its best matches and their number, within a window of the newest matches.

    A session with more matches than a window holds comes again in the next one, with its older matches.
    """
    is_in_window = after is not None and len(after) == len(RANKED)
    if is_in_window:
        assert after is not None
        stretch = Stretch(newest=after[3:5], oldest=after[5:7])
    else:
        stretch = Stretch(after=None if after is None else after[:2])
    found = find(stretch, GROUPED_MATCHES + 1)
    window = found.rows[:GROUPED_MATCHES]
    sessions: dict[Any, list[Row]] = {}
    # In the order of what is shown first.
    for row in sorted(window, key=rank, reverse=True) if sort == "best" else window:
        sessions.setdefault(row["session_id"], []).append(row)
    heads = [(_sort_keys(matches[0], sort), matches) for matches in sessions.values()]
    if is_in_window:
        assert after is not None
        last = (after[0] if sort == "best" else 0.0, comparable(after[1]), after[2])
        heads = [(keys, matches) for keys, matches in heads if keys < last]
    shown = [matches for _, matches in heads[: paging.limit]]
    groups = [
        {
            "session_id": matches[0]["session_id"],
            "match": "one_text",
            "hits": len(matches),
            "rows": matches[:MOST_COMPARED],
            "most": MOST_HITS_OF_A_SESSION,
        }
        for matches in shown
    ]
    cursor = None
    if window and len(heads) > len(shown):
        first, score = shown[-1][0], shown[-1][0]["score"] if sort == "best" else 0.0
        ends = (after[5], after[6]) if is_in_window and after is not None else _keys(window[-1])
        begins = (after[3], after[4]) if is_in_window and after is not None else _keys(window[0])
        keys = [score, *_keys(first), _none(begins[0]), begins[1], _none(ends[0]), ends[1]]
        cursor = paging.next_cursor([*keys, " ".join(map(str, weights)) or "10", text])
    elif window and (len(found.rows) > GROUPED_MATCHES or is_in_window):
        ends = (after[5], after[6]) if is_in_window and after is not None else _keys(window[-1])
        cursor = paging.next_cursor([_none(ends[0]), ends[1], text])
    elif found.stopped_at is not None:
        cursor = more_by_time(paging, text, found, found.rows)
    return Shown([row for group in groups for row in group["rows"]], cursor, found, groups)


def _sort_keys(row: Row, sort: str) -> tuple[float, datetime, Any]:
    score, at, row_id = rank(row)
    return (score if sort == "best" else 0.0), at, row_id


def then_across(
    page: Shown, across: Sessions, sort: str, paging: Paging, text: str, after: Keys | None
) -> tuple[Shown, list[SessionOfWords]]:
    """The page, with room for sessions that have the words in different texts, and which these are."""

    def place(session: SessionOfWords) -> tuple[float, str]:
        return (session.score if sort == "best" else session.newest), session.session_id

    last = _BEFORE_ALL if after is None else after[:2]
    behind = sorted((session for session in across.found if place(session) < last), key=place, reverse=True)
    room = paging.limit - len(page.sessions or ())
    shown = behind[:room]
    cursor = None
    if len(behind) > room:
        keys = place(shown[-1]) if shown else last
        cursor = paging.next_cursor([*keys, " ".join(map(str, across.weights)), text])
    return structs.replace(page, next_cursor=cursor, across=across), shown
