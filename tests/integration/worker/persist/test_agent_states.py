"""The states of a session's subagents: the list of open sessions, the session and the live feed say the same, whatever came first."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.embedded.supervision.processes import wait_until
from services.query.queries.lists.live_sessions import LIVE_SESSIONS
from services.worker.drain.store_readings import store_readings
from services.worker.lock_order import lock_feed
from services.worker.maintenance.idle_sessions import close_idle_sessions
from services.worker.persist.live.feed_items import tell_in_order
from services.worker.resources import Resources, open_resources
from shared.events.readings import Reading, SessionFile
from shared.feed import FeedItem
from shared.sessions.agent_state import MOST_AGENTS
from shared.sessions.session_state import QUIET_SECONDS
from tests.example_counts import examples
from tests.integration.worker.persist.told_feed import feed_of
from tests.integration.worker.persist.told_states import (
    PROMPT,
    STOP,
    Step,
    begun,
    bring,
    file,
    hook,
    line,
    listed,
    open_one,
    shown_alone,
    tell,
)
from tests.integration.worker.statements import select

# (agent, state, tool, seconds after the start, who said so)
Told = tuple[str, str, str | None, float, str]
ASKED_AGENT = {"description": "Find every timer", "prompt": "Find them.", "subagent_type": "Explore"}
AGENT_CALL = line(2, "assistant", [{"type": "tool_use", "id": "toolu_a", "name": "Agent", "input": ASKED_AGENT}])
OTHER = ASKED_AGENT | {"description": "Find others"}
SECOND_CALL = line(2.1, "assistant", [{"type": "tool_use", "id": "toolu_b", "name": "Agent", "input": OTHER}])
ANSWER = {"type": "tool_result", "tool_use_id": "toolu_a", "content": "Launched, or found."}
LAUNCHED = line(2.5, "user", [ANSWER], toolUseResult={"status": "async_launched", "agentId": "a1"})
REPORTED = line(20, "user", [ANSWER], toolUseResult={"status": "completed", "agentId": "a1", "totalDurationMs": 17000})


def of_agent(seconds: float, kind: str, content: Any, agent_id: str = "a1") -> Step:
    """A line of a subagent's transcript."""
    return line(seconds, kind, content, isSidechain=True, agentId=agent_id)


OF_AGENT = {"agent_id": "a1", "agent_type": "Explore"}
# No record is made of it.
TASK = of_agent(3, "user", "Find them.")
THOUGHT = of_agent(3.5, "assistant", [{"type": "thinking", "thinking": "So."}])
GREP = of_agent(4, "assistant", [{"type": "tool_use", "id": "toolu_g", "name": "Grep", "input": {"pattern": "timer"}}])
GREP_RESULT = of_agent(9, "user", [{"type": "tool_result", "tool_use_id": "toolu_g", "content": "a.py"}])
LAST_WORDS = of_agent(19, "assistant", [{"type": "text", "text": "In a.py."}])
SYNTHETIC = {"id": "msg_e", "role": "assistant", "model": "<synthetic>", "content": [{"type": "text", "text": "API Error: 529"}]}
API_FAILED = line(19, "assistant", [], message=SYNTHETIC, isApiErrorMessage=True, isSidechain=True, agentId="a1")
ESC = line(12, "user", [{"type": "text", "text": "[Request interrupted by user]"}])
SAID = line(25, "assistant", [{"type": "text", "text": "It is in a.py."}])
NOTIFIED = line(21, "user", "<task-notification>\n<task-id>a1</task-id>\n<status>killed</status>\n<summary>Stopped.</summary>\n</task-notification>")  # fmt: skip
ASKS = hook(8, "Notification", notification_type="permission_prompt", message="Claude needs your permission")

CASES: dict[str, tuple[list[Step], str, list[Told]]] = {
    "its first answer has no text": ([PROMPT, AGENT_CALL, TASK, THOUGHT], "working", [("a1", "working", None, 3.5, "transcript")]),
    "it runs a tool": ([PROMPT, AGENT_CALL, TASK, GREP], "working", [("a1", "working", "Grep", 4, "transcript")]),
    "its tool has answered": ([PROMPT, AGENT_CALL, TASK, GREP, GREP_RESULT], "working", [("a1", "working", None, 9, "transcript")]),
    "it has said its last words": ([PROMPT, AGENT_CALL, TASK, GREP, GREP_RESULT, LAST_WORDS], "working", [("a1", "done", None, 19, "transcript")]),
    "its session was told of it": ([PROMPT, AGENT_CALL, TASK, GREP, REPORTED], "working", [("a1", "done", None, 20, "transcript")]),
    "the API failed": ([PROMPT, AGENT_CALL, TASK, API_FAILED], "working", [("a1", "error", None, 19, "transcript")]),
    "it asks for a permission": ([PROMPT, AGENT_CALL, TASK, GREP, ASKS], "permission", [("a1", "permission", "Grep", 8, "hook")]),
    "its permission was given": ([PROMPT, AGENT_CALL, TASK, GREP, ASKS, GREP_RESULT], "working", [("a1", "working", None, 9, "transcript")]),
    "Esc, while the session waits for it": ([PROMPT, AGENT_CALL, TASK, GREP, ESC], "interrupted", [("a1", "interrupted", None, 12, "transcript")]),
    "in the background, the session waits for input": (
        [PROMPT, AGENT_CALL, LAUNCHED, TASK, STOP, of_agent(22, "assistant", GREP[2]["message"]["content"])],
        "input",
        [("a1", "working", "Grep", 22, "transcript")],
    ),
    "in the background, without hooks": (
        [line(0, "user", "make it"), AGENT_CALL, LAUNCHED, TASK, SAID, of_agent(26, "assistant", GREP[2]["message"]["content"])],
        "input",
        [("a1", "working", "Grep", 26, "transcript")],
    ),
    "in the background, Esc leaves it": ([PROMPT, AGENT_CALL, LAUNCHED, TASK, GREP, ESC], "interrupted", [("a1", "working", "Grep", 4, "transcript")]),
    "in the background, it was stopped": ([PROMPT, AGENT_CALL, LAUNCHED, TASK, NOTIFIED], "working", [("a1", "interrupted", None, 21, "transcript")]),
    "hooks alone": (
        [PROMPT, hook(3, "SubagentStart", **OF_AGENT), hook(4, "PreToolUse", tool_name="Grep", tool_use_id="toolu_g", **OF_AGENT)],
        "working",
        [("a1", "working", "Grep", 4, "hook")],
    ),
    "hooks alone, it is done": (
        [PROMPT, hook(3, "SubagentStart", **OF_AGENT), hook(9, "SubagentStop", last_assistant_message="In a.py.", **OF_AGENT)],
        "working",
        [("a1", "done", None, 9, "hook")],
    ),
    "hooks alone, in the background": (
        [PROMPT, hook(2, "PostToolUse", tool_name="Agent", tool_use_id="toolu_a", tool_response={"status": "async_launched", "agentId": "a1"}), STOP],
        "input",
        [("a1", "working", None, 2, "hook")],
    ),
    "a new prompt after one that was left": ([PROMPT, AGENT_CALL, TASK, ESC, hook(15, "UserPromptSubmit", prompt="go on")], "working", []),
    "two at once": (
        [PROMPT, AGENT_CALL, SECOND_CALL, TASK, GREP, of_agent(6, "assistant", [{"type": "text", "text": "None."}], "b1")],
        "working",
        [("a1", "working", "Grep", 4, "transcript"), ("b1", "done", None, 6, "transcript")],
    ),
    "those of Claude Code's own are none": ([PROMPT, of_agent(3, "assistant", [{"type": "text", "text": "A sum."}], "acompact-1a2b3c")], "working", []),
    "the client was started again": ([PROMPT, AGENT_CALL, LAUNCHED, TASK, GREP, hook(30, "SessionStart", source="resume")], "input", []),
    "the file of the client says busy while one works in the background": (
        [PROMPT, AGENT_CALL, LAUNCHED, file(2.6, "busy", 0.1), GREP, STOP, file(20.5, "busy", 0.1), file(21.5, "busy", 21.4)],
        "input",
        [("a1", "working", "Grep", 4, "transcript")],
    ),
    "the file of the client says busy for the turn that follows": (
        [PROMPT, AGENT_CALL, LAUNCHED, file(2.6, "busy", 0.1), GREP, GREP_RESULT, LAST_WORDS, STOP, file(20.5, "busy", 20.3)],
        "working",
        [("a1", "done", None, 19, "transcript")],
    ),
    "the file of the client says idle while one works in the background": (
        [PROMPT, AGENT_CALL, LAUNCHED, TASK, file(20.2, "idle", 20), of_agent(22, "assistant", GREP[2]["message"]["content"])],
        "input",
        [("a1", "working", "Grep", 22, "transcript")],
    ),
}  # fmt: skip


def own(steps: list[Step]) -> list[Step]:
    """The same with ids of their own: those of another session are one row with these."""
    text, tag = json.dumps(steps), uuid4().hex
    for name in ("toolu_", "msg_"):
        text = text.replace(f'"{name}', f'"{name}{tag}')
    found = [(seconds, source, content) for seconds, source, content in json.loads(text)]
    return [(seconds, source, content | {"uuid": str(uuid4())} if source == "line" else content) for seconds, source, content in found]


def told_of(agents: list[Any], start: datetime) -> list[Told]:
    """The state of each, from an answer or from the feed."""

    def seconds(at: Any) -> float:
        return round(((datetime.fromisoformat(at) if isinstance(at, str) else at) - start).total_seconds(), 3)

    shown = [each if isinstance(each, dict) else {name: getattr(each, name) for name in each.__struct_fields__} for each in agents]
    return [(each["agent_id"], each["state"], each["tool_name"], seconds(each["since"]), each["state_source"]) for each in shown]


def all_views(worker: Resources, session_id: str, start: datetime) -> list[tuple[str, list[Told]]]:
    """The list, the session, the feed."""
    row, alone = listed(worker, session_id), shown_alone(worker, session_id)
    assert row is not None
    last = [item for item in feed_of(worker.redis) if item.session_id == session_id and item.state is not None][-1]
    return [
        (row.state, told_of(row.agents, start)),
        (alone.state, told_of(alone.agents, start)),
        (str(last.state), told_of(last.agents or [], start)),
    ]


@pytest.mark.parametrize(("steps", "state", "expected"), CASES.values(), ids=CASES)
def test_a_subagents_state_follows_from_its_lines_and_hooks(worker: Resources, steps: list[Step], state: str, expected: list[Told]) -> None:
    session_id, start = begun()

    tell(worker, session_id, own(steps), start)

    assert all_views(worker, session_id, start) == [(state, expected)] * 3


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_the_order_of_arrival_does_not_change_a_subagents_state(worker: Resources, data: st.DataObject) -> None:
    """given lines of each file in their order, and all else in any"""
    steps, state, expected = data.draw(st.sampled_from(list(CASES.values())))
    of_files: dict[str, list[Step]] = {}
    for step in own(steps):
        is_line = step[1] == "line"
        of_files.setdefault(str(step[2].get("agentId", "own")) if is_line else str(uuid4()), []).append(step)
    turns = data.draw(st.permutations([name for name, found in of_files.items() for _ in found]))
    session_id, start = begun()

    for name in turns:
        step = of_files[name].pop(0)
        # A subagent has a file of its own.
        tell(worker, session_id, [step], start)

    assert all_views(worker, session_id, start) == [(state, expected)] * 3


@pytest.mark.parametrize("is_reply_last", [True, False])
def test_a_reply_that_a_hook_has_told_of_takes_no_state_away(worker: Resources, is_reply_last: bool) -> None:
    session_id, start = begun()
    tell(worker, session_id, own([PROMPT, AGENT_CALL, LAUNCHED, STOP]), start)

    # Given the line of that reply, which is no news, and one of a subagent, when both are read together, the shorter file first
    reply, call = own([line(19.9, "assistant", [{"type": "text", "text": "Made."}]), GREP])
    longer = reply if is_reply_last else call
    longer[2]["gitBranch"] = "long" * 200
    bring(worker, session_id, [reply, call], start)

    # Then every view has the subagent's call
    assert all_views(worker, session_id, start) == [("input", [("a1", "working", "Grep", 4, "transcript")])] * 3
    assert [item.content for item in feed_of(worker.redis) if item.session_id == session_id and item.kind == "reply"] == ["Made."]


def test_the_call_that_started_it_says_what_it_is_for_while_it_runs_and_after(worker: Resources) -> None:
    session_id, start = begun()

    # Given one whose call waits, beside another call: they have the type in common
    tell(worker, session_id, [PROMPT, AGENT_CALL, SECOND_CALL, GREP], start)
    row = open_one(worker, session_id)
    assert [(agent.agent_type, agent.description, agent.is_background) for agent in row.agents] == [("Explore", None, False)]

    tell(worker, session_id, [REPORTED], start)
    row = open_one(worker, session_id)
    assert [(agent.agent_type, agent.description, agent.state) for agent in row.agents] == [("Explore", "Find every timer", "done")]


def test_nobody_works_in_a_session_that_has_ended(worker: Resources) -> None:
    session_id, start = begun()
    tell(worker, session_id, [PROMPT, AGENT_CALL, LAUNCHED, TASK, GREP, file(9, "busy")], start)

    # When its client is killed
    tell(worker, session_id, [file(12, None, gone=True)], start)

    assert listed(worker, session_id) is None
    assert (shown_alone(worker, session_id).state, shown_alone(worker, session_id).agents) == ("ended", [])
    last = [item for item in feed_of(worker.redis) if item.session_id == session_id][-1]
    assert (last.state, last.agents) == ("ended", None)


def test_two_processes_that_hear_of_a_session_at_once_tell_the_newer_state_last(worker: Resources) -> None:
    session_id, start = begun()
    tell(worker, session_id, own([PROMPT, AGENT_CALL, LAUNCHED]), start)
    read_at = start + timedelta(seconds=3)
    idle = SessionFile(
        session_id=session_id, pid=1, status="idle", status_updated_at=read_at, is_alive=True, read_at=read_at, machine_id=session_id
    )

    # Given a file of a process that is being stored, while a line of a subagent is stored and told
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        with connection.transaction():
            [item] = store_readings(connection, [(Reading(id=uuid4(), body=idle), datetime.now(UTC))]).for_feed
            tell(worker, session_id, own([GREP]), start)
        assert told_of(item.agents or [], start) == [("a1", "working", None, 2, "transcript")]
        appended: list[str | None] = []
        tell_in_order(nullcontext(connection), [item], lambda: appended.append(item.state))

    # Then what is appended last has both
    assert (item.state, told_of(item.agents or [], start)) == ("input", [("a1", "working", "Grep", 4, "transcript")])
    assert appended == ["input"]


def test_a_state_is_read_after_another_process_has_appended_its_own(worker: Resources) -> None:
    session_id, start = begun()
    tell(worker, session_id, own([PROMPT, AGENT_CALL]), start)
    item, database = FeedItem(kind="state_changed", session_id=session_id, state="working"), worker.settings.database_url
    with (
        psycopg.connect(database, autocommit=True) as first,
        psycopg.connect(database, autocommit=True) as second,
        ThreadPoolExecutor(1) as other,
    ):
        waits = "SELECT FROM pg_locks WHERE pid = %s AND NOT granted", [second.info.backend_pid]

        # Given a process that tells, while another one waits to do so
        with first.transaction():
            lock_feed(first)
            telling = other.submit(tell_in_order, nullcontext(second), [item], lambda: None)
            assert wait_until(lambda: bool(first.execute(*waits).fetchall()), 20)
            first.execute("UPDATE session_signs SET idle_at = now() WHERE session_id = %s", [session_id])
        telling.result(20)

    # Then that one tells what was stored meanwhile
    assert item.state == "input"


def test_without_postgres_what_was_told_is_appended_as_it_is(worker: Resources) -> None:
    item, appended = FeedItem(kind="state_changed", session_id="s", state="working"), list[str | None]()
    away = open_resources(worker.settings.model_copy(update={"database_url": "postgresql://tracker@127.0.0.1:9/tracker"}))

    tell_in_order(away.connection(), [item], lambda: appended.append(item.state))

    away.close()
    assert appended == ["working"]


def test_a_subagent_that_falls_silent_is_quiet_and_works_again_when_it_is_heard(worker: Resources) -> None:
    session_id, start = begun()
    tell(worker, session_id, [PROMPT, AGENT_CALL, LAUNCHED, TASK, GREP], start)

    with worker.transaction() as connection:
        for table in ("session_signs", "agent_signs"):
            connection.execute(f"UPDATE {table} SET heard_at = now() - make_interval(secs => %s)".encode(), [QUIET_SECONDS + 1])
    row = open_one(worker, session_id)
    assert [(row.state, agent.state, agent.tool_name, agent.state_source) for agent in row.agents] == [("quiet", "quiet", "Grep", "time")]

    tell(worker, session_id, [GREP_RESULT], start)
    row = open_one(worker, session_id)
    assert [agent.state for agent in row.agents] == ["working"]


def test_of_many_subagents_those_that_go_on_are_told(worker: Resources) -> None:
    session_id, start = begun()
    did = [{"type": "text", "text": "Did."}]
    ended = [of_agent(4 + number, "assistant", did, f"e{number}") for number in range(12)]

    tell(worker, session_id, [PROMPT], start)
    bring(worker, session_id, [*ended, GREP], start)

    row = open_one(worker, session_id)
    assert [agent.agent_id for agent in row.agents][:1] == ["a1"]
    assert len(row.agents) == MOST_AGENTS


def test_signs_are_forgotten_with_the_session_that_is_closed_idle_its_subagents_too(worker: Resources) -> None:
    session_id = str(uuid4())
    bring(worker, session_id, [PROMPT, AGENT_CALL, TASK], datetime.now(UTC) - timedelta(minutes=40))

    assert close_idle_sessions(worker) == 1

    assert select(worker, "SELECT FROM session_signs") == select(worker, "SELECT FROM agent_signs") == []
    assert feed_of(worker.redis)[-1].state == "ended"


def test_subagents_are_read_by_indexes_however_many_rows_there_are(worker: Resources) -> None:
    """given a session of many calls and subagents among many sessions"""
    session_id, start = begun()
    tell(worker, session_id, [PROMPT, AGENT_CALL, TASK, GREP], start)
    with worker.transaction() as connection:
        connection.execute(
            "INSERT INTO agent_signs (session_id, agent_id, began_at, worked_at, heard_at)"
            " SELECT 's' || n % 2000, 'a' || n, now(), now(), now() FROM generate_series(1, 20000) AS n"
        )
        connection.execute(
            "INSERT INTO tool_calls (id, session_id, project_id, user_id, tool_name, occurred_at, received_at, status)"
            " SELECT gen_random_uuid(), CASE WHEN mod(n, 10) = 0 THEN %s ELSE 's' || mod(n, 2000) END, 0, 0, 'Bash', now() - n * interval '1 second', now(), 'success'"
            " FROM generate_series(1, 20000) AS n",
            [session_id],
        )
        connection.execute("ANALYZE agent_signs, tool_calls")
        wanted = {"project_id": None, "user": None, "machine": None, "projects": None, "most": 200}
        explained = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {LIVE_SESSIONS}".encode(), wanted).fetchone()
    assert explained is not None
    nodes = list(nodes_of(explained[0][0]["Plan"]))
    of_tables = [node for node in nodes if node.get("Relation Name") in ("agent_signs", "tool_calls")]
    assert {node["Node Type"] for node in of_tables} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    assert {node["Index Name"] for node in nodes if "Index Name" in node} >= {"agent_signs_pkey", "tool_calls_of_session"}
    # And what is read does not grow with them.
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in of_tables) < 200


def nodes_of(plan: dict[str, Any]) -> Any:
    """A plan's nodes, with those below them."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes_of(below)
