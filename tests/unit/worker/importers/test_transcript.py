"""What a transcript gives: messages, tool calls, file changes, tokens, and the facts of its sessions."""

from datetime import timedelta
from typing import Any

import pytest

from services.worker.importers.formats.ids import api_call_id, claude_message_id, person_message_id, tool_use_id
from services.worker.persist.records import (
    TITLE_OF_CLAUDE,
    TITLE_OF_PERSON,
    TITLE_OF_PROMPT,
    TITLE_OF_SUMMARY,
    ApiCall,
    Message,
    SessionFacts,
    ToolUse,
)
from tests.unit.worker.importers.rows_of_a_session import (
    SESSION,
    START,
    WHOLE,
    answer,
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


def test_a_session_is_there_before_what_happened_in_it_and_complete_at_the_end() -> None:
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


def test_rows_of_one_message_are_one_message_and_the_row_with_most_output_counts_its_tokens() -> None:
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
def test_what_was_written_to_the_cache_is_split_by_how_long_it_is_kept(usage: dict[str, Any], for_5m: int, for_1h: int) -> None:
    message = {"id": "m", "model": "x", "content": [], "usage": usage | {"speed": "fast", "server_tool_use": {"web_search_requests": 2}}}
    [call] = of(read_rows(row("assistant", 0, "a", message=message)), ApiCall)
    assert (call.cache_write_5m_tokens, call.cache_write_1h_tokens, call.web_searches, call.is_fast) == (for_5m, for_1h, 2, True)


def test_what_claude_code_says_itself_where_no_answer_came_is_no_message() -> None:
    records = read_rows(row("assistant", 0, "a", message={"id": "m", "model": "<synthetic>", "content": [text("API Error")], "usage": {}}))
    assert of(records, Message) == of(records, ApiCall) == []


def test_a_subagent_belongs_to_the_session_that_started_it_and_its_prompt_is_no_persons() -> None:
    records = read_rows(
        prompt(0, "u1", "Find all tests", isSidechain=True, agentId="a1b2c3d"),
        answer(1, "a1", "msg_1", text("Here"), use("toolu_1"), isSidechain=True, agentId="a1b2c3d"),
    )
    [message], [tool], [call] = of(records, Message), of(records, ToolUse), of(records, ApiCall)
    assert message.session_id == tool.session_id == call.session_id == SESSION
    assert message.agent_id == tool.agent_id == call.agent_id == "a1b2c3d"
    facts = of(records, SessionFacts)[-1]
    assert (facts.title, facts.model) == (None, None)


def test_a_subagent_in_its_parents_file_has_a_name_of_its_own_even_where_the_file_gives_none() -> None:
    [message] = of(read_rows(answer(1, "a1", "msg_1", text("Here"), isSidechain=True)), Message)
    assert message.agent_id == "sidechain"


def test_two_sessions_in_one_file_are_two_and_the_later_goes_on_with_the_earlier() -> None:
    records = read_rows(
        prompt(0, "u1", "hello", sessionId="old"),
        prompt(9, "u2", "and on", sessionId="new", parentUuid="u1", cwd="/home/ann/other"),
    )
    facts = {f.session_id: f for f in of(records, SessionFacts)}
    assert facts["old"].project_path == "/home/ann/app"
    assert facts["new"].project_path == "/home/ann/other"
    assert (facts["old"].parent_session_id, facts["new"].parent_session_id) == (None, "old")
    assert [m.session_id for m in of(records, Message)] == ["old", "new"]


def test_a_fork_that_says_so_has_its_parent_and_its_copies_have_the_ids_they_had() -> None:
    original = of(read_rows(*WHOLE), Message)
    forked = read_rows(*[r | {"sessionId": "fork", "forkedFrom": {"sessionId": SESSION}} for r in WHOLE])
    assert [m.id for m in of(forked, Message)] == [m.id for m in original]
    assert of(forked, SessionFacts)[-1].parent_session_id == SESSION


def test_the_project_is_the_first_folder_of_the_session_as_projects_are_written() -> None:
    facts = facts_of(
        prompt(0, "u0", "a", cwd="relative/path"), prompt(1, "u1", "b", cwd="d:\\src\\app\\"), prompt(2, "u2", "c", cwd="/elsewhere")
    )
    assert facts.project_path == "D:/src/app"


def test_start_and_end_are_the_first_and_last_time_whatever_the_order_and_progress_does_not_count() -> None:
    facts = facts_of(
        prompt(600, "u2", "b"),
        prompt(0, "u1", "a"),
        row("system", 1000, "s1", subtype="turn_duration"),
        row("progress", 9000, "p1", data={"type": "hook_progress"}),
    )
    seconds = [((start - START).total_seconds(), (end - START).total_seconds()) for start, end in facts.active_ranges]
    assert (facts.started_at, facts.ended_at) == (START, START + timedelta(seconds=1000))
    assert seconds == [(0, 300), (600, 900), (1000, 1300)]


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
def test_the_title_is_the_persons_own_else_claudes_else_a_summary_else_the_first_prompt(
    rows: list[dict[str, Any]], title: str, rank: int, before: bool
) -> None:
    prompts = [prompt(0, "u1", "first\n words"), prompt(1, "u2", "second words")]
    facts = facts_of(*(rows + prompts if before else prompts + rows))
    assert (facts.title, facts.title_rank) == (title, rank)


def test_totals_that_claude_code_wrote_at_its_exits_are_the_sessions_of_each_the_greatest() -> None:
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

    facts = facts_of(prompt(0, "u1", "a"), cost_state(0.0319246, 40), cost_state(0.01, 4))
    assert (facts.cost_nano_usd, facts.input_tokens, facts.output_tokens) == (31_924_600, 6, 80)
    assert (facts.cache_read_tokens, facts.cache_creation_tokens, facts.lines_added, facts.lines_removed) == (10, 12, 4, 2)
    assert (facts.wall_duration_ms, facts.api_duration_ms, facts.tool_duration_ms) == (50401, 7914, 20106)


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b'{"type":"summary","summary":"x","leafUuid":"elsewhere"}\n', b'{"type":"mode","sessionId":"s"}']
)
def test_a_file_in_which_nothing_happened_has_no_session_and_no_error(content: bytes) -> None:
    assert [type(record).__name__ for record in read(content)] == ["FileSummary"]


def test_types_that_are_not_known_are_counted_not_failed() -> None:
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
def test_another_programs_log_is_called_what_it_seems_to_be(rows: list[dict[str, Any]], words: str) -> None:
    error, end = read_rows(*rows)
    assert error.code == "NOT_A_TRANSCRIPT"
    assert words in error.message
    assert sum(end.records.values()) == len(rows)


def test_ids_are_those_that_any_other_source_makes_of_the_same_keys() -> None:
    records = read_rows(*WHOLE)
    assert [m.id for m in of(records, Message)] == [
        person_message_id("u1"),
        claude_message_id("msg_1"),
        claude_message_id("msg_2"),
        claude_message_id("msg_3"),
    ]
    assert [t.id for t in of(records, ToolUse)] == [tool_use_id("toolu_1"), tool_use_id("toolu_2")]


def test_a_row_without_a_time_is_where_the_row_before_it_is() -> None:
    records = read_rows(prompt(5, "u1", "a"), answer(0, "a1", "m", text("b"), use("toolu_1"), timestamp=None), result(9, "u2", "toolu_1"))
    [person, claude], [tool], [call] = of(records, Message), of(records, ToolUse), of(records, ApiCall)
    assert person.timestamp == tool.timestamp == call.timestamp == START + timedelta(seconds=5)
    assert claude.timestamp is None
