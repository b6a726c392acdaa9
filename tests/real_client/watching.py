"""Somebody who asks what a session does by every way, and how long each way takes to say so."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from tests.faults.pace import stretched
from tests.flow.conftest import Stack
from tests.flow.connect.shippers import wait_for
from tests.real_client.claude_code import Tracker

# From what the screen shows to what every view says.
SECONDS = 2.0
# (state, tool, {agent's state: its tool})
Does = tuple[str, str | None, dict[str, str | None]]


def does_of(row: dict[str, Any], tool: str) -> Does:
    """The state in a row of an answer, or an item of the feed: of the session, and of its subagents that go on."""
    agents = {each["state"]: each["tool_name"] for each in row.get("agents") or [] if each["state"] not in ("done", "ended", "interrupted")}
    return row["state"], row.get(tool), agents


@dataclass
class Watcher:
    """`session_id` is known once `finds` has found it."""

    stack: Stack
    tracker: Tracker
    session_id: str = ""
    # The feed's items of each session, with the time at which they came.
    told: dict[str, list[tuple[float, dict[str, Any]]]] = field(default_factory=dict)
    is_over: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Reads the feed until `is_over`."""
        timeout = httpx.Timeout(30, read=600)
        with httpx.Client(base_url=self.stack.http.base_url, timeout=timeout) as client, client.stream("GET", "/api/live") as answer:
            for line in answer.iter_lines():
                if self.is_over.is_set():
                    return
                item = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if "state" in item:
                    self.told.setdefault(item["session_id"], []).append((time.time(), item))

    def finds(self, prompt: str) -> None:
        """The session with this prompt is the one that is meant."""
        [self.session_id] = wait_for(lambda: [row["session_id"] for row in self.rows() if row["last_prompt"] == prompt])

    def rows(self) -> list[dict[str, Any]]:
        """The list of open sessions."""
        items: list[dict[str, Any]] = self.stack.http.get("/api/live/sessions").json()["items"]
        return items

    def listed(self) -> Does | None:
        """As the list has it; None: it is not there."""
        return next((does_of(row, "tool_name") for row in self.rows() if row["session_id"] == self.session_id), None)

    def alone(self) -> tuple[str, dict[str, str | None]]:
        """As the session itself has it."""
        state, _, agents = does_of(self.stack.http.get(f"/api/sessions/{self.session_id}").json(), "tool_name")
        return state, agents

    def fed(self) -> Does | None:
        """As the feed told it last."""
        found = self.told.get(self.session_id)
        return does_of(found[-1][1], "running_tool") if found else None

    def printed(self) -> tuple[str, str]:
        """Its state and what it does, in `tracker top --once`, which shows the session by its title."""
        [row] = [row for row in self.rows() if row["session_id"] == self.session_id]
        shown = self.tracker("top", "--once", COLUMNS="200")
        # As much of it as its column has room for.
        called = (row["title"] or row["last_prompt"])[:23]
        [line] = [line for line in shown.stdout.splitlines() if called in line]
        return line.split()[0], line

    def sees(self, state: str, tool: str | None = None, agents: dict[str, str | None] | None = None, *, when: str) -> None:
        """Every view says so within SECONDS. Prints after how long each did."""
        expected = (state, tool, agents or {})
        views: dict[str, Callable[[], bool]] = {
            "list": lambda: self.listed() == expected,
            "feed": lambda: self.fed() == expected,
            "session": lambda: self.alone() == (state, agents or {}),
        }
        took: dict[str, float] = {}
        began = time.monotonic()
        while len(took) < len(views):
            for name, is_so in views.items():
                if name not in took and is_so():
                    took[name] = time.monotonic() - began
            said = f"{when}: {expected}, but the list {self.listed()}, the feed {self.fed()}, the session {self.alone()}"
            assert time.monotonic() - began <= stretched(SECONDS), said
            time.sleep(0.02)
        shown, line = self.printed()
        assert shown == state, (line, self.listed(), self.told[self.session_id][-3:])
        working = sum(each in ("working", "permission") for each in agents or {})
        assert ("agent" in line) == bool(working), line
        # They still say so: none of them had only come by.
        assert (self.listed(), self.fed(), self.alone()) == (expected, expected, (state, agents or {}))
        seconds = ", ".join(f"{name} {took[name]:.2f} s" for name in views)
        print(f"{when}: {state} {tool or ''} {agents or ''}: {seconds}, top agrees")
