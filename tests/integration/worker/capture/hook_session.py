"""One made-up session twice: the payloads of its hooks, and its transcript. With a failure, a refused call, a subagent, and an edit of each."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from psycopg import Connection

from services.worker.resources import Resources
from shared.events.messages import Signal
from tests.integration.worker.capture.captured import put_range, read_all
from tests.integration.worker.capture.signals import put_signals, signals_of
from tests.integration.worker.statements import select
from tests.skips import SAMPLES
from tests.unit.worker.importers.transcript.rows_of_a_session import PATCH, SESSION, START, answer, jsonl, prompt, result, text, use

FOLDER = "/home/ann/app"
AGENT = "a1b2c3d4e5f607182"
AGENTS_FILE = f"subagents/agent-{AGENT}.jsonl"
_EDIT = {"file_path": f"{FOLDER}/a.py", "old_string": "b", "new_string": "c\nd", "replace_all": False}
_EDITED = {"filePath": f"{FOLDER}/a.py", "oldString": "b", "newString": "c\nd", "originalFile": None} | PATCH
_CREATED = {"type": "create", "filePath": f"{FOLDER}/notes.txt", "content": "x\ny\n", "structuredPatch": [], "originalFile": None}
_OUTPUT = {"stdout": "3 passed", "stderr": "", "interrupted": False}
_FAILED = "Exit code 1\ncat: nothing: No such file or directory"
_REFUSED = "Permission to use Bash with command curl -s http://x has been denied."
# As transcripts have it since 2.1.332.
_CLASSIFIED = {"decision": "accept", "source": "classifier"}
_TIMED_OUT = "Exit code 143\nCommand timed out after 2m"

TRANSCRIPT = jsonl(
    prompt(1, "u1", "fix the bug in a.py", promptId="p1"),
    answer(2, "a1", "msg_1", text("I look at it.")),
    answer(2.1, "a2", "msg_1", use("toolu_1", "Bash", command="make test")),
    answer(2.2, "a3", "msg_1", use("toolu_2", "Bash", command="cat nothing")),
    result(5, "u2", "toolu_1", "3 passed", toolUseResult=_OUTPUT),
    result(6, "u3", "toolu_2", _FAILED, is_error=True, toolUseResult=f"Error: {_FAILED}", permissionDecision=_CLASSIFIED),
    answer(8, "a4", "msg_2", use("toolu_3", "Edit", **_EDIT)),
    result(20, "u4", "toolu_3", "edited", toolUseResult=_EDITED),
    answer(22, "a5", "msg_3", use("toolu_4", "Bash", command="curl -s http://x")),
    result(22.1, "u5", "toolu_4", _REFUSED, is_error=True, toolUseResult=f"Error: {_REFUSED}"),
    answer(24, "a6", "msg_4", use("toolu_5", "Agent", prompt="Take notes.", description="notes", subagent_type="general-purpose")),
    result(40, "u6", "toolu_5", "noted", toolUseResult={"status": "completed", "agentId": AGENT, "totalDurationMs": 15_500}),
    answer(42, "a7", "msg_7", use("toolu_7", "Bash", command=f"rm {FOLDER}/notes.txt")),
    result(43, "u7", "toolu_7", "", toolUseResult=_OUTPUT),
    answer(44, "a8", "msg_8", text("All is done.")),
    prompt(60, "u8", "wait for it", promptId="p2"),
    answer(62, "a9", "msg_9", use("toolu_8", "Bash", command="sleep 500", timeout=120_000)),
    result(183, "u9", "toolu_8", _TIMED_OUT, is_error=True, toolUseResult=f"Error: {_TIMED_OUT}"),
    answer(185, "a10", "msg_10", text("It takes too long.")),
)
_OF_AGENT: dict[str, Any] = {"isSidechain": True, "agentId": AGENT}
AGENTS_TRANSCRIPT = jsonl(
    prompt(25, "s1", "Take notes.", **_OF_AGENT),
    answer(27, "s2", "msg_5", use("toolu_6", "Write", file_path=f"{FOLDER}/notes.txt", content="x\ny\n"), **_OF_AGENT),
    result(28, "s3", "toolu_6", "written", **_OF_AGENT),
    answer(38, "s4", "msg_6", text("noted"), **_OF_AGENT),
)

# Columns that a hook or telemetry knows better than a transcript: docs/adr/0047-hooks-beside-transcripts.md and 0099 name them.
BETTER_OF_HOOKS: dict[str, tuple[str, ...]] = {
    "tool_calls": ("duration_ms", "duration_source", "wait_ms", "decided_at", "decision_wait_ms"),
    "activities": ("is_estimated", "source"),
    "sessions": ("first_event_at", "last_event_at", "dated_at", "ended_at", "end_reason", "wall_us"),
    "activity_rollups": ("wall_us",),
}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _hook(name: str, **fields: Any) -> dict[str, Any]:
    where = {"session_id": SESSION, "transcript_path": f"/home/ann/.claude/projects/-home-ann-app/{SESSION}.jsonl", "cwd": FOLDER}
    return where | {"hook_event_name": name, "prompt_id": "p1", "permission_mode": "default"} | fields


def _call(key: str, name: str, **parameters: Any) -> dict[str, Any]:
    return {"tool_name": name, "tool_use_id": key, "tool_input": parameters}


_1, _2 = _call("toolu_1", "Bash", command="make test"), _call("toolu_2", "Bash", command="cat nothing")
_3, _4 = _call("toolu_3", "Edit", **_EDIT), _call("toolu_4", "Bash", command="curl -s http://x")
_5 = _call("toolu_5", "Agent", prompt="Take notes.", description="notes", subagent_type="general-purpose")
_6 = _call("toolu_6", "Write", file_path=f"{FOLDER}/notes.txt", content="x\ny\n")
_7 = _call("toolu_7", "Bash", command=f"rm {FOLDER}/notes.txt")
_8 = _call("toolu_8", "Bash", command="sleep 500", timeout=120_000)
_BY_AGENT = {"agent_id": AGENT, "agent_type": "general-purpose"}
_P2 = {"prompt_id": "p2"}

# (seconds since the session's first record, payload)
HOOKS: list[tuple[float, dict[str, Any]]] = [
    (0.6, _hook("SessionStart", source="startup", model="claude-opus-4-6[1m]") | {"prompt_id": None}),
    (1.1, _hook("UserPromptSubmit", prompt="fix the bug in a.py")),
    (2.3, _hook("PreToolUse", **_1)),
    (2.4, _hook("PreToolUse", **_2)),
    (4.9, _hook("PostToolUse", **_1, tool_response=_OUTPUT, duration_ms=2400)),
    (5.9, _hook("PostToolUseFailure", **_2, error=_FAILED, is_interrupt=False, duration_ms=30)),
    (6.1, _hook("PostToolBatch", tool_calls=[_1 | {"tool_response": "3 passed"}, _2 | {"tool_response": _FAILED}])),
    (8.1, _hook("PreToolUse", **_3)),
    (19.9, _hook("PostToolUse", **_3, tool_response=_EDITED, duration_ms=5)),
    (20.1, _hook("PostToolBatch", tool_calls=[_3 | {"tool_response": "edited"}])),
    (22.05, _hook("PreToolUse", **_4)),
    (22.2, _hook("PostToolBatch", tool_calls=[_4 | {"tool_response": _REFUSED}])),
    (24.1, _hook("PreToolUse", **_5)),
    (24.9, _hook("SubagentStart", **_BY_AGENT)),
    (27.1, _hook("PreToolUse", **_6, **_BY_AGENT)),
    (27.9, _hook("PostToolUse", **_6, **_BY_AGENT, tool_response=_CREATED, duration_ms=7)),
    (38.1, _hook("SubagentStop", **_BY_AGENT, last_assistant_message="noted")),
    (39.9, _hook("PostToolUse", **_5, tool_response={"status": "completed", "agentId": AGENT}, duration_ms=15_600)),
    (42.1, _hook("PreToolUse", **_7)),
    (42.9, _hook("PostToolUse", **_7, tool_response=_OUTPUT, duration_ms=3)),
    (44.1, _hook("Stop", last_assistant_message="All is done.")),
    (60.1, _hook("UserPromptSubmit", prompt="wait for it", **_P2)),
    (62.1, _hook("PreToolUse", **_8, **_P2)),
    (182.9, _hook("PostToolUseFailure", **_8, **_P2, error=_TIMED_OUT, is_interrupt=False, duration_ms=120_010)),
    (185.1, _hook("Stop", last_assistant_message="It takes too long.", **_P2)),
    (190.0, _hook("SessionEnd", reason="prompt_input_exit", **_P2)),
]


def put_hooks(
    connection: Connection[Any],
    hooks: Iterable[tuple[float, dict[str, Any]]],
    *,
    user: str | None = "ann",
    bound_user: str | None = None,
    start: datetime = START,
) -> None:
    """Stores payloads where the drain stores them. A payload that is stored already is the same one again."""
    for seconds, payload in hooks:
        content, occurred_at = json.dumps(payload), start + timedelta(seconds=seconds)
        connection.execute(
            "INSERT INTO hook_payloads (id, session_id, user_name, bound_user, occurred_at, received_at, payload)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [
                uuid5(NAMESPACE_URL, f"{occurred_at} {content}"),
                payload.get("session_id", ""),
                user,
                bound_user,
                occurred_at,
                occurred_at,
                content,
            ],
        )


def without_better_knowledge(found: dict[str, list[str]]) -> dict[str, Any]:
    """The tables, without what only hooks and telemetry can say. A decision that the transcript says stays."""
    kept: dict[str, Any] = {}
    for table, rows in found.items():
        decoded = [json.loads(row) for row in rows]
        decoded = [row for row in decoded if not (isinstance(row, dict) and table == "session_facts" and row["source"] == "hook")]
        for row in decoded:
            for column in BETTER_OF_HOOKS.get(table, ()):
                row.pop(column)
            if table == "tool_calls" and row["decision_told_by"] == "telemetry":
                row |= dict.fromkeys(("decision", "decision_source", "decision_told_by"))
        kept[table] = sorted(json.dumps(row, sort_keys=True) for row in decoded)
    kept.pop("tool_rollups")
    return kept


def bring_hooks(worker: Resources, hooks: Any = HOOKS, **whose: Any) -> None:
    with worker.transaction() as connection:
        put_hooks(connection, hooks, **whose)
    read_all(worker)


def bring_transcript(worker: Resources) -> None:
    with worker.transaction() as connection:
        put_range(connection, SESSION, TRANSCRIPT)
        put_range(connection, SESSION, AGENTS_TRANSCRIPT, file_name=AGENTS_FILE)
    read_all(worker)


class Sample(NamedTuple):
    """A session by every channel: the lines of its files, its hooks with their seconds after `start`, and its signals."""

    session_id: str
    lines: dict[str, list[bytes]]
    hooks: list[tuple[float, dict[str, Any]]]
    signals: list[Signal]
    start: datetime = EPOCH

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """The channel of each piece, and the file of a line: line by line, then the hooks, then the signals."""
        of_files = [("line", name) for name, lines in self.lines.items() for _ in lines]
        return of_files + [("hook", "")] * len(self.hooks) + [("signal", "")] * len(self.signals)


def sample() -> Sample:
    """A session of the real client. With what newer transcripts say beside: of every other result, who allowed its call, which telemetry says otherwise."""
    folder = SAMPLES / "one-session"
    [main] = (folder / "projects").glob("*/*.jsonl")
    [agent] = (folder / "projects").glob("*/*/subagents/*.jsonl")
    hooks = [json.loads(line) for line in (folder / "hooks.ndjson").read_text().splitlines()]
    exports = [json.loads(line)["body"] for line in (folder / "otlp.ndjson").read_text().splitlines()]
    lines = main.read_bytes().splitlines(keepends=True)
    results = [number for number, line in enumerate(lines) if b'"type":"tool_result"' in line]
    for number in results[::2]:
        lines[number] = (
            json.dumps(json.loads(lines[number]) | {"permissionDecision": {"decision": "accept", "source": "classifier"}}).encode() + b"\n"
        )
    return Sample(
        main.stem,
        {
            f"{main.name}": lines,
            f"subagents/{agent.name}": agent.read_bytes().splitlines(keepends=True),
        },
        [(each["received_at"], each["payload"]) for each in hooks],
        [signal for export in exports for signal in signals_of(export)],
    )


def bring(worker: Resources, found: Sample, order: list[tuple[str, str]], reads: set[int]) -> None:
    """Stores the next piece of each channel in this order, and reads what is there after those at `reads` and at the end."""
    lines = {name: iter(each) for name, each in found.lines.items()}
    hooks, signals = iter(found.hooks), iter(found.signals)
    for place, (channel, name) in enumerate(order):
        with worker.transaction() as connection:
            if channel == "line":
                put_range(connection, found.session_id, next(lines[name]), file_name=name)
            elif channel == "hook":
                put_hooks(connection, [next(hooks)], start=found.start)
            else:
                put_signals(connection, [next(signals)])
        if place in reads:
            read_all(worker)
            # No prompt is there twice, at any moment.
            twice = "SELECT content FROM messages WHERE content <> '' GROUP BY content, agent_id HAVING count(*) > 1"
            assert select(worker, twice) == []
    read_all(worker)
