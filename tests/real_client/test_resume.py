"""Sessions go on where they were not begun, and come back after Claude Code has deleted them: `tracker resume` and `tracker restore`."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from client.resume.place_file import Comparison, State, compare
from tests.flow.conftest import TRACKER, Stack
from tests.flow.connect.shippers import stop_shipper, wait_for
from tests.real_client.claude_code import ClaudeHome, Terminal, Tracker, tracker_environment, tracker_of
from tests.real_client.messages_api import messages_api, say, use, use_agent
from tests.skips import needs

pytestmark = [needs("Claude Code")]
# Claude Code sweeps in the background of a session that lasts five seconds or more.
LONG_TURNS = [[use("Bash", command="sleep 9", description="Wait")], [say("Waited.")]]
SECRET = "AKIA" + "Q3EGRI7NVKZ2XJ5A"


@dataclass
class Machine(ClaudeHome):
    """A person's home on a machine, where the repository is at a given path."""

    repository: Path = Path()

    @property
    def project(self) -> Path:
        return self.repository

    def sessions(self) -> dict[str, Path]:
        """Its transcripts, those of subagents too, by their path below the project's folder."""
        root = self.path / ".claude/projects"
        return {path.relative_to(root).as_posix().partition("/")[2]: path for path in self.transcripts()}

    def age(self, days: int) -> None:
        """Nothing of Claude Code's was changed for so many days, and it has never swept."""
        long_ago = time.time() - days * 86_400
        for path in (self.path / ".claude/projects").rglob("*"):
            os.utime(path, (long_ago, long_ago))
        (self.path / ".claude/.last-cleanup").unlink(missing_ok=True)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    """Two, with the same repository at the same path."""
    with messages_api() as api:
        found = tuple(Machine(tmp_path / name, api, repository=tmp_path / "repositories/shop") for name in ("laptop", "desk"))
        for machine in found:
            machine.prepare()
        yield found[0], found[1]
        for machine in found:
            stop_shipper(machine.capture)


def connected(machine: Machine, stack: Stack) -> Tracker:
    tracker = tracker_of(machine, stack)
    assert (done := tracker("connect", "--yes")).returncode == 0, done.stderr
    return tracker


def messages(stack: Stack, session_id: str) -> list[str]:
    """The texts of a session, oldest first; a message that only calls tools has none."""
    items = stack.http.get("/api/conversations", params={"session_id": session_id, "limit": 1000}).json()["items"]
    return [item["content"] for item in reversed(items) if item["content"]]


def stored(stack: Stack, session_id: str) -> dict[str, int]:
    """The files of a session in the archive, with the bytes of the newest version."""
    answer = stack.http.get(f"/api/sessions/{session_id}/transcript/files")
    return {item["file"]: item["bytes"] for item in answer.json().get("items", []) if item["is_newest"]}


def archived(stack: Stack, session_id: str, file: str) -> bytes:
    content: bytes = stack.http.get(f"/api/sessions/{session_id}/transcript", params={"file": file}).content
    return content


def is_archived(stack: Stack, machine: Machine, session_id: str) -> bool:
    """Whether each file of the session has every line that it has on the machine. A subagent's file comes when it comes."""
    return all(
        archived(stack, session_id, name.removeprefix(f"{session_id}/")).count(b"\n") == path.read_bytes().count(b"\n")
        for name, path in machine.sessions().items()
        if name.startswith(session_id)
    )


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_session_goes_on_on_another_machine_and_stays_one_session(machines: tuple[Machine, Machine], stack: Stack) -> None:
    laptop, desk = machines
    on_laptop, on_desk = connected(laptop, stack), connected(desk, stack)

    # Given a session of the laptop, with a subagent
    begun = laptop.run(
        "Remember 41",
        [[use_agent("Look", "look around")], [say("I remember 41.")]],
        agents={"look around": [[say("Nothing there.")]]},
    )
    session_id = begun.session_id
    wait_for(lambda: len(messages(stack, session_id)) == 3)
    wait_for(lambda: is_archived(stack, laptop, session_id))

    # When it is resumed at the desk, and continued there
    resumed = on_desk("resume", session_id[:13], "--no-start")
    assert (resumed.returncode, resumed.stdout) == (0, f"cd {laptop.project} && claude --resume {session_id}\n"), resumed.stderr
    assert {name: path.read_bytes() for name, path in desk.sessions().items()} == {
        name: path.read_bytes() for name, path in laptop.sessions().items()
    }
    assert desk.run("And now?", [[say("It is 41.")]], "--resume", session_id).session_id == session_id
    [added] = [
        record for record in records(desk.sessions()[f"{session_id}.jsonl"]) if record.get("message", {}).get("content") == "And now?"
    ]
    assert added["parentUuid"] in {record.get("uuid") for record in records(laptop.sessions()[f"{session_id}.jsonl"])}

    # Then it is one session, and everything was said once
    said = ["Remember 41", "Nothing there.", "I remember 41.", "And now?", "It is 41."]
    wait_for(lambda: sorted(messages(stack, session_id)) == sorted(said))
    shown = stack.http.get(f"/api/sessions/{session_id}").json()
    assert (len(shown["machines"]), shown["tool_calls_count"], shown["api_calls"]) == (2, 1, 4)

    # And back on the laptop it has what was done at the desk
    wait_for(lambda: is_archived(stack, desk, session_id))
    back = on_laptop("resume", session_id, "--no-start")
    assert "brought up to date" in back.stderr
    assert laptop.run("Still?", [[say("Still 41.")]], "--resume", session_id).session_id == session_id
    wait_for(lambda: sorted(messages(stack, session_id)) == sorted([*said, "Still?", "Still 41."]))
    for tracker in (on_laptop, on_desk):
        assert tracker("import", "--quiet").returncode == 0
    assert sorted(messages(stack, session_id)) == sorted([*said, "Still?", "Still 41."])
    assert stack.http.get(f"/api/sessions/{session_id}").json()["api_calls"] == 5


@needs("tmux")
def test_resume_starts_claude_code_where_the_session_was(machines: tuple[Machine, Machine], stack: Stack) -> None:
    laptop, desk = machines
    connected(laptop, stack)
    session_id = laptop.run("Remember 43", [[say("I remember 43.")]]).session_id
    wait_for(lambda: messages(stack, session_id)[-1:] == ["I remember 43."] and is_archived(stack, laptop, session_id))

    # When it is resumed from another folder of another machine
    desk.api.script([[say("It is 43.")]])
    terminal = Terminal(f"tracker-test-{session_id}", tracker_environment(desk, stack) | {"TERM": "xterm-256color"})
    terminal.start([*TRACKER, "resume", session_id], desk.path)

    # Then the person sees the session, and goes on
    try:
        terminal.wait_for("I remember 43.")
        terminal.type("And now?")
        terminal.wait_for("It is 43.")
    finally:
        terminal.end()
    # Records of Claude Code's own, such as snapshots of files, name no session and may come last.
    assert {record["sessionId"] for record in records(desk.sessions()[f"{session_id}.jsonl"]) if "sessionId" in record} == {session_id}


def test_transcripts_that_claude_code_deleted_are_here_restored_and_resumed(machines: tuple[Machine, Machine], stack: Stack) -> None:
    laptop, _ = machines
    tracker = connected(laptop, stack)

    # Given an old session with a subagent and a secret
    begun = laptop.run(
        f"The key is {SECRET}",
        [[use_agent("Look", "look around")], [say("I have seen it.")]],
        agents={"look around": [[say("Nothing there.")]]},
    )
    session_id = begun.session_id
    wait_for(lambda: len(messages(stack, session_id)) == 3)
    wait_for(lambda: is_archived(stack, laptop, session_id))
    said = messages(stack, session_id)
    original = {name: path.read_bytes() for name, path in laptop.sessions().items()}

    # When Claude Code's own sweep deletes it
    settings = json.loads(laptop.settings_file.read_text())
    laptop.settings_file.write_text(json.dumps(settings | {"cleanupPeriodDays": 1}))
    laptop.age(days=40)
    laptop.run("Another one", LONG_TURNS)
    assert not any(session_id in name for name in laptop.sessions())

    # Then the tracker has it, byte for byte but for its secrets
    for name, content in original.items():
        kept = archived(stack, session_id, name.removeprefix(f"{session_id}/"))
        (laptop.path / "kept").write_bytes(kept)
        (laptop.path / "original").write_bytes(content)
        assert compare(laptop.path / "original", laptop.path / "kept") == Comparison(State.SAME, content.count(b"\n"))
        pairs = list(zip(content.splitlines(), kept.splitlines(), strict=True))
        assert all(ours == theirs for ours, theirs in pairs if SECRET.encode() not in ours)
        assert SECRET.encode() not in kept
    assert sum(SECRET.encode() in content for content in original.values()) > 0

    # And it is restored, outlives the next sweep, and goes on
    restored = tracker("restore", "--project", str(laptop.project), "--json")
    assert restored.returncode == 0, restored.stderr
    outcomes = {each["session_id"]: each["outcome"] for each in json.loads(restored.stdout)["sessions"]}
    assert outcomes[session_id] == "written"
    assert set(original) <= set(laptop.sessions())
    (laptop.path / ".claude/.last-cleanup").unlink()
    laptop.run("A third one", LONG_TURNS)
    assert set(original) <= set(laptop.sessions())
    assert laptop.run("Go on", [[say("Gladly.")]], "--resume", session_id).session_id == session_id
    wait_for(lambda: sorted(messages(stack, session_id)) == sorted([*said, "Go on", "Gladly."]))
