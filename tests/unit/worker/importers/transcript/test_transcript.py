"""The contents of a transcript: messages, tool calls, file changes, tokens and session facts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.worker.importers.formats.ids import api_call_id, claude_message_id, person_message_id, tool_use_id
from services.worker.persist.records import (
    TITLE_OF_CLAUDE,
    TITLE_OF_PERSON,
    TITLE_OF_PROMPT,
    TITLE_OF_SUMMARY,
    ApiCall,
    ClientUsage,
    Message,
    SessionFacts,
    ToolUse,
)
from tests.unit.worker.importers.merged import IDLE_GAP
from tests.unit.worker.importers.transcript.rows_of_a_session import (
    SESSION,
    START,
    WHOLE,
    answer,
    at,
    errors,
    of,
    prompt,
    read,
    read_rows,
    result,
    row,
    summary,
    text,
    use,
)


def facts_of(*rows: dict[str, Any]) -> SessionFacts:
    return of(read_rows(*rows), SessionFacts)[-1]


def test_a_session_is_yielded_before_its_events_and_completed_at_the_end() -> None:
    records = read_rows(*WHOLE)

    opening, first, *_ = records
    [_, facts] = of(records, SessionFacts)
    assert (opening.session_id, opening.project_path, opening.started_at, opening.ended_at) == (SESSION, "/home/ann/app", START, None)
    assert first.content == "fix the bug in a.py"
    assert (facts.started_at, facts.ended_at) == (START, START + timedelta(seconds=9))
    assert facts.active_ranges == [(START, START + timedelta(seconds=309))]
    assert (facts.title, facts.title_rank) == ("A bug fixed", TITLE_OF_CLAUDE)
    assert (facts.git_branch, facts.client_version, facts.model, facts.user) == ("main", "2.1.42", "claude-opus-4-6", "ann")
    assert summary(records).records == {"assistant": 4, "user": 3, "ai-title": 1}


def test_rows_of_one_message_merge_and_the_largest_output_counts() -> None:
    records = read_rows(
        answer(0, "a1", "msg_1", text("One"), output=1),
        answer(1, "a2", "msg_1", use("toolu_1"), output=1),
        answer(2, "a3", "msg_2", text("between")),
        answer(3, "a4", "msg_1", text("two."), output=77),
    )

    [other, message] = of(records, Message)
    calls = {call.id: call for call in of(records, ApiCall)}
    assert message.id == claude_message_id("msg_1")
    assert (message.content, message.role, message.timestamp, message.model) == ("One\ntwo.", "assistant", START, "claude-opus-4-6")
    assert other.content == "between"
    assert len(calls) == 2
    call = calls[api_call_id("msg_1", "req_msg_1")]
    assert (call.input_tokens, call.output_tokens, call.cache_write_5m_tokens, call.cache_read_tokens) == (3, 77, 100, 2000)


@pytest.mark.parametrize(
    ("usage", "for_5m", "for_1h"),
    [
        ({"cache_creation_input_tokens": 50}, 50, 0),
        ({"cache_creation_input_tokens": 50, "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 50}}, 0, 50),
        ({"cache_creation_input_tokens": 0, "cache_creation": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 50}}, 7, 50),
        ({"cache_creation_input_tokens": 60, "cache_creation": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 50}}, 10, 50),
    ],
)
def test_cache_writes_are_split_by_lifetime(usage: dict[str, Any], for_5m: int, for_1h: int) -> None:
    message = {"id": "m", "model": "x", "content": [], "usage": usage | {"speed": "fast", "server_tool_use": {"web_search_requests": 2}}}
    [call] = of(read_rows(row("assistant", 0, "a", message=message)), ApiCall)
    assert (call.cache_write_5m_tokens, call.cache_write_1h_tokens, call.web_searches, call.is_fast) == (for_5m, for_1h, 2, True)


def test_synthetic_answers_are_not_messages() -> None:
    records = read_rows(row("assistant", 0, "a", message={"id": "m", "model": "<synthetic>", "content": [text("API Error")], "usage": {}}))
    assert of(records, Message) == of(records, ApiCall) == []


def test_subagent_rows_belong_to_the_parent_session_and_their_prompt_is_not_a_message() -> None:
    records = read_rows(
        prompt(0, "u1", "Find all tests", isSidechain=True, agentId="a1b2c3d"),
        answer(1, "a1", "msg_1", text("Here"), use("toolu_1"), isSidechain=True, agentId="a1b2c3d"),
    )
    [message], [tool], [call] = of(records, Message), of(records, ToolUse), of(records, ApiCall)
    assert message.session_id == tool.session_id == call.session_id == SESSION
    assert message.agent_id == tool.agent_id == call.agent_id == "a1b2c3d"
    facts = of(records, SessionFacts)[-1]
    assert (facts.title, facts.model) == (None, None)


def test_a_sidechain_without_agent_id_gets_a_default_name() -> None:
    [message] = of(read_rows(answer(1, "a1", "msg_1", text("Here"), isSidechain=True)), Message)
    assert message.agent_id == "sidechain"


def test_two_sessions_in_one_file_are_linked_as_parent_and_child() -> None:
    records = read_rows(
        prompt(0, "u1", "hello", sessionId="old"),
        prompt(9, "u2", "and on", sessionId="new", parentUuid="u1", cwd="/home/ann/other"),
    )
    facts = {f.session_id: f for f in of(records, SessionFacts)}
    assert facts["old"].project_path == "/home/ann/app"
    assert facts["new"].project_path == "/home/ann/other"
    assert (facts["old"].parent_session_id, facts["new"].parent_session_id) == (None, "old")
    assert [m.session_id for m in of(records, Message)] == ["old", "new"]


def test_a_declared_fork_has_a_parent_and_its_copies_keep_their_ids() -> None:
    original = of(read_rows(*WHOLE), Message)
    forked = read_rows(*[r | {"sessionId": "fork", "forkedFrom": {"sessionId": SESSION}} for r in WHOLE])
    assert [m.id for m in of(forked, Message)] == [m.id for m in original]
    assert of(forked, SessionFacts)[-1].parent_session_id == SESSION


def test_the_project_is_the_first_absolute_folder_normalized() -> None:
    facts = facts_of(
        prompt(0, "u0", "a", cwd="relative/path"), prompt(1, "u1", "b", cwd="d:\\src\\app\\"), prompt(2, "u2", "c", cwd="/elsewhere")
    )
    assert facts.project_path == "D:/src/app"


def test_start_and_end_are_the_earliest_and_latest_times_except_progress() -> None:
    facts = facts_of(
        prompt(600, "u2", "b"),
        prompt(0, "u1", "a"),
        row("system", 1000, "s1", subtype="turn_duration"),
        row("progress", 9000, "p1", data={"type": "hook_progress"}),
    )
    seconds = [((start - START).total_seconds(), (end - START).total_seconds()) for start, end in facts.active_ranges]
    assert (facts.started_at, facts.ended_at) == (START, START + timedelta(seconds=1000))
    assert seconds == [(0, 300), (600, 900), (1000, 1300)]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"totalDurationMs": 2_390_000}, [(0, 2_700)]),
        # It goes on in the background, and its result says nothing of that.
        ({"totalDurationMs": 2_390_000, "status": "async_launched"}, [(0, 310), (2_400, 2_700)]),
        ({"totalDurationMs": 10**11}, [(0, 310), (2_400, 2_700)]),
        # Another tool may wait for a permission meanwhile.
        ({"durationMs": 2_390_000}, [(0, 310), (2_400, 2_700)]),
    ],
)
def test_time_in_which_a_subagent_ran_is_active(told: dict[str, Any], seconds: list[tuple[int, int]]) -> None:
    facts = facts_of(
        prompt(0, "u1", "a"), answer(10, "a1", "m1", use("t1", "Agent", prompt="b")), result(2_400, "r1", "t1", "c", toolUseResult=told)
    )

    assert [((start - START).total_seconds(), (end - START).total_seconds()) for start, end in facts.active_ranges] == seconds


CUSTOM, AI = (
    {"type": "custom-title", "customTitle": "Mine", "sessionId": SESSION},
    {"type": "ai-title", "aiTitle": "Its", "sessionId": SESSION},
)
SUMMARY = {"type": "summary", "summary": "In short", "leafUuid": "u1"}


@pytest.mark.parametrize(
    ("rows", "title", "rank"),
    [
        ([], "first  words".replace("  ", " "), TITLE_OF_PROMPT),
        ([SUMMARY], "In short", TITLE_OF_SUMMARY),
        ([SUMMARY | {"leafUuid": "in-another-file"}], "first words", TITLE_OF_PROMPT),
        ([AI, SUMMARY], "Its", TITLE_OF_CLAUDE),
        ([CUSTOM, AI], "Mine", TITLE_OF_PERSON),
        ([CUSTOM, CUSTOM | {"customTitle": "Mine, again"}], "Mine, again", TITLE_OF_PERSON),
        ([CUSTOM | {"customTitle": ""}], "first words", TITLE_OF_PROMPT),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_the_title_prefers_custom_then_ai_then_summary_then_first_prompt(
    rows: list[dict[str, Any]], title: str, rank: int, before: bool
) -> None:
    prompts = [prompt(0, "u1", "first\n words"), prompt(1, "u2", "second words")]
    facts = facts_of(*(rows + prompts if before else prompts + rows))
    assert (facts.title, facts.title_rank) == (title, rank)


def cost_state(cost: float, output: int) -> dict[str, Any]:
    tokens = {"inputTokens": 3, "outputTokens": output, "cacheReadInputTokens": 5, "cacheCreationInputTokens": 6, "costUSD": cost}
    totals = {
        "totalDuration": 50401,
        "totalAPIDuration": 7914,
        "totalToolDuration": 20106,
        "totalLinesAdded": 4,
        "totalLinesRemoved": 2,
    }
    return {"type": "cost-state", "sessionId": SESSION, "totalCostUSD": cost, "modelUsage": {"a": tokens, "b": tokens}} | totals


def test_session_totals_are_the_maximum_of_the_totals_at_each_exit() -> None:
    facts = facts_of(prompt(0, "u1", "a"), cost_state(0.0319246, 40), cost_state(0.01, 4))
    assert (facts.cost_nano_usd, facts.input_tokens, facts.output_tokens) == (31_924_600, 6, 80)
    assert (facts.cache_read_tokens, facts.cache_creation_tokens, facts.lines_added, facts.lines_removed) == (10, 12, 4, 2)
    assert (facts.wall_duration_ms, facts.api_duration_ms, facts.tool_duration_ms) == (50401, 7914, 20106)


def test_clients_costs_are_those_of_the_greatest_total_by_model() -> None:
    auto = {"type": "permission-mode", "permissionMode": "auto", "sessionId": SESSION}
    more = cost_state(0.05, 50) | {"startTime": 1789398960924, "hasUnknownModelCost": True, "modelCallCostUSD": 0.002}

    costs = facts_of(prompt(0, "u1", "a"), answer(1, "a1", "msg_1", text("b")), more, cost_state(0.01, 4), auto).client_costs

    assert costs is not None
    assert (costs.cost_nano_usd, costs.started_ms, costs.plugin_calls_nano_usd) == (50_000_000, 1789398960924, 2_000_000)
    assert (costs.has_unknown_model_cost, costs.is_auto_mode, list(costs.models)) == (True, True, ["a", "b"])
    assert costs.models["a"] == ClientUsage(
        input_tokens=3, output_tokens=50, cache_creation_tokens=6, cache_read_tokens=5, cost_nano_usd=50_000_000
    )


def test_session_without_a_total_has_the_facts_it_had_before_totals_were_kept() -> None:
    facts = facts_of(prompt(0, "u1", "a"))

    assert facts.client_costs is None
    assert facts.id == UUID("bd81fd76-52d8-5311-bfdd-81e83ff3a4bb")


def test_advisors_are_calls_of_their_own_with_the_region_of_the_call() -> None:
    steps = [
        {"type": "message", "input_tokens": 3},
        {
            "type": "advisor_message",
            "model": "claude-opus-4-8",
            "input_tokens": 1000,
            "output_tokens": 500,
            "cache_creation_input_tokens": 7,
        },
        {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 1, "output_tokens": 2},
        {"type": "compaction", "input_tokens": 9, "output_tokens": 9},
    ]
    usage = {"input_tokens": 3, "output_tokens": 4, "inference_geo": "us", "iterations": steps}
    message = {"id": "msg_1", "model": "claude-sonnet-4-5", "content": [text("Yes.")], "usage": usage}

    calls = of(read_rows(row("assistant", 0, "a", requestId="req_1", agentId="x", isSidechain=True, message=message)), ApiCall)

    assert [(each.model, each.input_tokens, each.output_tokens, each.cache_write_5m_tokens, each.is_advisor) for each in calls] == [
        ("claude-sonnet-4-5", 3, 4, 0, False),
        ("claude-opus-4-8", 1000, 500, 7, True),
        ("claude-opus-4-8", 1, 2, 0, True),
    ]
    assert {(each.inference_geo, each.agent_id, each.is_fast) for each in calls} == {("us", "x", False)}
    assert len({each.id for each in calls}) == 3


FORK = "fork"


def copied(*rows: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    return [row | {"sessionId": FORK} | fields for row in rows]


PARENT = [prompt(0, "u1", "begin"), answer(10, "a1", "msg_1", text("Begun."))]
OF_FORK = copied(prompt(600, "u2", "in the fork"), answer(630, "a2", "msg_2", text("Forked.")))
SNAPSHOTS = [
    {"type": "file-history-snapshot", "messageId": uuid, "snapshot": {"messageId": uuid, "timestamp": at(seconds)}}
    for uuid, seconds in (("u1", 0.5), ("u2", 601))
]
QUEUED = [{"type": "queue-operation", "operation": each, "sessionId": FORK, "timestamp": at(599.9)} for each in ("enqueue", "dequeue")]


@pytest.mark.parametrize(
    ("rows", "parent"),
    [
        ([*SNAPSHOTS, *copied(*PARENT), *OF_FORK], None),
        ([*QUEUED, *copied(*PARENT), *OF_FORK], None),
        ([*copied(*PARENT, forkedFrom={"sessionId": SESSION, "messageUuid": "u1"}), *OF_FORK], SESSION),
    ],
    ids=["--fork-session", "-p --fork-session", "/branch"],
)
def test_fork_begins_at_its_own_first_record(rows: list[dict[str, Any]], parent: str | None) -> None:
    records = read_rows(*rows)

    facts = of(records, SessionFacts)[-1]
    assert (facts.session_id, facts.started_at, facts.ended_at) == (FORK, START + timedelta(seconds=600), START + timedelta(seconds=630))
    assert [(end - start).total_seconds() for start, end in facts.active_ranges] == [30 + IDLE_GAP.total_seconds()]
    assert facts.parent_session_id == parent
    assert {each.started_at for each in of(records, SessionFacts)} <= {None, facts.started_at}
    # The copy is there, since the parent's file may be gone
    assert sorted(message.content for message in of(records, Message)) == ["Begun.", "Forked.", "begin", "in the fork"]


def test_records_before_the_first_prompt_do_not_make_a_session_a_fork() -> None:
    start = {"type": "attachment", "attachment": {"type": "hook_success", "content": ""}}
    first, second = prompt(2, "u1", "begin"), prompt(20, "u2", "go on")
    snapshots = [
        {"type": "file-history-snapshot", "messageId": uuid, "snapshot": {"timestamp": at(s)}} for uuid, s in (("u1", 12), ("u2", 21))
    ]

    facts = of(
        read_rows(snapshots[0], row("attachment", 8, "x1", **start), first, answer(13, "a1", "msg_1", text("Yes.")), snapshots[1], second),
        SessionFacts,
    )[-1]

    assert (facts.started_at, facts.ended_at) == (START + timedelta(seconds=2), START + timedelta(seconds=20))


@pytest.mark.parametrize("calls_first", [True, False])
def test_totals_of_a_file_with_api_calls_are_those_of_its_calls(*, calls_first: bool) -> None:
    said = answer(1, "a1", "msg_1", text("Hello."))
    rows = [prompt(0, "u1", "a"), said, cost_state(0.03, 40)] if calls_first else [prompt(0, "u1", "a"), cost_state(0.03, 40), said]

    facts = facts_of(*rows)

    assert (facts.cost_nano_usd, facts.input_tokens, facts.cache_read_tokens, facts.lines_added) == (None, None, None, None)
    assert facts.wall_duration_ms == 50401


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b'{"type":"summary","summary":"x","leafUuid":"elsewhere"}\n', b'{"type":"mode","sessionId":"s"}']
)
def test_a_file_without_events_has_no_session_and_no_error(content: bytes) -> None:
    assert [type(record).__name__ for record in read(content)] == ["FileSummary"]


def test_unknown_row_types_are_counted_and_not_errors() -> None:
    records = read_rows(*WHOLE, {"type": "hologram", "sessionId": SESSION}, {"no": "type"})
    assert errors(records) == []
    assert summary(records).unknown_records == {"hologram": 1, "(none)": 1}
    assert summary(records).records["hologram"] == 1


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"type": "session_meta", "payload": {}}, {"type": "response_item", "payload": {}}], "Codex"),
        ([{"type": "gemini", "content": "x"}], "Gemini"),
        ([{"type": "system", "subtype": "init", "session_id": "s"}, {"type": "result", "session_id": "s"}], "stream-json"),
        ([{"name": "left-pad"}], "none that Claude Code writes"),
    ],
)
def test_a_log_of_another_program_is_reported_with_its_likely_kind(rows: list[dict[str, Any]], words: str) -> None:
    error, end = read_rows(*rows)
    assert error.code == "NOT_A_TRANSCRIPT"
    assert words in error.message
    assert sum(end.records.values()) == len(rows)


def test_ids_are_derived_from_the_natural_keys() -> None:
    records = read_rows(*WHOLE)
    assert [m.id for m in of(records, Message)] == [
        person_message_id("u1"),
        claude_message_id("msg_1"),
        claude_message_id("msg_2"),
        claude_message_id("msg_3"),
    ]
    assert [t.id for t in of(records, ToolUse)] == [tool_use_id("toolu_1"), tool_use_id("toolu_2")]


def test_tool_and_api_calls_without_a_time_take_that_of_the_row_before() -> None:
    records = read_rows(prompt(5, "u1", "a"), answer(0, "a1", "m", text("b"), use("toolu_1"), timestamp=None), result(9, "u2", "toolu_1"))
    [person, claude], [tool], [call] = of(records, Message), of(records, ToolUse), of(records, ApiCall)
    assert person.timestamp == tool.timestamp == call.timestamp == START + timedelta(seconds=5)
    assert claude.timestamp is None
