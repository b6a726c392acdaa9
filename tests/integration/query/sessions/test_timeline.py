"""A session is read from its beginning to its end: every page is a part of the one whole list."""

from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Json
from starlette.testclient import TestClient

from services.query.database import Database
from services.query.queries.lists.paging import PAGE_BYTES
from services.query.queries.timeline import derived_items, timeline
from services.query.queries.timeline.item_order import View
from tests.example_counts import examples
from tests.integration.query import seed
from tests.integration.query.pages import pages
from tests.integration.query.sessions.timelines import NOON, PATH, Connection, Json_, fill, read

at_random = settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def walk(client: TestClient, cursor: str, **parameters: Any) -> list[Json_]:
    """All items from the first page on, along the cursors of that name."""
    items: list[Json_] = []
    page = read(client, **parameters)
    while True:
        found = page["items"]
        items = items + found if cursor == "next_cursor" else found + items
        if page[cursor] is None:
            return items
        assert found
        page = read(client, **parameters | {"cursor": page[cursor]})


VIEWS: list[Json_] = [{}, {"include_thinking": True}, {"threads": "all"}, {"agent_id": "a"}]


@at_random
@given(st.integers(0, 10**6), st.integers(1, 25), st.sampled_from(VIEWS))
def test_every_page_is_a_part_of_the_whole(
    client: TestClient, connection: Connection, session: str, monkeypatch: pytest.MonkeyPatch, number: int, limit: int, view: Json_
) -> None:
    monkeypatch.setattr(derived_items, "MOST_SWITCHES", 3)  # so that some sessions have more
    connection.execute("TRUNCATE messages, tool_calls, activities, api_calls, timeline_entries")
    random = Random(number)
    fill(connection, random, random.randrange(4, 60))
    if view.get("agent_id"):
        seed.add_message(connection, "s", NOON, "do it", agent_id="a")
    whole = read(client, limit=1000, **view)
    items = whole["items"]

    assert [item["offset"] for item in items] == list(range(whole["totals"]["items"]))
    assert len({item["id"] for item in items}) == len(items)
    assert walk(client, "next_cursor", limit=limit, **view) == items
    assert walk(client, "next_cursor", limit=limit, order="desc", **view) == items[::-1]
    if items:
        wanted = random.choice(items)
        around = read(client, limit=limit, around=wanted["id"], **view)
        first = wanted["offset"] - min(limit // 2, wanted["offset"])
        assert around["items"] == items[first : wanted["offset"] + limit - limit // 2]
        assert walk(client, "next_cursor", limit=limit, around=wanted["id"], **view) == items[first:]
        assert walk(client, "previous_cursor", limit=limit, around=wanted["id"], **view) == items[: first + len(around["items"])]
        newest_first = read(client, limit=limit, around=wanted["id"], order="desc", **view)
        assert newest_first["items"] == around["items"][::-1]


def test_items_are_in_the_order_of_what_followed_from_what(client: TestClient, connection: Connection, session: str) -> None:
    # Given everything at the same instant, and an undated prompt
    ids = {
        "change": seed.add_activity(connection, "s", NOON, "/home/ann/shop/a.py"),
        "call": seed.add_tool_call(connection, "s", NOON),
        "reply": seed.add_message(connection, "s", NOON, "yes", role="assistant", model="x"),
        "thinking": seed.add_timeline_entry(connection, "s", NOON, "thinking"),
        "prompt": seed.add_message(connection, "s", NOON),
        "undated": seed.add_message(connection, "s", seed.UNDATED),
    }

    items = read(client, include_thinking=True)["items"]

    assert [item["id"] for item in items] == [str(ids[name]) for name in ("undated", "prompt", "thinking", "reply", "call", "change")]
    assert [item["timestamp"] for item in items[:2]] == [None, "2026-01-15T12:00:00Z"]
    assert [item["turn"] for item in items] == [1, 2, 2, 2, 2, 2]


def test_a_call_has_its_result_and_its_changes(client: TestClient, connection: Connection, session: str) -> None:
    result = {"result": "begin end", "result_left_out": 70, "result_cut_at": 5, "result_media": Json([{"type": "image/png", "bytes": 9}])}
    failed = {"status": "error", "error_class": "timeout", "wait_ms": 12}
    call = seed.add_tool_call(connection, "s", NOON, parameters=Json({"b": 1, "a": 2}), **result, **failed)
    patch = {"patch": "@@ -1 +1 @@\n-a\n+b\n", "patch_left_out": 3}
    change = seed.add_activity(connection, "s", NOON, "/home/ann/shop/a.py", tool_call_id=call, **patch)

    [item] = read(client)["items"]

    assert (item["kind"], item["parameters"], item["error_class"], item["wait_ms"]) == ("tool_call", {"b": 1, "a": 2}, "timeout", 12)
    media = [{"type": "image/png", "bytes": 9}]
    assert item["result"] == {"text": "begin end", "left_out_characters": 70, "cut_at_character": 5, "media": media}
    [shown] = item["changes"]
    assert (shown["id"], shown["patch"], shown["patch_left_out_lines"]) == (str(change), patch["patch"], 3)
    # The change is where its call is.
    assert read(client, around=change)["items"] == [item]


def test_model_switches_and_idle_gaps_are_items(client: TestClient, connection: Connection, session: str) -> None:
    seed.add_message(connection, "s", NOON)
    for seconds, model in ((1, "opus"), (2, "opus"), (903, "haiku")):
        reply = seed.add_message(connection, "s", NOON + timedelta(seconds=seconds), "yes", role="assistant", model=model)
    seed.compute_totals(connection)

    items = read(client)["items"]

    assert [item["kind"] for item in items] == ["message", "message", "message", "idle_gap", "model_switch", "message"]
    gap, switch = items[3:5]
    assert (gap["timestamp"], gap["until"], gap["seconds"]) == ("2026-01-15T12:00:02Z", "2026-01-15T12:15:03Z", 901.0)
    assert (switch["id"], switch["from_model"], switch["to_model"]) == (f"model_switch-{reply}", "opus", "haiku")
    assert [item["offset"] for item in read(client, around=gap["id"], limit=3)["items"]] == [2, 3, 4]


def test_totals_are_the_sums(client: TestClient, connection: Connection, session: str) -> None:
    fill(connection, Random(5), 120)
    row = connection.execute(
        "SELECT sum(cost_nano_usd), sum(input_tokens + output_tokens + cache_write_5m_tokens + cache_read_tokens) FROM api_calls"
    )
    cost, tokens = row.fetchone() or (0, 0)

    for view in ({"threads": "all"}, {}):
        body = read(client, limit=1000, **view)
        totals = body["totals"]
        assert (totals["cost_usd"], totals["total_tokens"]) == (pytest.approx(float(cost) / 1e9), int(tokens))
        for before, after in pairwise(body["items"]):
            assert before["tokens_so_far"] <= after["tokens_so_far"]
            assert after["turn"] - before["turn"] in (0, 1)
    everything = read(client, limit=1000, threads="all", include_thinking=True)
    # Calls, their changes being below them.
    assert sum(item["kind"] == "tool_call" for item in everything["items"]) == everything["totals"]["tool_calls"]
    last = everything["items"][-1]
    assert last["turn"] == everything["totals"]["turns"]


@pytest.mark.parametrize("view", [{}, {"threads": "all"}, {"agent_id": "a"}])
def test_sum_so_far_at_the_last_item_is_the_sum_of_all(client: TestClient, connection: Connection, session: str, view: Json_) -> None:
    # Given a subagent whose calls go on after the last item of the session and of its own
    seed.add_message(connection, "s", NOON)
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=1), "Agent", started_agent="a")
    seed.add_message(connection, "s", NOON + timedelta(seconds=2), agent_id="a")
    for minute in range(4):
        seed.add_api_call(connection, "s", NOON + timedelta(minutes=minute), agent_id="a", cost_nano_usd=10**9, output_tokens=5)

    whole, first, last = (read(client, **view | page) for page in ({}, {"limit": 1}, {"limit": 1, "order": "desc"}))

    at_last = {(page["items"][-1]["cost_usd_so_far"], page["items"][-1]["tokens_so_far"]) for page in (whole, last)}
    assert at_last == {(whole["totals"]["cost_usd"], whole["totals"]["total_tokens"])} == {(4.0, 20)}
    if whole["totals"]["items"] > 1:
        assert first["items"][0]["tokens_so_far"] == 5


def test_subagents_are_below_the_calls_that_started_them(client: TestClient, connection: Connection, session: str) -> None:
    # Given a subagent with one of its own, one that no call is known of, and a call whose subagent is not stored
    seed.add_message(connection, "s", NOON)
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=1), "Agent", started_agent="outer")
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=9), "Agent", started_agent="not stored")
    for number, (agent_id, prompt) in enumerate((("outer", "look around"), ("inner", "look closer"), ("lost", "look away"))):
        at = NOON + timedelta(seconds=2 + number)
        seed.add_message(connection, "s", at, prompt, agent_id=agent_id)
        seed.add_api_call(connection, "s", at, agent_id=agent_id, cost_nano_usd=10**9, output_tokens=5)
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=3), "Agent", agent_id="outer", started_agent="inner")

    items = read(client)["items"]
    assert [(item["kind"], item.get("subagent") and item["subagent"]["agent_id"]) for item in items] == [
        ("message", None), ("tool_call", "outer"), ("subagent", "lost"), ("tool_call", "not stored"),
    ]  # fmt: skip
    assert items[1]["subagent"] == {
        "agent_id": "outer", "items": 2, "tool_calls": 1, "cost_usd": 1.0, "tokens": 5, "prompt": "look around",
        "first_time": "2026-01-15T12:00:02Z", "last_time": "2026-01-15T12:00:03Z",
    }  # fmt: skip
    assert items[3]["subagent"]["items"] == 0
    nested = read(client, agent_id="outer")
    assert [item["kind"] for item in nested["items"]] == ["message", "tool_call"]
    assert nested["items"][1]["subagent"]["agent_id"] == "inner"
    assert (nested["totals"]["cost_usd"], nested["items"][0]["turn"]) == (1.0, 1)
    assert {item["agent_id"] for item in read(client, threads="all")["items"]} == {None, "outer", "inner", "lost"}


def test_subagents_that_started_one_another_do_not_vanish(client: TestClient, connection: Connection, session: str) -> None:
    for agent_id, started in (("a", "b"), ("b", "a"), ("c", "c")):
        seed.add_tool_call(connection, "s", NOON, "Agent", agent_id=agent_id, started_agent=started)

    assert [item["subagent"]["agent_id"] for item in read(client)["items"] if item["kind"] == "subagent"] in (["a", "c"], ["c", "a"])


def test_rows_that_arrive_between_pages_neither_repeat_nor_hide_others(client: TestClient, connection: Connection, session: str) -> None:
    fill(connection, Random(3), 60)
    before = [item["id"] for item in read(client, limit=1000)["items"]]
    random = Random(4)
    for order in ("asc", "desc"):
        shown: list[str] = []
        page = read(client, limit=7, order=order)
        while True:
            shown += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            seed.add_tool_call(connection, "s", NOON + timedelta(minutes=random.randrange(80)))
            page = read(client, limit=7, order=order, cursor=page["next_cursor"])
        assert len(shown) == len(set(shown))
        assert [each for each in shown if each in set(before)] == (before if order == "asc" else before[::-1])


def test_a_page_is_bounded_in_bytes(client: TestClient, connection: Connection, session: str) -> None:
    text = "x" * 2**20
    for number in range(20):
        at = NOON + timedelta(seconds=number)
        call = seed.add_tool_call(connection, "s", at, result=text)
        seed.add_activity(connection, "s", at, "/home/ann/shop/a.py", tool_call_id=call, patch=text)

    for parameters in ({}, {"order": "desc"}, {"around": str(call)}):
        page = read(client, limit=1000, **parameters)
        assert 2 <= len(page["items"]) <= PAGE_BYTES / 2**21
    assert [item["offset"] for item in walk(client, "next_cursor", limit=1000)] == list(range(20))
    assert [item["offset"] for item in walk(client, "previous_cursor", limit=1000, around=call)] == list(range(20))


def test_what_is_not_there_is_a_404_in_words(client: TestClient, connection: Connection, session: str) -> None:
    seed.add_message(connection, "s", NOON, agent_id="a")
    elsewhere = seed.add_message(connection, "s", NOON, agent_id="a")
    hidden = seed.add_timeline_entry(connection, "s", NOON, "thinking")
    seed.add_session(connection, "other", 1)
    other = seed.add_message(connection, "other", NOON)

    expected = {
        f"{PATH}?around={elsewhere}": ("ITEM_NOT_FOUND", "agent_id=a"),
        f"{PATH}?around={hidden}": ("ITEM_NOT_FOUND", "include_thinking=true"),
        f"{PATH}?around={other}": ("ITEM_NOT_FOUND", "no item"),
        f"{PATH}?around=idle_gap-7": ("ITEM_NOT_FOUND", "no item"),
        f"{PATH}?agent_id=nobody": ("SUBAGENT_NOT_FOUND", "no subagent"),
        "/api/sessions/nowhere/timeline": ("SESSION_NOT_FOUND", "no session"),
    }
    for path, (code, words) in expected.items():
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
        assert words in answer.json()["message"]
    assert client.get(f"{PATH}?agent_id=a&threads=all").status_code == 400


def test_a_cursor_is_bound_to_its_view(client: TestClient, connection: Connection, session: str) -> None:
    for seconds in range(3):
        seed.add_message(connection, "s", NOON + timedelta(seconds=seconds))
    cursor = read(client, limit=1)["next_cursor"]

    assert read(client, limit=2, cursor=cursor)["items"][0]["offset"] == 1
    for parameters in ({"order": "desc"}, {"threads": "all"}, {"include_thinking": True}):
        answer = client.get(PATH, params=parameters | {"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_CURSOR")


def test_an_export_reads_the_same_page_by_page(
    client: TestClient, connection: Connection, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(connection, Random(11), 150)
    monkeypatch.setattr(timeline, "PAGE_ITEMS", 7)
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    for view, parameters in (
        (View("s"), {}),
        (View("s", agent_id="a"), {"agent_id": "a"}),
        (View("s", all_threads=True, include_thinking=True), {"threads": "all", "include_thinking": True}),
    ):
        read_by_pages = list(timeline.whole_timeline(database.connection, view, timedelta(minutes=5)))

        assert max(map(len, read_by_pages)) == 7
        shown = msgspec.json.decode(msgspec.json.encode([item for page in read_by_pages for item in page]))
        assert shown == read(client, limit=1000, **parameters)["items"]
    assert list(timeline.whole_timeline(database.connection, View("nowhere"), timedelta(minutes=5))) == []


def test_the_sums_of_turns_are_the_sessions(client: TestClient, connection: Connection, session: str) -> None:
    for number in range(6):
        for table in ("messages", "tool_calls", "activities", "api_calls", "timeline_entries"):
            connection.execute(f"TRUNCATE {table}".encode())
        fill(connection, Random(number), 80)
        turns = client.get("/api/sessions/s/turns?limit=200").json()["items"]
        whole = client.get("/api/sessions/s").json()

        assert [turn["number"] for turn in turns] == list(range(turns[0]["number"], turns[0]["number"] + len(turns)))
        assert turns[0]["number"] in (0, 1)
        for name, of_session in {"messages": "messages_count", "tool_calls": "tool_calls_count"}.items():
            assert sum(turn[name] for turn in turns) == whole[of_session]
        for name in ("lines_added", "lines_removed", "input_tokens", "output_tokens", "cache_read_tokens", "api_calls", "unpriced_calls"):
            assert sum(turn[name] for turn in turns) == whole[name]
        assert sum(turn["cost_usd"] or 0 for turn in turns) == pytest.approx(whole["cost_usd"] or 0)
        assert sum(turn["active_seconds"] for turn in turns) / 60 == pytest.approx(whole["active_minutes"], abs=0.06)
        assert pages(client, "/api/sessions/s/turns", 3) == turns
        assert pages(client, "/api/sessions/s/turns", 1) == turns
        # Each leads to its place in the timeline.
        for turn in turns:
            if turn["first_item_id"]:
                [item] = read(client, around=turn["first_item_id"], limit=1)["items"]
                assert (item["turn"], item["content"]) == (turn["number"], turn["prompt"])


def test_the_first_turn_has_the_time_since_the_sessions_start(client: TestClient, connection: Connection, session: str) -> None:
    seed.add_tool_call(connection, "s", NOON - timedelta(minutes=1))
    for minute in range(3):
        seed.add_message(connection, "s", NOON + timedelta(minutes=minute))
    seed.compute_totals(connection)
    # Given a start that is earlier than the first row
    start, first = NOON - timedelta(minutes=3), NOON - timedelta(minutes=1)
    connection.execute("UPDATE sessions SET active_ranges = active_ranges + tstzmultirange(tstzrange(%s, %s))", (start, first))

    turns = client.get("/api/sessions/s/turns").json()["items"]

    assert [(turn["number"], turn["tool_calls"], turn["active_seconds"]) for turn in turns] == [
        (0, 1, 180),
        (1, 0, 60),
        (2, 0, 60),
        (3, 0, 0),
    ]
    assert pages(client, "/api/sessions/s/turns", 1) == turns


def test_a_turn_has_its_tools_and_files(client: TestClient, connection: Connection, session: str) -> None:
    seed.add_message(connection, "s", NOON, "x" * 600)
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=1), "Edit")
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=2), "Bash", status="error")
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=3), "Bash", agent_id="a")
    seed.add_activity(connection, "s", NOON + timedelta(seconds=1), "/home/ann/shop/a.py")
    seed.add_api_call(connection, "s", NOON + timedelta(seconds=1), model="opus", cost_nano_usd=10**9)

    [turn] = client.get("/api/sessions/s/turns").json()["items"]

    assert (turn["number"], len(turn["prompt"]), turn["prompt_is_cut"], turn["cost_usd"]) == (1, 500, True, 1.0)
    assert (turn["start_time"], turn["end_time"]) == ("2026-01-15T12:00:00Z", "2026-01-15T12:00:03Z")
    assert turn["tools"] == [{"tool_name": "Bash", "calls": 2, "errors": 1}, {"tool_name": "Edit", "calls": 1, "errors": 0}]
    assert turn["files"] == [{"file_path": "/home/ann/shop/a.py", "touches": 1, "lines_added": 3, "lines_removed": 1}]
    assert (turn["models"], turn["subagents"], turn["tool_errors"]) == (["opus"], ["a"], 1)
    assert client.get("/api/sessions/nowhere/turns").json()["code"] == "SESSION_NOT_FOUND"
