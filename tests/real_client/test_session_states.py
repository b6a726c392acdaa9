"""The state of a session, while the real client works: the list of open sessions, `tracker top` and the live feed say the same."""

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

import httpx2 as httpx
import pytest

from client.connect.settings.hook_events import HOOK_SETS, HookSet
from tests.faults.pace import stretched
from tests.flow.conftest import Stack
from tests.flow.connect.shippers import wait_for
from tests.real_client.claude_code import ClaudeHome, Tracker, prompts
from tests.real_client.messages_api import say, use
from tests.skips import needs

pytestmark = [needs("Claude Code"), needs("tmux")]
# From a line of a transcript to the state that it tells.
SECONDS = 5.0
SLOW = [say("It takes long."), use("Bash", command="echo begun; sleep 60", description="Slow")]


@dataclass
class Watcher:
    """Somebody who asks what a session does, by every way."""

    stack: Stack
    tracker: Tracker
    position: str = ""
    session_id: str = ""

    def begin(self) -> None:
        """From now on."""
        self.position = self.stack.http.get("/api/live/sessions").json()["last_event_id"]

    def finds(self, prompt: str) -> None:
        """The session with this prompt is the one that is meant."""
        [self.session_id] = wait_for(
            lambda: [row["session_id"] for row in self.stack.http.get("/api/live/sessions").json()["items"] if row["last_prompt"] == prompt]
        )

    def sees(self, state: str, tool: str | None = None) -> None:
        """The list has this state within seconds, and `tracker top` and the feed say the same. AssertionError otherwise."""
        began = time.monotonic()
        wait_for(lambda: self.listed() == (state, tool))
        assert time.monotonic() - began <= stretched(SECONDS)
        assert self.told() == (state, tool)
        assert self.printed() == state

    def listed(self) -> tuple[str, str | None] | None:
        rows = {row["session_id"]: row for row in self.stack.http.get("/api/live/sessions").json()["items"]}
        row = rows.get(self.session_id)
        return None if row is None else (row["state"], row["tool_name"])

    def printed(self) -> str:
        """In `tracker top --once`, which shows the session by its title."""
        [row] = [row for row in self.stack.http.get("/api/live/sessions").json()["items"] if row["session_id"] == self.session_id]
        shown = self.tracker("top", "--once", COLUMNS="200")
        # As much of it as its column has room for.
        called = (row["title"] or row["last_prompt"])[:23]
        [line] = [line for line in shown.stdout.splitlines() if called in line]
        return line.split()[0]

    def told(self) -> tuple[str, str | None]:
        """The last state in the feed."""
        found: list[tuple[str, str | None]] = []
        filters = {"session_id": self.session_id, "last_event_id": self.position}
        timeout = httpx.Timeout(30, read=2)
        with suppress(httpx.ReadTimeout), self.stack.http.stream("GET", "/api/live", params=filters, timeout=timeout) as answer:
            for line in answer.iter_lines():
                item = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if "state" in item:
                    found.append((item["state"], item.get("running_tool")))
        return found[-1]


@pytest.fixture
def watcher(stack: Stack, tracker: Tracker) -> Watcher:
    return Watcher(stack, tracker)


@pytest.mark.parametrize("hooks", HOOK_SETS)
def test_what_a_person_does_at_the_terminal_shows_at_once(
    claude_home: ClaudeHome,
    tracker: Tracker,
    watcher: Watcher,
    hooks: HookSet,
) -> None:
    # Given a person at a machine that is connected
    claude_home.allow("Bash(echo:*)", "Bash(sleep:*)")
    assert tracker("connect", "--yes", "--hooks", hooks).returncode == 0
    asking = [use("Bash", command="touch forbidden", description="Ask")]
    claude_home.api.script([SLOW, asking, [say("There is nothing to do.")], [say("<summary>Nothing was done.</summary>")]])
    watcher.begin()
    with claude_home.terminal() as terminal:
        # When a tool runs, it works
        terminal.type("Take your time.")
        watcher.finds("Take your time.")
        watcher.sees("working", "Bash")

        # And when the person presses Esc, it is interrupted
        terminal.wait_for("(?i)esc to interrupt")
        terminal.press("Escape")
        terminal.wait_for("(?i)interrupted")
        watcher.sees("interrupted")

        # When Claude Code asks, it waits for a permission; its hook comes six seconds later
        terminal.type("Touch it.")
        terminal.wait_for("Do you want to proceed")
        wait_for(lambda: watcher.listed() == ("permission", "Bash"))
        watcher.sees("permission", "Bash")

        # And when the person says no, it is interrupted
        terminal.say_no()
        terminal.wait_for("(?s)Interrupted.*Interrupted")
        watcher.sees("interrupted")

        # When the conversation is compacted, nothing of ours is in the chat, and it waits as before
        terminal.type("What now?")
        terminal.wait_for("There is nothing to do")
        watcher.sees("input")
        terminal.type("/compact")
        screen = terminal.wait_for("Compacted")
        assert "hook" not in screen.partition("/compact")[2].replace("/hooks", "")
        watcher.sees("input")

        # When the person leaves, it has ended
        terminal.type("/exit")
        terminal.wait_for("ended")
    wait_for(lambda: watcher.listed() is None)
    assert watcher.told() == ("ended", None)
    # And the rows have each thing once
    assert prompts(watcher.stack, watcher.session_id) == ["What now?", "Touch it.", "Take your time."]


@pytest.mark.parametrize("hooks", HOOK_SETS)
def test_a_client_that_is_killed_ends_and_goes_on_when_it_is_resumed_or_forked(
    claude_home: ClaudeHome,
    tracker: Tracker,
    watcher: Watcher,
    hooks: HookSet,
) -> None:
    assert tracker("connect", "--yes", "--hooks", hooks).returncode == 0
    watcher.begin()

    # Given a client that is killed in a call
    with claude_home.started("Take your time now.", [SLOW]) as process:
        watcher.finds("Take your time now.")
        watcher.sees("working", "Bash")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    # Then its process is seen to be gone, and the session has ended. Also 2.1.197 writes down its process, though no state of it.
    wait_for(lambda: watcher.listed() is None)
    assert watcher.told() == ("ended", None)

    # When it is resumed, it is one session, which ends
    resumed = claude_home.run("Go on.", [[use("Bash", command="echo on", description="On")], [say("On.")]], "--resume", watcher.session_id)
    assert resumed.session_id == watcher.session_id
    wait_for(lambda: watcher.listed() is None)
    assert watcher.told() == ("ended", None)

    # When it is forked, the fork is a session of its own. A copied row counts once, in its origin.
    fork = claude_home.run("Another way.", [[say("Another.")]], "--resume", watcher.session_id, "--fork-session")
    assert fork.session_id != watcher.session_id
    wait_for(lambda: "Another way." in prompts(watcher.stack, fork.session_id))
    assert prompts(watcher.stack, fork.session_id) == ["Another way."]
    assert set(prompts(watcher.stack, watcher.session_id)) == {"Go on.", "Take your time now."}
