"""A page of matches: newest first, best first (the newest 500 by score, then the rest by time), or by session."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from services.query.cursor import Shape
from services.query.queries.lists.paging import Paging, fitting
from services.query.queries.search.document_items import Group
from services.query.queries.search.text_finder import Found, Hit, Place, Stretch

RANKED_MATCHES: Final = 500
# So many matches of a session are compared, if some of the first show the same.
MOST_COMPARED: Final = 12
# So many matches are grouped at a time.
GROUPED_MATCHES: Final = 2_000


class InWindow(Struct, frozen=True):
    """Behind the match with this score and place, of those from `newest` to `oldest`. `weights` of the words are those of the first page."""

    score: float
    last: Place
    newest: Place
    oldest: Place
    weights: tuple[int, ...]


class ByTime(Struct, frozen=True):
    """Behind this place."""

    last: Place


# The place at which a page begins.
Position = InWindow | ByTime

IN_WINDOW: Final[Shape] = ("float", "time", "uuid", "time", "uuid", "time", "uuid", "weights")
BY_TIME: Final[Shape] = ("time", "uuid")


class Shown(Struct, frozen=True):
    """A page of matches, or of sessions with their matches."""

    hits: Sequence[Hit]
    next_position: Position | None
    found: Found
    sessions: list[Group] | None = None


Find = Callable[[Stretch, int], Found]


def position(paging: Paging) -> Position | None:
    """The place at which the wanted page begins; None for the first."""
    match paging.last_keys(IN_WINDOW, BY_TIME):
        case None:
            return None
        case (score, at, of, newest_at, newest, oldest_at, oldest, weights):
            return InWindow(score, _place(at, of), _place(newest_at, newest), _place(oldest_at, oldest), weights)
        case (at, of):
            return ByTime(_place(at, of))
        case keys:
            raise AssertionError(f"no position has {len(keys)} keys")


def cursor_of(paging: Paging, begins: Position | None) -> str | None:
    """The cursor of the page that begins there."""
    match begins:
        case None:
            return None
        case InWindow(score, last, newest, oldest, weights):
            return paging.next_cursor([score, *_keys(last), *_keys(newest), *_keys(oldest), " ".join(map(str, weights))])
        case ByTime(last):
            return paging.next_cursor(_keys(last))


def _place(at: datetime | str, of: UUID) -> Place:
    return Place(at if isinstance(at, datetime) else None, of)


def _keys(place: Place) -> tuple[Any, ...]:
    return place.timestamp, place.id


def newest_first(find: Find, paging: Paging, after: Place | None) -> Shown:
    found = find(Stretch(after=after), paging.limit + 1)
    shown = _fitting(found.hits, paging)
    return Shown(shown, _more_by_time(found, shown), found)


def _fitting(hits: Sequence[Hit], paging: Paging) -> Sequence[Hit]:
    return hits[: fitting(hit.bytes for hit in hits[: paging.limit])]


def _more_by_time(found: Found, shown: Sequence[Hit]) -> ByTime | None:
    if len(found.hits) > len(shown):
        return ByTime(shown[-1].at)
    return ByTime(found.stopped_at) if found.stopped_at else None


def best_first(find: Find, paging: Paging, weights: Sequence[int], after: InWindow | None) -> Shown:
    """First the best of a window of the newest matches; after those, older matches by time."""
    found = find(_window(after), RANKED_MATCHES + 1)
    window = found.hits[:RANKED_MATCHES]
    if not window:
        return Shown([], _more_by_time(found, []), found)
    ranked = sorted(window, key=_rank, reverse=True)
    if after is not None:
        ranked = [hit for hit in ranked if _rank(hit) < (after.score, *after.last.order)]
    shown = _fitting(ranked, paging)
    # The window ends at its last match, unless nothing is behind it.
    has_more_behind = len(found.hits) > RANKED_MATCHES or after is not None or not found.is_complete
    oldest = window[-1].at if after is None else after.oldest
    more: Position | None = None
    if len(ranked) > len(shown):
        more = InWindow(shown[-1].score, shown[-1].at, window[0].at, oldest, tuple(weights))
    elif has_more_behind:
        more = ByTime(oldest)
    return Shown(shown, more, found)


def _window(after: InWindow | None) -> Stretch:
    return Stretch() if after is None else Stretch(newest=after.newest, oldest=after.oldest)


def _rank(hit: Hit) -> tuple[float, datetime, UUID]:
    """The better match has the greater one: by score, then the newer one."""
    return hit.score, *hit.order


def by_session(find: Find, sort: str, paging: Paging, weights: Sequence[int], after: Position | None) -> Shown:
    """Sessions by their best (or newest) match, each with its best matches and their number, within a window of the newest matches.

    A session with more matches than a window holds comes again in the next one, with its older matches.
    """

    def place(matches: list[Hit]) -> tuple[float, datetime, UUID]:
        return score_of(matches[0]), *matches[0].order

    def score_of(hit: Hit) -> float:
        return hit.score if sort == "best" else 0.0

    in_window = after if isinstance(after, InWindow) else None
    found = find(Stretch(after=after.last) if isinstance(after, ByTime) else _window(in_window), GROUPED_MATCHES + 1)
    window = found.hits[:GROUPED_MATCHES]
    by_id: dict[str | None, list[Hit]] = {}
    # In the order of what is shown first.
    for hit in sorted(window, key=_rank, reverse=True) if sort == "best" else window:
        by_id.setdefault(hit.session_id, []).append(hit)
    sessions = list(by_id.values())
    if in_window is not None:
        last = (in_window.score if sort == "best" else 0.0, *in_window.last.order)
        sessions = [matches for matches in sessions if place(matches) < last]
    shown = sessions[: paging.limit]
    groups = [Group(matches[0].session_id, len(matches), matches[:MOST_COMPARED]) for matches in shown]
    more: Position | None = _more_by_time(found, found.hits)
    if window:
        newest, oldest = (in_window.newest, in_window.oldest) if in_window else (window[0].at, window[-1].at)
        if len(sessions) > len(shown):
            more = InWindow(score_of(shown[-1][0]), shown[-1][0].at, newest, oldest, tuple(weights))
        elif len(found.hits) > GROUPED_MATCHES or in_window is not None:
            more = ByTime(oldest)
    return Shown([], more, found, groups)
