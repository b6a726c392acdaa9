"""What a live board shows: the open sessions, each with the state that the server tells, and the last things that happened."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Item = dict[str, Any]

# An ended session is shown for so long.
ENDED_SECONDS: Final = 60
EVENTS_KEPT: Final = 200
WORKING, PERMISSION, INPUT, ERROR, QUIET, ENDED = STATES = ("working", "permission", "input", "error", "quiet", "ended")


@dataclass(slots=True)
class OpenSession:
    """A session on the board. `tool`: the one that runs, or whose permission is waited for. `since`: how long it is in its state."""

    session_id: str
    state: str = QUIET
    since: datetime | None = None
    tool: str | None = None
    title: str | None = None
    project: str | None = None
    user: str | None = None
    machine: str | None = None
    prompt: str | None = None
    tokens: int | None = None
    cost_usd: float | None = None

    def is_in(self, state: str, since: str | None, tool: str | None) -> None:
        """Takes what the server says. A state of a newer server, or of one before it told states, is a wait."""
        self.state = state if state in STATES else INPUT
        self.since, self.tool = None if since is None else datetime.fromisoformat(since), tool


class Board:
    """Open sessions by id, and the newest items. `machine_names` are known by their ids; another machine is shown by its id."""

    def __init__(self, machine_names: dict[str, str] | None = None) -> None:
        self._machine_names = machine_names or {}
        self.sessions: dict[str, OpenSession] = {}
        self.events: deque[Item] = deque(maxlen=EVENTS_KEPT)

    def read(self, rows: Iterable[Item]) -> None:
        """Takes the open sessions of /api/live/sessions. One that has ended stays until it is forgotten."""
        known = self.sessions
        self.sessions = {session_id: session for session_id, session in known.items() if session.state == ENDED}
        for row in rows:
            session = self.sessions[row["session_id"]] = known.get(row["session_id"]) or OpenSession(row["session_id"])
            session.is_in(row["state"], row["since"], row["tool_name"])
            session.title, session.project, session.user = row["title"], row["project_name"], row["user"]
            session.machine = self._machine_names.get(row["machine_id"], row["machine_id"])
            session.prompt, session.tokens, session.cost_usd = row["last_prompt"], row["tokens"], row["cost_usd"]

    def take(self, item: Item) -> None:
        """Takes an item of the feed."""
        kind, session_id = item["kind"], item.get("session_id")
        if kind == "gap":
            return
        if kind != "state_changed":
            self.events.append(item)
        if session_id is None:
            return
        session = self.sessions.setdefault(session_id, OpenSession(session_id))
        session.title = item.get("title") or session.title
        session.project = item.get("project_name") or session.project
        session.user = item.get("user") or session.user
        if machine_id := item.get("machine_id"):
            session.machine = self._machine_names.get(machine_id, machine_id)
        if kind == "prompt" and item.get("agent_id") is None:
            session.prompt = item.get("content")
        if state := item.get("state"):
            session.is_in(state, item.get("since"), item.get("running_tool"))

    def forget_ended(self, now: datetime) -> None:
        """Drops sessions that ended a while ago."""
        earliest = now - timedelta(seconds=ENDED_SECONDS)
        ended = [
            each.session_id
            for each in self.sessions.values()
            if each.state == ENDED and (each.since or datetime.min.replace(tzinfo=UTC)) < earliest
        ]
        for session_id in ended:
            del self.sessions[session_id]
