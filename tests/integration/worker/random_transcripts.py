"""Random transcripts of a few sessions that have to do with each other: a session, its fork, its subagent; with all that makes reading hard."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.unit.worker.importers.transcript.rows_of_a_session import PATCH, agent_progress, answer, prompt, result, row, text, use

SECRET = "glpat-aB3dE6gH9jK2mN5pQ8sT"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA7bq8yH2Lw0\n" * 3 + "-----END RSA PRIVATE KEY-----\n"
# The texts that Claude is told of calls that failed, each of another class.
FAILURES = ("Exit code 1", "<tool_use_error>File does not exist.</tool_use_error>", "The user doesn't want to proceed", "")
WORDS = ("look at it", "größer, 日本語", f"take {SECRET}", f"with {PRIVATE_KEY} in it", "", "x" * 300)
# The main session, a fork with a lesser id, and one with a greater. The main session owns what both have, if the fork's file says that it is one.
MAIN, FORKS = "m-session", ("a-fork", "z-fork")
AGENT = "a1b2c3d"
# (session, file name) → its lines, each with its end.
World = dict[tuple[str, str], list[bytes]]

words = st.sampled_from(WORDS)
numbers = st.integers(0, 3)
# Mostly forwards.
moments = st.integers(0, 3000)
RESULTS: tuple[dict[str, Any], ...] = (
    {},
    {"toolUseResult": PATCH},
    {"toolUseResult": {"durationMs": 70}},
    {"toolUseResult": {"status": "completed", "agentId": AGENT, "totalDurationMs": 250}},
    {"is_error": True},
)
# By what has the id: all versions of a message or call agree on these.
MODELS = ("claude-opus-4-6", "claude-haiku-4-5", "claude-opus-4-6", None)
_ADVISOR = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 70, "output_tokens": 5}
USAGES: tuple[dict[str, Any], ...] = ({}, {"inference_geo": "us", "iterations": [{"type": "message"}, _ADVISOR]}, {"speed": "fast"})
COMMANDS = ("ls", f"rm -f /tmp/{SECRET} b.txt", f"curl -H 'Authorization: Bearer {SECRET}'")


@st.composite
def rows(draw: st.DrawFn, number: int, session: str, owner: str = "") -> Any:
    """The n-th row of a session: a dictionary, or a line that is not JSON. `owner`: whose messages they are."""
    if draw(st.integers(0, 5)) == 0:
        return draw(other_rows(number, session))
    said = draw(conversation(number, session, owner))
    if draw(st.integers(0, 9)) == 0:
        # Neither the message nor the row has an id.
        said.get("message", {}).pop("id", None)
        del said["uuid"]
    if draw(st.integers(0, 19)) == 0:
        del said["timestamp"]
    return said


@st.composite
def conversation(draw: st.DrawFn, number: int, session: str, owner: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(("prompt", "text", "text", "use", "use", "result", "result", "progress", "thinking", "entry")))
    owner = AGENT if kind == "progress" else owner
    at, uuid = number * 40 + draw(moments) / 10, f"{session}{owner}-{number}"
    place = draw(numbers) + number // 4
    message_id, tool = f"msg_{session}{owner}_{place}", f"toolu_{session}{owner}_{place}"
    model = MODELS[place % len(MODELS)]
    match kind:
        case "prompt":
            return prompt(at, uuid, draw(words), isMeta=draw(st.integers(0, 3)) == 0, sessionId=session)
        case "result":
            more = draw(st.sampled_from(RESULTS))
            told = draw(st.sampled_from(FAILURES)) if "is_error" in more else draw(words)
            return result(at, uuid, tool, told, sessionId=session, **more)
        case "entry":
            return draw(entries(at, uuid, session))
    # One block's signature stays the same, whatever a file has of its text.
    thinking = {"type": "thinking", "thinking": draw(words), "signature": draw(st.sampled_from((f"{message_id} first", "", None)))}
    blocks = {
        "text": [text(draw(words))],
        "use": [use_of(tool, place)],
        "progress": [text(draw(words)), thinking, use_of(tool, place)],
        "thinking": [thinking, {"type": "redacted_thinking", "data": "x"}],
    }[kind]
    said = answer(at, uuid, message_id, *blocks, output=draw(st.integers(0, 50)), sessionId=session)
    said["message"]["model"] = model
    said["message"]["usage"] |= USAGES[place % len(USAGES)]
    # Any call may be the parent: which one started the agent is not known here.
    parent = f"toolu_{session}_{draw(numbers)}"
    return agent_progress(said, f"p{uuid}", AGENT, sessionId=session, parentToolUseID=parent) if kind == "progress" else said


@st.composite
def entries(draw: st.DrawFn, at: float, uuid: str, session: str) -> dict[str, Any]:
    """Rows that are only shown: compactions, commands, interruptions, errors of the API, notices."""
    words_of_it = draw(words)
    compacted: dict[str, Any] = {"subtype": "compact_boundary", "content": "Conversation compacted"}
    return draw(
        st.sampled_from(
            (
                prompt(at, uuid, f"<command-name>/x</command-name><command-args>{words_of_it}</command-args>", sessionId=session),
                prompt(at, uuid, f"<local-command-stdout>{words_of_it}</local-command-stdout>", sessionId=session),
                prompt(at, uuid, f"<task-notification><summary>{words_of_it}</summary></task-notification>", sessionId=session),
                prompt(at, uuid, [text("[Request interrupted by user]")], sessionId=session),
                prompt(at, uuid, words_of_it, isCompactSummary=True, sessionId=session),
                row("system", at, uuid, sessionId=session, compactMetadata={"trigger": "auto", "preTokens": 155_000}, **compacted),
                row("system", at, uuid, sessionId=session, subtype="api_error", error={"message": words_of_it}, retryAttempt=2),
                row("attachment", at, uuid, sessionId=session, attachment={"type": "queued_command", "prompt": words_of_it}),
            )
        )
    )


@st.composite
def other_rows(draw: st.DrawFn, number: int, session: str) -> Any:
    """Titles and totals of a session, and lines that are no rows."""
    return draw(
        st.sampled_from(
            (
                {"type": "summary", "summary": draw(words), "leafUuid": f"{session}-{draw(st.integers(0, 12))}"},
                {"type": "ai-title", "aiTitle": draw(words), "sessionId": session},
                {"type": "custom-title", "customTitle": "mine", "sessionId": session},
                {"type": "cost-state", "sessionId": session, "totalCostUSD": number / 7, "totalLinesAdded": number, "totalDuration": 10}
                | {"startTime": 1_000, "modelUsage": {"claude-opus-4-6": {"outputTokens": number, "costUSD": number / 7}}},
                {"type": "permission-mode", "permissionMode": "auto", "sessionId": session},
                *(b"{not json", b"", b"[1]", b'{"type": "new-kind"}', b'{"type": "user"}', b"# a comment"),
            )
        )
    )


def use_of(tool: str, place: int) -> dict[str, Any]:
    """The use with this id."""
    match place % 5:
        case 0:
            return use(tool, "Edit", file_path="/home/ann/app/a.py", old_string="x", new_string=f"y\n{PRIVATE_KEY}")
        case 1:
            return use(tool, "Write", file_path=f"/home/ann/app/{place}.py", content=f"a = 1\n{PRIVATE_KEY}b = 2\n")
        case 2:
            return use(tool, "Agent", prompt="look at it", description=f"take {SECRET}")
        case _:
            return use(tool, "Bash", command=COMMANDS[place % 3])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A main session, perhaps with a subagent and a fork that copied its beginning."""
    main = [draw(rows(number, MAIN)) for number in range(draw(st.integers(1, 14)))]
    found = {(MAIN, f"{MAIN}.jsonl"): main}
    if draw(st.booleans()):
        agent = [draw(rows(number, MAIN, AGENT)) for number in range(draw(st.integers(1, 6)))]
        found[(MAIN, f"subagents/agent-{AGENT}.jsonl")] = [
            row | {"isSidechain": True, "agentId": AGENT} if isinstance(row, dict) else row for row in agent
        ]
    if draw(st.booleans()):
        fork = draw(st.sampled_from(FORKS))
        keeps_old_ids = draw(st.booleans())
        sign = draw(st.sampled_from(("none", "begin", "marks")))
        copied = main[: draw(st.integers(0, len(main)))]
        copies = [
            row | {"sessionId": fork} if isinstance(row, dict) and "sessionId" in row and not keeps_old_ids else row for row in copied
        ]
        if sign == "marks":
            copies = [row | {"forkedFrom": {"sessionId": MAIN}} if isinstance(row, dict) else row for row in copies]
        begin = [row("queue-operation", 900, "begun", sessionId=fork, operation="enqueue")] if sign == "begin" else []
        found[(fork, f"{fork}.jsonl")] = [*begin, *copies, *(draw(rows(number + 20, fork)) for number in range(draw(st.integers(0, 6))))]
    return {file: [line_of(row) for row in content] for file, content in found.items() if content}


def line_of(row: Any) -> bytes:
    return (row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode()) + b"\n"
