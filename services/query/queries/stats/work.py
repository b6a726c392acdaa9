"""The cost of work by commit, pull request, branch or issue. Each session is divided into pieces (work_pieces.py); their sums are in work.sql."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import asdict

from services.query.answers.work import WorkGroup, WorkItem, WorkMeasures, WorkReport
from services.query.database import Connection, fetch, rows
from services.query.queries.outcomes.outcomes import Outcomes, outcomes_of
from services.query.queries.stats.ranges import Range, at, described_range
from services.query.queries.stats.stats import Selection
from services.query.queries.stats.usage import UsageQuestion, usage
from services.query.queries.stats.work_pieces import Piece, divided, issues_in, pieces_of
from shared.http.errors import BadRequest
from shared.sql_files import SqlFile

# The pieces of this many sessions at most are summed up.
MOST_SESSIONS: Final = 5_000
# Work on one of these is not all for one pull request.
_COMMON_BRANCHES: Final = frozenset({"main", "master", "trunk", "develop", "dev", "HEAD"})

_SQL: Final = SqlFile(__package__, "work.sql", "parts.sql")


class _Session(Struct, frozen=True):
    session_id: str
    project_id: int | None
    project_name: str | None
    branch: str | None
    title: str | None


class _Sums(Struct):
    """The sums of a piece. Whole numbers, so that parts of them add up to them."""

    api_calls: int = 0
    unpriced_calls: int = 0
    cost_nano_usd: int = 0
    turns: int = 0
    active_us: int = 0

    def add(self, other: "_Sums") -> None:
        for name in _Sums.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def parts(self, number: int) -> list["_Sums"]:
        """As many parts, as equal as they get."""
        of_each = [
            divided(value, number) for value in (self.api_calls, self.unpriced_calls, self.cost_nano_usd, self.turns, self.active_us)
        ]
        return [_Sums(*values) for values in zip(*of_each, strict=True)]


class _Thing(Struct, frozen=True):
    """A commit or the like that a piece led to: the fields of its item that tell it apart. `at`: when it was made, if it was."""

    project_id: int | None
    fields: tuple[tuple[str, str | None], ...]
    at: datetime | None = None

    @property
    def key(self) -> Any:
        return self.project_id, self.fields


class _Work(Struct):
    """All pieces that led to the same."""

    at: datetime | None = None
    sums: _Sums = field(default_factory=_Sums)
    cost_by_session: dict[str, int] = field(default_factory=dict)

    def add(self, session_id: str, sums: _Sums, made_at: datetime | None) -> None:
        if made_at is not None:
            self.at = min(made_at, self.at or made_at)
        self.sums.add(sums)
        self.cost_by_session[session_id] = self.cost_by_session.get(session_id, 0) + sums.cost_nano_usd

    def take_in(self, other: "_Work") -> None:
        self.sums.add(other.sums)
        self.cost_by_session |= other.cost_by_session


def work(
    connection: Connection, group_by: WorkGroup, selection: Selection, wanted: Range, idle_gap_seconds: int, limit: int | None
) -> WorkReport:
    """The work of the range; the `limit` things that cost most, or all. BadRequest if it is in too many sessions."""
    start, end = at(wanted.start), at(wanted.end)
    asked = selection.parameters() | {"start": start, "end": end, "most": MOST_SESSIONS + 1}
    sessions = fetch(connection, _Session, _SQL.sessions, asked)
    if len(sessions) > MOST_SESSIONS:
        raise BadRequest(
            f"More than {MOST_SESSIONS:,} sessions were active in this range: ask for a shorter one, with start_date and end_date.",
            details={"start_date": "choose a later one"},
        )
    ids = [session.session_id for session in sessions]
    outcomes = outcomes_of(connection, ids) if group_by != "branch" else defaultdict(Outcomes)
    of_asks = {row["session_id"]: row["times"] for row in rows(connection, _SQL.asks, {"ids": list(outcomes)})} if outcomes else {}
    led_to = _grouping(group_by, sessions, outcomes)
    parts = [
        (session, things, since, until)
        for session in sessions
        for piece, things in led_to(session, outcomes[session.session_id], of_asks.get(session.session_id, []))
        if (bounds := _within(piece, start, end)) is not None
        for since, until in [bounds]
    ]
    pieces = {
        "ids": [session.session_id for session, *_ in parts],
        "since": [since for *_, since, _ in parts],
        "until": [until for *_, until in parts],
        "idle_gap_seconds": idle_gap_seconds,
    }
    found: dict[Any, _Work] = defaultdict(_Work)
    things_by_key: dict[Any, _Thing] = {}
    without = _Work()
    for (session, things, *_), sums in zip(parts, fetch(connection, _Sums, _SQL.pieces, pieces), strict=True):
        if sums == _Sums():
            continue
        if not things:
            without.add(session.session_id, sums, None)
        for thing, part in zip(things, sums.parts(len(things)) if things else [], strict=True):
            things_by_key.setdefault(thing.key, thing)
            found[thing.key].add(session.session_id, part, thing.at)
    order = sorted(found, key=lambda key: (-found[key].sums.cost_nano_usd, -found[key].sums.active_us, str(key)))
    shown, others = order[:limit], _Work()
    for key in order[len(shown) :]:
        others.take_in(found[key])
    _add_what_is_in_no_session(
        connection, without, [*found.values(), without], UsageQuestion(("project",), selection, wanted, idle_gap_seconds)
    )
    totals = _Work()
    for each in (*found.values(), without):
        totals.take_in(each)
    by_id = {session.session_id: session for session in sessions}
    return WorkReport(
        range=described_range(wanted),
        group_by=group_by,
        items=[_item(things_by_key[key], found[key], by_id) for key in shown],
        left_out=len(order) - len(shown),
        others=_measures(others),
        without=_measures(without),
        totals=_measures(totals),
    )


Division = list[tuple[Piece[Any], list[_Thing]]]


def _grouping(
    group_by: WorkGroup, sessions: Iterable[_Session], outcomes: dict[str, Outcomes]
) -> Callable[[_Session, Outcomes, list[datetime]], Division]:
    """A function that divides a session into its pieces, each with what it led to."""

    def by_branch(session: _Session, _outcomes: Outcomes, _asks: list[datetime]) -> Division:
        return [(_WHOLE, [_Thing(session.project_id, (("branch", session.branch),))] if session.branch else [])]

    def by_commit(session: _Session, made: Outcomes, asks: list[datetime]) -> Division:
        return [
            (piece, [_Thing(session.project_id, (("commit", each.hash), ("subject", each.subject)), each.timestamp) for each in piece.made])
            for piece in pieces_of(((each.timestamp, each) for each in made.commits), asks)
        ]

    def by_issue(session: _Session, made: Outcomes, asks: list[datetime]) -> Division:
        of_branch = issues_in(session.branch or "", is_branch=True)
        return [
            (piece, [_Thing(session.project_id, (("issue", issue),)) for issue in _issues_of(piece) or of_branch])
            for piece in pieces_of(((each.timestamp, each) for each in made.commits), asks)
        ]

    opened: dict[tuple[int | None, str], list[tuple[datetime, str]]] = defaultdict(list)
    for session in sessions:
        if session.branch and session.branch not in _COMMON_BRANCHES:
            opened[session.project_id, session.branch] += [
                (each.timestamp, each.url) for each in outcomes[session.session_id].pull_requests
            ]

    def by_pull_request(session: _Session, made: Outcomes, asks: list[datetime]) -> Division:
        own = [(each.timestamp, each) for each in made.pull_requests]
        if not own:
            of_branch = sorted(opened.get((session.project_id, session.branch or ""), []))
            if not of_branch:
                return [(_WHOLE, [])]
            # The one that was opened next after the session's last prompt, else the last one.
            place = bisect_left(of_branch, (asks[-1], "")) if asks else 0
            when, url = of_branch[min(place, len(of_branch) - 1)]
            return [(_WHOLE, [_Thing(session.project_id, (("pull_request", url),), when)])]
        last = made.pull_requests[-1]
        return [
            (piece, [_Thing(session.project_id, (("pull_request", each.url),), each.timestamp) for each in piece.made or (last,)])
            for piece in pieces_of(own, asks)
        ]

    return {"commit": by_commit, "pull_request": by_pull_request, "branch": by_branch, "issue": by_issue}[group_by]


_WHOLE: Final[Piece[Any]] = Piece(None, None, ())


def _issues_of(piece: Piece[Any]) -> list[str]:
    return list(dict.fromkeys(issue for commit in piece.made for issue in issues_in(commit.subject)))


def _within(piece: Piece[Any], start: datetime | None, end: datetime | None) -> tuple[datetime | None, datetime | None] | None:
    """The part of a piece that is within the dates; None if no part is."""
    since = max(piece.since, start) if piece.since and start else piece.since or start
    until = min(piece.until, end) if piece.until and end else piece.until or end
    return None if since and until and since >= until else (since, until)


def _add_what_is_in_no_session(connection: Connection, without: _Work, known: list[_Work], question: UsageQuestion) -> None:
    """Adds calls outside of sessions, sessions that retention has dropped, and costs that only a claude.json tells."""
    totals = usage(connection, question).totals
    without.sums.cost_nano_usd += round((totals.cost_usd or 0) * 1e9) - sum(each.sums.cost_nano_usd for each in known)
    without.sums.api_calls += totals.api_calls - sum(each.sums.api_calls for each in known)
    without.sums.unpriced_calls += totals.unpriced_calls - sum(each.sums.unpriced_calls for each in known)


def _item(thing: _Thing, of: _Work, sessions: dict[str, _Session]) -> WorkItem:
    largest = sessions[max(of.cost_by_session, key=lambda each: (of.cost_by_session[each], each))]
    item = WorkItem(
        **asdict(_measures(of)),
        project_id=thing.project_id,
        project_name=largest.project_name,
        timestamp=of.at,
        session_id=largest.session_id,
        session_title=largest.title,
    )
    for name, value in thing.fields:
        setattr(item, name, value)
    return item


def _measures(of: _Work) -> WorkMeasures:
    sums = of.sums
    is_priced = sums.api_calls > sums.unpriced_calls or sums.cost_nano_usd > 0
    return WorkMeasures(
        sessions=len(of.cost_by_session),
        turns=sums.turns,
        active_minutes=sums.active_us / 60e6,
        api_calls=sums.api_calls,
        unpriced_calls=sums.unpriced_calls,
        cost_usd=sums.cost_nano_usd / 1e9 if is_priced else None,
    )
