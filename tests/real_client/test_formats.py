"""Everything that the real client writes is read, or left out by name; and its own account of its calls and answers is in the rows."""

import json
from pathlib import Path

from services.worker.resources import Resources
from tests.integration.worker.capture.captured import import_files
from tests.real_client.claude_code import ClaudeHome
from tests.real_client.formats import census_of, events_of_program, run_sessions, version_of
from tests.real_client.messages_api import say, think, use
from tests.skips import CLAUDE, needs

pytestmark = [needs("Claude Code")]
# The first version that is known to say it.
SAYS_DECISIONS = (2, 1, 332)


def test_nothing_that_this_version_writes_is_unknown(claude_home: ClaudeHome) -> None:
    program = Path(str(CLAUDE)).resolve()
    # With a hook for every event, 2.1.197 shows no answer in a terminal.
    run_sessions(claude_home, in_terminal=version_of(claude_home, program) >= SAYS_DECISIONS)

    census = census_of(claude_home, program)

    assert census.new == [], f"new in {census.version}: read them, or leave them out in known_formats.py; then make formats"
    # And it is a census: the sessions had all this
    assert {
        ("record", "assistant"),
        ("system", "compact_boundary"),
        ("field", "usage.input_tokens"),
        ("hook", "PostToolBatch"),
    } <= census.names.keys()


def test_the_program_names_the_events_of_its_hooks(claude_home: ClaudeHome) -> None:
    assert {"PreToolUse", "SessionEnd", "MessageDisplay"} <= events_of_program(Path(str(CLAUDE)).resolve())


def test_refusals_without_a_person_are_told_as_those_of_settings_and_hooks(
    claude_home: ClaudeHome, worker: Resources, tmp_path: Path
) -> None:
    # Given a rule that denies, a call that no rule allows, and a hook that denies, all without a person
    blocking = {"PreToolUse": [{"matcher": "Read", "hooks": [{"type": "command", "command": "echo not this >&2; exit 2"}]}]}
    permissions = {"allow": ["Read"], "deny": ["Bash(curl:*)"], "defaultMode": "default"}
    claude_home.settings_file.write_text(json.dumps({"permissions": permissions, "hooks": blocking}))
    turns = [
        [use("Bash", command="curl http://127.0.0.1/shop", description="Ask")],
        [use("Write", file_path=str(claude_home.project / "shop.py"), content="a")],
        [use("Read", file_path=str(claude_home.project / "part.py"))],
        [say("Done.")],
    ]
    claude_home.run("Try.", turns)

    import_files(worker, tmp_path, *(path.read_bytes() for path in claude_home.transcripts()))

    with worker.transaction() as connection:
        calls = connection.execute("SELECT decision_source, error_class FROM tool_calls ORDER BY occurred_at").fetchall()
        [(rejected, ran, waited)] = connection.execute(
            "SELECT count(*) FILTER (WHERE status = 'rejected'), count(duration_ms), count(wait_ms) FROM tool_calls"
        ).fetchall()
    if version_of(claude_home, Path(str(CLAUDE)).resolve()) < SAYS_DECISIONS:
        assert [error_class for _, error_class in calls] == ["permission", "permission", "hook_blocked"]
    else:
        assert calls == [("rule", "permission"), ("config", "permission"), ("hook", "hook_blocked")]
        assert (rejected, ran, waited) == (3, 0, 3)


def test_decisions_effort_and_thinking_are_in_the_rows(claude_home: ClaudeHome, worker: Resources, tmp_path: Path) -> None:
    run = claude_home.run("Try.", [[think("Hm."), use("Bash", command="echo one", description="One")], [say("Done.")]])
    version = next(path.read_text().split('"version":"')[1].split('"')[0] for path in claude_home.transcripts())

    import_files(worker, tmp_path, *(path.read_bytes() for path in claude_home.transcripts()))

    with worker.transaction() as connection:
        calls = connection.execute("SELECT session_id, decision, decision_source, is_sandboxed FROM tool_calls").fetchall()
        [(efforts, thinking_ms)] = connection.execute("SELECT array_agg(DISTINCT effort), sum(thinking_ms) FROM api_calls").fetchall()
    if tuple(map(int, version.split("."))) < SAYS_DECISIONS:
        assert (calls, efforts, thinking_ms) == ([(run.session_id, None, None, None)], [None], None)
    else:
        assert (calls, efforts) == ([(run.session_id, "accept", "rule", False)], ["medium"])
        assert 1 <= thinking_ms < 60_000
