"""A live board: the open sessions, each with the state that the server tells, and the last things that happened.

The page Now has the same rules (dashboard/source/pages/now/live_board.ts); tests/live_board.json has the cases that both are held to.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from client.errors import BadAnswer
from shared.terms import terms

Item = dict[str, Any]
# (Milliseconds, number) of an entry of the feed. They are ordered as the feed is.
Position = tuple[int, int]

EVENTS_KEPT: Final = 200
ENDED: Final = "ended"
_POSITION: Final = re.compile(r"(\d{1,16})-(\d{1,9})(?:-\d{1,6})?", re.ASCII)


@dataclass(slots=True)
class OpenSession:
    """A session on the board. `state` is None until the server tells it.

    `tool`: the one that runs, or whose permission is waited for. `input`: what it was called with. `asks`: what its person is to decide.
    `error`: why the session failed.
    """

    session_id: str
    # The newest item that was told: of rows, the position that came with them.
    position: Position = (0, 0)
    state: str | None = None
    since: datetime | None = None
    tool: str | None = None
    input: str | None = None
    asks: str | None = None
    error: str | None = None
    started_at: datetime | None = None
    title: str | None = None
    project: str | None = None
    user: str | None = None
    machine: str | None = None
    prompt: str | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    # Those that it changed last, as the rows tell.
    files: list[dict[str, Any]] = field(default_factory=list)
    # Its subagents, as the server tells them with the state.
    agents: list[dict[str, Any]] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """For a permission or input, or after an error."""
        return self.state in terms().waits

    def is_in(self, state: str, since: str | None, tool: str | None, called_with: str | None, told: Item) -> None:
        """Takes what the server says. `told`: the row or the item, whose names of the rest are the same."""
        self.state, self.since, self.tool, self.input = state, _time(since), tool, called_with
        self.asks, self.error, self.agents = told.get("asks"), told.get("error"), told.get("agents") or []

    @property
    def agents_at_work(self) -> int:
        """How many of its subagents work, or wait for a permission."""
        return sum(agent["state"] in ("working", "permission") for agent in self.agents)


class Board:
    """Sessions by id, and the newest items. `machine_names` are known by their ids; another machine is shown by its id."""

    def __init__(self, machine_names: dict[str, str] | None = None) -> None:
        self._machine_names = machine_names or {}
        self._sessions: dict[str, OpenSession] = {}
        self._read_up_to: Position = (0, 0)
        self.events: deque[Item] = deque(maxlen=EVENTS_KEPT)

    @property
    def open_sessions(self) -> list[OpenSession]:
        """Those whose state is known, without those that have ended.

        The session that waits longest is first; the others do not change places, so they follow their starts.
        """
        return sorted((each for each in self._sessions.values() if each.state not in (None, ENDED)), key=_place)

    def read(self, rows: Iterable[Item], last_event_id: str) -> None:
        """Takes /api/live/sessions. The feed's items after its position are newer than its rows. BadAnswer for a value that is no position."""
        read_up_to = self._read_up_to = _position_of(last_event_id)
        by_id = {row["session_id"]: row for row in rows if row["session_id"] is not None}
        for session_id in [each.session_id for each in self._sessions.values() if each.position <= read_up_to]:
            if session_id not in by_id:
                del self._sessions[session_id]
        for session_id, row in by_id.items():
            session = self._sessions.setdefault(session_id, OpenSession(session_id, started_at=_time(row["start_time"] or row["since"])))
            session.title, session.project, session.user = row["title"], row["project_name"], row["user"]
            session.machine = self._machine_names.get(row["machine_id"], row["machine_id"])
            session.tokens, session.cost_usd, session.files = row["tokens"], row["cost_usd"], row["files"]
            if session.position <= read_up_to:
                session.position, session.prompt = read_up_to, row["last_prompt"]
                session.is_in(row["state"], row["since"], row["tool_name"], row["tool_input"], row)

    def take(self, event_id: str, item: Item) -> None:
        """Takes an item of the feed. One from before the rows were read is only something that happened. BadAnswer as in `read`."""
        position = _position_of(event_id)
        if item["kind"] != "state_changed":
            self.events.append(item)
        session_id = item.get("session_id")
        if session_id is None or position <= self._read_up_to:
            return
        session = self._sessions.setdefault(session_id, OpenSession(session_id, started_at=_time(item.get("timestamp"))))
        session.position = position
        session.title = item.get("title") or session.title
        session.project = item.get("project_name") or session.project
        session.user = item.get("user") or session.user
        if machine_id := item.get("machine_id"):
            session.machine = self._machine_names.get(machine_id, machine_id)
        if item["kind"] == "prompt" and item.get("agent_id") is None:
            session.prompt = item.get("content")
        if state := item.get("state"):
            session.is_in(state, item.get("since"), item.get("running_tool"), item.get("running_input"), item)


def _place(session: OpenSession) -> tuple[bool, bool, datetime, str]:
    at = (session.since if session.waits else None) or session.started_at
    return not session.waits, at is None, at or datetime.min.replace(tzinfo=UTC), session.session_id


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _position_of(text: str) -> Position:
    found = _POSITION.fullmatch(text)
    if found is None:
        raise BadAnswer("The server's live feed has a position that is none. Check --url or TRACKER_URL.")
    return int(found[1]), int(found[2])
