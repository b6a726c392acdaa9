"""What a live board knows: the open sessions, each with its state, and the last things that happened. Items of the feed in, no other effect."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Item = dict[str, Any]

# An ended session is shown for so long.
ENDED_SECONDS: Final = 60
EVENTS_KEPT: Final = 200
WORKING, PERMISSION, INPUT, ERROR, ENDED = "working", "permission", "input", "error", "ended"
_WORK: Final = frozenset({"prompt", "tool_started", "tool_finished", "file_changed"})


@dataclass(slots=True)
class OpenSession:
    """A session on the board. `tools` are the running calls by their ids: (name, since)."""

    session_id: str
    state: str = WORKING
    title: str | None = None
    project: str | None = None
    user: str | None = None
    machine: str | None = None
    prompt: str | None = None
    tools: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    since: datetime | None = None
    # When a hook last said that it waits. What happened before it, and is told later, does not end the wait.
    waits_since: datetime | None = None
    tokens: int | None = None
    cost_usd: float | None = None

    @property
    def tool(self) -> tuple[str, datetime] | None:
        """The call that began last."""
        return max(self.tools.values(), key=lambda each: each[1], default=None)


class Board:
    """Open sessions by id, and the newest items. `machine_names` are known by their ids; another machine is shown by its id."""

    def __init__(self, machine_names: dict[str, str] | None = None) -> None:
        self._machine_names = machine_names or {}
        self.sessions: dict[str, OpenSession] = {}
        self.events: deque[Item] = deque(maxlen=EVENTS_KEPT)

    def read(self, rows: Iterable[Item]) -> None:
        """Takes the open sessions of /api/live/sessions. What only the feed says of a known session stays."""
        listed = {row["session_id"]: row for row in rows}
        for session_id in [each for each, session in self.sessions.items() if each not in listed and session.state != ENDED]:
            del self.sessions[session_id]
        for session_id, row in listed.items():
            session = self.sessions.get(session_id)
            if session is None:
                session = self.sessions[session_id] = OpenSession(session_id, WORKING if row["state"] == "working" else INPUT)
                session.since = _time(row["since"])
                session.prompt = row["last_prompt"]
                if row["tool_name"]:
                    session.tools["listed"] = row["tool_name"], session.since or datetime.now(UTC)
            session.title, session.project, session.user = row["title"], row["project_name"], row["user"]
            session.machine = self._machine_names.get(row["machine_id"], row["machine_id"])
            session.tokens, session.cost_usd = row["tokens"], row["cost_usd"]

    def take(self, item: Item) -> None:
        """Takes an item of the feed."""
        kind, session_id = item["kind"], item.get("session_id")
        if kind == "gap":
            return
        self.events.append(item)
        if session_id is None:
            return
        session = self.sessions.get(session_id)
        if session is None:
            session = self.sessions[session_id] = OpenSession(session_id)
        session.title = item.get("title") or session.title
        session.project = item.get("project_name") or session.project
        session.user = item.get("user") or session.user
        if machine_id := item.get("machine_id"):
            session.machine = self._machine_names.get(machine_id, machine_id)
        at = _time(item.get("timestamp")) or datetime.now(UTC)
        match kind:
            case "session_ended":
                session.state, session.tools, session.since = ENDED, {}, at
            case "waiting":
                # A newer server may know other reasons.
                reason = item.get("reason")
                session.state = reason if reason in (PERMISSION, ERROR) else INPUT
                session.since = session.waits_since = at
                if session.state == INPUT:
                    session.tools = {}
            case "session_started" | "session_reopened":
                session.state, session.since = INPUT, at
            case _:
                self._work(session, kind, item, at)

    def _work(self, session: OpenSession, kind: str, item: Item, at: datetime) -> None:
        is_agents = item.get("agent_id") is not None
        if kind == "prompt" and not is_agents:
            session.prompt, session.tools = item.get("content"), {}
        elif kind == "tool_started":
            session.tools[item.get("id") or ""] = item.get("tool_name") or "", at
        elif kind == "tool_finished":
            session.tools.pop(item.get("id") or "", None)
            session.tools.pop("listed", None)
        ended_at = at + timedelta(milliseconds=item.get("execution_time_ms") or 0)
        if kind in _WORK and (session.waits_since is None or ended_at > session.waits_since):
            session.state, session.since = WORKING, at
            if kind == "tool_finished" and item.get("result_status") == "rejected" and not is_agents:
                # The person said no, or interrupted: the turn is over, and no hook tells it.
                session.state, session.since = INPUT, ended_at

    def forget_ended(self, now: datetime) -> None:
        """Drops sessions that ended a while ago."""
        for session_id, session in list(self.sessions.items()):
            if session.state == ENDED and session.since is not None and now - session.since > timedelta(seconds=ENDED_SECONDS):
                del self.sessions[session_id]


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
