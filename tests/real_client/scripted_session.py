"""A session as people have them: 50 tool calls with edits, failures and a subagent, then it is resumed. And one that is cleared, in a terminal."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from services.worker.resources import Resources
from tests.integration.worker.all_tables import all_tables, empty
from tests.integration.worker.capture.captured import import_files, put_range, read_all
from tests.integration.worker.capture.hook_session import EPOCH, put_hooks, without_better_knowledge
from tests.real_client.claude_code import ClaudeHome
from tests.real_client.messages_api import Turn, say, use, use_agent

AGENT_PROMPT = "Look around and tell what you see."
# The calls of the session that is resumed, with its subagent's and the one after the resume.
TOOL_CALLS = 50
# Those of them that fail.
FAILURES = 5

ORDERS = [("hooks", "transcripts"), ("transcripts", "hooks")]


@dataclass(frozen=True)
class Scripted:
    """The ids of the sessions that were made."""

    session_id: str
    cleared_id: str | None = None
    after_clear_id: str | None = None


def turns_of_work(home: ClaudeHome) -> tuple[list[Turn], dict[str, list[Turn]]]:
    """47 tool calls of the conversation and two of its subagent: (turns, the subagent's turns by its prompt)."""
    folder = home.project
    turns: list[Turn] = [[say("I look around first."), use("Bash", command="ls -la", description="List files")]]
    for number in range(8):
        path = str(folder / f"part{number}.py")
        lines = "".join(f"value_{line} = {line}\n" for line in range(number + 1))
        turns += [
            [say(f"Part {number}."), use("Write", file_path=path, content=lines)],
            [use("Read", file_path=path), use("Bash", command=f"wc -l {path}", description="Count lines")],
            [use("Edit", file_path=path, old_string="value_0 = 0", new_string=f"first = {number}\nsecond = 0")],
        ]
    turns.append([use("Bash", command=f"cat {folder}/missing{number}", description="Fail") for number in range(FAILURES)])
    turns.append([use("Bash", command=f"echo {number}", description="Say it") for number in range(7)])
    turns.append([use_agent("look around", AGENT_PROMPT)])
    turns.append([use("Bash", command=f"rm {folder}/part7.py", description="Remove a part")])
    turns.append([say("All parts are there.")])
    agent: list[Turn] = [
        [use("Bash", command="git log --oneline", description="History")],
        [use("Write", file_path=str(folder / "seen.txt"), content="a\nb\nc\n")],
        [say("I saw eight parts.")],
    ]
    return turns, {AGENT_PROMPT: agent}


def scripted_session(home: ClaudeHome, *, with_clear: bool = True) -> Scripted:
    """Runs all of it. `with_clear`: also the session in a terminal, which needs tmux."""
    turns, agents = turns_of_work(home)
    session_id = home.run("Write the parts of the shop.", turns, agents=agents).session_id
    home.run(
        "Once more.", [[say("Gladly."), use("Bash", command="echo again", description="Again")], [say("Again.")]], "--resume", session_id
    )
    return cleared_session(home, session_id) if with_clear else Scripted(session_id)


def cleared_session(home: ClaudeHome, session_id: str) -> Scripted:
    """A prompt, /clear, and another prompt in the new session."""
    known = {path.stem for path in home.transcripts()}
    # By their first prompt, since Claude Code also asks things of its own that would take the next turn.
    before: list[Turn] = [[say("I begin."), use("Bash", command="echo before", description="Before")], [say("Before is said.")]]
    after: list[Turn] = [[use("Bash", command="echo after", description="After")], [say("After is said.")]]
    home.api.script([], {"Say before.": before, "Say after.": after})
    with home.terminal() as terminal:
        terminal.type("Say before.")
        terminal.wait_for("Before is said")
        terminal.type("/clear")
        terminal.wait_for(r"(?s)/clear.*(no content|\n.*❯)")
        terminal.type("Say after.")
        terminal.wait_for("After is said")
        terminal.type("/exit")
        terminal.wait_for("ended")
    files = [path for path in home.transcripts() if path.stem not in known and "subagents" not in path.parts]
    cleared, after_clear = sorted(files, key=lambda path: path.stat().st_mtime)
    return Scripted(session_id, cleared.stem, after_clear.stem)


def bring(worker: Resources, home: ClaudeHome, what: str) -> None:
    """Stores what the home has of hooks or transcripts as the drain would, and reads it."""
    with worker.transaction() as connection:
        if what == "hooks":
            put_hooks(connection, home.recorded_hooks(), start=EPOCH)
        else:
            for path in home.transcripts():
                is_main = re.fullmatch(r"[0-9a-f-]{36}", path.stem) is not None
                session_id = path.stem if is_main else path.parent.parent.name
                put_range(connection, session_id, path.read_bytes(), file_name=None if is_main else f"subagents/{path.name}")
            # A range that was received before it happened would not be believed
            connection.execute("UPDATE transcript_ranges SET received_at = now()")
    read_all(worker)


def imported(worker: Resources, folder: Path, home: ClaudeHome) -> dict[str, Any]:
    """The tables of an import of the transcripts into an empty database."""
    import_files(worker, folder, *(path.read_bytes() for path in home.transcripts()))
    found = without_better_knowledge(all_tables(worker))
    empty(worker)
    return found


def sessions(worker: Resources) -> dict[str, dict[str, Any]]:
    """Sessions by id: project, reason of their end, whether they are open, and counts."""
    with worker.transaction() as connection:
        found = connection.cursor(row_factory=dict_row).execute(
            "SELECT s.*, p.path, ended_at >= last_event_at AS is_ended FROM sessions AS s JOIN projects AS p ON p.id = s.project_id"
        )
        return {row["session_id"]: row for row in found}
