"""The states of a session and its subagents while a person works at the terminal: list, feed, session and `tracker top` agree within two seconds.

Each with all hooks and with few. At a terminal 2.1.197 writes what it does into sessions/<pid>.json too; in `claude -p` it does not.
"""

import json
import os
import re
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2 as httpx
import psycopg
import pytest

from shared.sessions.session_state import QUIET_SECONDS
from tests.faults.pace import stretched
from tests.flow.conftest import Stack
from tests.flow.connect.shippers import shipper_of, wait_for
from tests.real_client.claude_code import ClaudeHome, Tracker
from tests.real_client.messages_api import Failure, say, say_slowly, use, use_agent
from tests.skips import needs

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


pytestmark = [needs("Claude Code"), needs("tmux"), needs("Linux")]
LONG = "word " * 120
CHANGES = 30


@pytest.fixture(params=["few", "all"])
def hooks(request: pytest.FixtureRequest) -> str:
    """Which hooks the client has."""
    return str(request.param)


@pytest.fixture
def watcher(stack: Stack, claude_home: ClaudeHome, tracker: Tracker, hooks: str) -> Iterator[Watcher]:
    """Somebody who watches a machine that is connected."""
    assert tracker("connect", "--yes", "--hooks", hooks).returncode == 0
    watching = Watcher(stack, tracker)
    listener = threading.Thread(target=watching.listen, daemon=True)
    listener.start()
    yield watching
    watching.is_over.set()


def waits_for(name: str) -> str:
    """A command that runs until a file is there."""
    return f"until [ -e {name} ]; do sleep 0.1; done; echo {name}"


def test_esc_in_an_answer(claude_home: ClaudeHome, watcher: Watcher) -> None:
    claude_home.api.script([[say_slowly(LONG, 60)], [say("There is nothing to do.")]])
    with claude_home.terminal() as terminal:
        terminal.type("Tell me a story.")
        watcher.finds("Tell me a story.")
        terminal.wait_for("word word")
        watcher.sees("working", when="an answer comes")

        terminal.press("Escape")
        terminal.wait_for("(?i)interrupted")
        watcher.sees("interrupted", when="Esc in an answer")

        terminal.type("What now?")
        terminal.wait_for("There is nothing to do")
        watcher.sees("input", when="the next turn is over")


def test_a_permission_that_is_asked_and_granted(claude_home: ClaudeHome, watcher: Watcher) -> None:
    claude_home.allow_also("Read")
    claude_home.api.script([[use("Bash", command=f"touch asked; {waits_for('granted')}", description="Wait")], [say("It was granted.")]])
    with claude_home.terminal() as terminal:
        terminal.type("Wait for it.")
        watcher.finds("Wait for it.")
        terminal.wait_for("Do you want to proceed")
        watcher.sees("permission", "Bash", when="a permission is asked")

        terminal.press("Enter")
        terminal.wait_for("(?i)esc to interrupt")
        watcher.sees("working", "Bash", when="a permission was granted")

        (claude_home.project / "granted").touch()
        terminal.wait_for("It was granted")
        watcher.sees("input", when="the turn is over")


def test_a_subagent_that_the_session_waits_for(claude_home: ClaudeHome, watcher: Watcher) -> None:
    """without a terminal, at which newer versions let every subagent work in the background"""
    claude_home.allow_also("Bash", "Agent")
    looks = [[use("Bash", command=waits_for("found"), description="Look")], [say("It is there.")]]
    turns = [
        [use_agent("Look around", "Look for it.")],
        [use("Bash", command=waits_for("over"), description="Wait")],
        [say("It was found.")],
    ]
    with claude_home.started("Have it looked for.", turns, agents={"Look for it.": looks}) as process:
        watcher.finds("Have it looked for.")
        wait_for(lambda: has_called(claude_home, "subagents", "Bash"))
        watcher.sees("working", "Bash", {"working": "Bash"}, when="a subagent works")

        (claude_home.project / "found").touch()
        wait_for(lambda: has_called(claude_home, "", "Bash"))
        watcher.sees("working", "Bash", when="it is done, and the session goes on")
        (claude_home.project / "over").touch()
        process.wait()
    wait_for(lambda: watcher.listed() is None)


def test_esc_while_a_subagent_works(claude_home: ClaudeHome, watcher: Watcher) -> None:
    claude_home.allow_also("Bash", "Agent")
    looks = [[use("Bash", command=waits_for("found"), description="Look")], [say("It is there.")]]
    claude_home.api.script([[use_agent("Look around", "Look for it.")], [say("Never said.")]], agents={"Look for it.": looks})
    with claude_home.terminal() as terminal:
        terminal.type("Have it looked for.")
        watcher.finds("Have it looked for.")
        wait_for(lambda: has_called(claude_home, "subagents", "Bash"))
        if "async_launched" in "".join(path.read_text() for path in claude_home.transcripts()):
            # This version lets every subagent of a terminal work in the background: Esc does not reach it
            terminal.wait_for("Never said")
            terminal.press("Escape")
            watcher.sees("input", None, {"working": "Bash"}, when="Esc while a subagent works in the background")
            return
        watcher.sees("working", "Bash", {"working": "Bash"}, when="a subagent works")

        terminal.press("Escape")
        terminal.wait_for("(?i)interrupted")
        watcher.sees("interrupted", when="Esc while a subagent works")


def test_a_subagent_in_the_background(claude_home: ClaudeHome, watcher: Watcher) -> None:
    claude_home.allow_also("Bash", "Agent")
    looks = [[use("Bash", command=waits_for("found"), description="Look")], [say("It is there.")]]
    turns = [[use_agent("Look around", "Look for it.", in_background=True)], [say("It is looked for.")], [say("It was found.")]]
    claude_home.api.script(turns, agents={"Look for it.": looks})
    with claude_home.terminal() as terminal:
        terminal.type("Have it looked for.")
        watcher.finds("Have it looked for.")
        terminal.wait_for("It is looked for")
        wait_for(lambda: has_called(claude_home, "subagents", "Bash"))
        watcher.sees("input", None, {"working": "Bash"}, when="a subagent works in the background")

        (claude_home.project / "found").touch()
        terminal.wait_for("It was found")
        watcher.sees("input", when="it is done, and the session has told of it")


def test_a_client_that_dies_while_a_subagent_works_in_the_background(claude_home: ClaudeHome, watcher: Watcher) -> None:
    claude_home.allow_also("Bash", "Agent")
    looks = [[use("Bash", command=waits_for("found"), description="Look")]]
    claude_home.api.script(
        [[use_agent("Look around", "Look for it.", in_background=True)], [say("It is looked for.")]], agents={"Look for it.": looks}
    )
    with claude_home.terminal() as terminal:
        terminal.type("Have it looked for.")
        watcher.finds("Have it looked for.")
        terminal.wait_for("It is looked for")
        wait_for(lambda: has_called(claude_home, "subagents", "Bash"))
        watcher.sees("input", None, {"working": "Bash"}, when="a subagent works in the background")

        began = time.monotonic()
        os.kill(client_of(claude_home), signal.SIGKILL)
        # Its command would go on without it.
        (claude_home.project / "found").touch()
        wait_for(lambda: watcher.listed() is None)
        took = time.monotonic() - began
        assert took <= stretched(2.0)
        assert watcher.alone() == ("ended", {})
        wait_for(lambda: (watcher.fed() or ("",))[0] == "ended")
        assert watcher.fed() == ("ended", None, {})
        print(f"kill -9 while a subagent works in the background: ended, no subagent works: list {took:.2f} s")


def test_an_api_that_is_overloaded(claude_home: ClaudeHome, watcher: Watcher) -> None:
    claude_home.environment["CLAUDE_CODE_MAX_RETRIES"] = "2"
    claude_home.api.script([*[Failure(529)] * 3, [say("It answers again.")]])
    # Each try takes long enough to be looked at.
    claude_home.api.delay = 6.0
    with claude_home.terminal() as terminal:
        terminal.type("Are you there?")
        watcher.finds("Are you there?")
        wait_for(lambda: claude_home.api.answers >= 2)
        watcher.sees("working", when="a 529 is tried again")

        wait_for(lambda: claude_home.api.answers >= 3)
        terminal.wait_for("API Error")
        claude_home.api.delay = 0.0
        watcher.sees("error", when="the turn has failed")

        terminal.type("And now?")
        terminal.wait_for("It answers again")
        watcher.sees("input", when="it has recovered")


def test_a_laptop_that_sleeps(claude_home: ClaudeHome, watcher: Watcher) -> None:
    claude_home.allow_also("Bash")
    claude_home.api.script([[use("Bash", command=waits_for("morning"), description="Sleep")], [say("Good morning.")]])
    with claude_home.terminal() as terminal:
        terminal.type("Sleep well.")
        watcher.finds("Sleep well.")
        terminal.wait_for("(?i)esc to interrupt")
        watcher.sees("working", "Bash", when="before it sleeps")
        asleep = [client_of(claude_home), shipper_of(claude_home.capture) or 0]
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        try:
            # Then nobody can know what is so, and all views say what was
            (claude_home.project / "morning").touch()
            watcher.sees("working", "Bash", when="while it sleeps")
            # And after ten minutes, that nothing was heard; the feed tells of no passing of time
            with psycopg.connect(watcher.stack.database_url) as connection:
                for table in ("session_signs", "session_processes"):
                    passed = f"UPDATE {table} SET heard_at = heard_at - make_interval(secs => %s) WHERE session_id = %s"
                    connection.execute(passed.encode(), [QUIET_SECONDS, watcher.session_id])
            assert (watcher.listed(), watcher.alone()) == (("quiet", "Bash", {}), ("quiet", {}))
            assert watcher.printed()[0] == "quiet"
        finally:
            for pid in reversed(asleep):
                os.kill(pid, signal.SIGCONT)
        terminal.wait_for("Good morning")
        watcher.sees("input", when="after it woke")


@pytest.mark.parametrize("hooks", ["few"], indirect=True)
def test_a_change_of_the_file_of_a_process_is_in_the_row_and_the_feed(claude_home: ClaudeHome, watcher: Watcher) -> None:
    """measured from what the file says of when, over a few turns"""
    claude_home.api.delay = 1.5
    claude_home.api.script([[say(f"Answer {number}.")] for number in range(CHANGES)])
    seen: dict[str, dict[str, float]] = {"row": {}, "feed": {}}
    is_over = threading.Event()

    def look() -> None:
        with psycopg.connect(watcher.stack.database_url, autocommit=True) as connection:
            while not is_over.is_set():
                since = (
                    "SELECT extract(epoch FROM does_since) FROM session_processes WHERE session_id = %s AND is_alive AND does IS NOT NULL"
                )
                for (at,) in connection.execute(since, [watcher.session_id]).fetchall():
                    seen["row"].setdefault(f"{at:.3f}", time.time())
                time.sleep(0.01)

    with claude_home.terminal() as terminal:
        terminal.type("Question.")
        watcher.finds("Question.")
        looker = threading.Thread(target=look)
        looker.start()
        try:
            for number in range(CHANGES // 2):
                terminal.wait_for(rf"Answer {number}\.")
                wait_for(lambda: (watcher.fed() or ("",))[0] == "input")
                if number + 1 < CHANGES // 2:
                    terminal.type(f"Question {number + 1}.")
        finally:
            is_over.set()
            looker.join()
    by_file = [(at, item) for at, item in watcher.told[watcher.session_id] if item["state_source"] == "client_file" and "since" in item]
    for at, item in by_file:
        seen["feed"].setdefault(f"{_seconds(item['since']):.3f}", at)
    assert len(seen["row"]) >= CHANGES // 2
    for name, found in seen.items():
        lags = sorted(at - float(since) for since, at in found.items())
        p99 = statistics.quantiles(lags, n=100, method="inclusive")[98]
        print(
            f"{len(lags)} changes of the file, to the {name}: p50 {statistics.median(lags):.2f} s, p99 {p99:.2f} s, most {lags[-1]:.2f} s"
        )
        assert p99 <= stretched(2.0)


def has_called(home: ClaudeHome, folder: str, tool: str) -> bool:
    """Whether a transcript in such a folder, or the session's own, has a call of the tool."""
    own = [path for path in home.transcripts() if (folder in path.parts if folder else "subagents" not in path.parts)]
    return any(re.search(rf'"name": ?"{tool}"', path.read_text()) for path in own)


def client_of(home: ClaudeHome) -> int:
    """The process of the only client."""
    [file] = (home.path / ".claude/sessions").glob("*.json")
    return int(file.stem)


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
