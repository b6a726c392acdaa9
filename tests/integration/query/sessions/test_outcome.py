"""The outcome of a session: ask, answer, commits, tests, files, failures, days, and why it cost what it cost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from genai_prices.data import providers
from psycopg.types.json import Json
from starlette.testclient import TestClient

from services.worker.persist.derived_values.pricing import PROVIDER, TOKEN_COLUMNS, Tokens, price_of
from tests.integration.query import seed
from tests.json_answers import json_of
from tests.kept_connection import Connection

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)
OPUS = "claude-opus-4-5"
HOUR = timedelta(hours=1)


@pytest.fixture
def session(connection: Connection) -> str:
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/shop"), started_at=NOON)
    return "s"


def outcome(client: TestClient, query: str = "") -> dict[str, Any]:
    return json_of(client, f"/api/sessions/s/outcome?{query}")


def call(connection: Connection, at: datetime, tokens: Tokens, model: str = OPUS, agent_id: str | None = None) -> None:
    """An API call with its price of the list."""
    price = price_of(model, at, tokens)
    columns = dict(zip(TOKEN_COLUMNS, tokens.columns(), strict=True))
    costs = {
        "cost_nano_usd": price.nano_usd,
        "uncached_nano_usd": price.uncached_nano_usd,
        "cache_saved_nano_usd": price.cache_saved_nano_usd,
        "cache_write_nano_usd": price.cache_write_nano_usd,
    }
    seed.add_api_call(connection, "s", at, model=model, agent_id=agent_id, **columns, **costs)


def shell(connection: Connection, at: datetime, command: str, result: str = "", **columns: Any) -> str:
    return str(seed.add_tool_call(connection, "s", at, parameters=Json({"command": command}), result=result, **columns))


def test_a_session_tells_its_ask_its_answer_and_what_came_of_it(client: TestClient, connection: Connection, session: str) -> None:
    ask = seed.add_message(connection, session, NOON, "Retry failed uploads")
    seed.add_message(connection, session, NOON + HOUR, "I look first.", role="assistant")
    shell(connection, NOON + HOUR, "cd api && pytest -q tests 2>&1 | tail", "1 failed, 11 passed in 2s")
    last = shell(connection, NOON + 2 * HOUR, "cd api && pytest -q tests 2>&1 | tail", "12 passed in 2s")
    shell(connection, NOON + 2 * HOUR, 'git commit -am "Retry"', "[main 1a2b3c4] Retry\n 2 files changed")
    shell(connection, NOON + 2 * HOUR, "gh pr create --fill", "https://github.com/ann/shop/pull/7\n")
    failed = shell(connection, NOON + 3 * HOUR, "cat x", "cat: x: No such file", status="error", error_class="file_not_found")
    seed.add_activity(connection, session, NOON, "/home/ann/shop/a.py", lines_added=3, lines_removed=1)
    change = seed.add_activity(connection, session, NOON + HOUR, "/home/ann/shop/a.py", lines_added=4, lines_removed=0)
    answer = seed.add_message(
        connection, session, NOON + 3 * HOUR, "Uploads are retried:\n\n- three times\n- then told\n\nMore.", role="assistant"
    )
    seed.add_message(connection, session, NOON + 3 * HOUR, "A subagent's last word.", role="assistant", agent_id="a")

    found = outcome(client)

    assert (found["ask"]["item_id"], found["ask"]["text"]) == (str(ask), "Retry failed uploads")
    assert (found["answer"]["item_id"], found["answer"]["text"]) == (str(answer), "Uploads are retried:\n\n- three times\n- then told")
    assert (found["ask"]["is_cut"], found["answer"]["is_cut"]) == (False, True)
    assert [(each["hash"], each["subject"]) for each in found["commits"]] == [("1a2b3c4", "Retry")]
    assert [each["url"] for each in found["pull_requests"]] == ["https://github.com/ann/shop/pull/7"]
    [ran] = found["tests"]
    assert (ran["command"], ran["runs"], ran["failed_runs"], ran["last_result"]) == ("pytest -q tests", 2, 1, "passed")
    assert (ran["passed"], ran["failed"], ran["last_item_id"]) == (12, 0, last)
    expected = {"file_path": "/home/ann/shop/a.py", "lines_added": 7, "lines_removed": 1, "changes": 2, "last_item_id": str(change)} | {
        "last_agent_id": None
    }
    assert found["files"] == [expected]
    assert found["failures"] == [
        {"tool_name": "Bash", "error_class": "file_not_found", "calls": 1, "last_item_id": failed, "last_agent_id": None}
    ]
    assert [found[f"{name}_left_out"] for name in ("tests", "files", "failures", "days")] == [0, 0, 0, 0]


def test_a_session_without_anything_has_an_empty_outcome(client: TestClient, session: str) -> None:
    found = outcome(client)

    assert (found["ask"], found["answer"], found["commits"], found["tests"], found["files"], found["days"]) == (None, None, [], [], [], [])
    assert (found["cost"]["cost_usd"], found["cost"]["parts"], found["cost"]["models"], found["cost"]["rebuilds_usd"]) == (
        None,
        None,
        [],
        None,
    )
    assert client.get("/api/sessions/none/outcome").status_code == 404


def test_lists_of_an_outcome_are_bounded_and_say_what_is_missing(client: TestClient, connection: Connection, session: str) -> None:
    for number in range(105):
        seed.add_activity(connection, session, NOON, f"/home/ann/shop/{number:03}.py", lines_added=number)
    for number in range(12):
        shell(connection, NOON + timedelta(minutes=number), f"pytest {number}", "1 passed in 1s")
        shell(connection, NOON, "false", status="error", tool_name=f"Tool{number}")

    found = outcome(client)

    assert (len(found["files"]), found["files_left_out"], found["files"][0]["lines_added"]) == (100, 5, 104)
    assert (len(found["tests"]), found["tests_left_out"], found["tests"][0]["command"]) == (10, 2, "pytest 11")
    assert (len(found["failures"]), found["failures_left_out"]) == (10, 2)


def listed_models() -> list[str]:
    """Those of the price list, by a name that the list finds."""
    [provider] = [each for each in providers if each.id == PROVIDER]
    return [model.id for model in provider.models]


def test_the_parts_of_a_cost_are_those_of_the_price_list(client: TestClient, connection: Connection, session: str) -> None:
    # Given a call of each model of the list, of a size in each tier, that does all that costs
    for model in listed_models():
        for scale in (1, 300):
            connection.execute("TRUNCATE api_calls")
            tokens = Tokens(900 * scale, 80 * scale, 400 * scale, 300 * scale, 5_000 * scale, 2)
            if price_of(model, NOON, Tokens(cache_read=10)).nano_usd == price_of(model, NOON, Tokens(input=10)).nano_usd:
                # The list has no price of the cache for the first models, which had none.
                tokens = Tokens(900 * scale, 80 * scale)
            call(connection, NOON, tokens, model)

            cost = outcome(client)["cost"]
            parts = cost["parts"]

            # The tier of a part depends on the whole call: a part's price is what the call costs more than without its own.
            assert sum(parts.values()) == pytest.approx(cost["cost_usd"], abs=1e-8), model
            whole = priced(model, tokens)
            assert parts["output_usd"] == pytest.approx(whole - priced(model, tokens, output=0, web_searches=0), abs=1e-8), model
            if scale == 1:
                writes = priced(model, Tokens(0, 0, tokens.cache_write_5m, tokens.cache_write_1h))
                assert parts["cache_write_usd"] == pytest.approx(writes, abs=1e-8), model
                assert parts["cache_read_usd"] == pytest.approx(priced(model, Tokens(cache_read=tokens.cache_read)), abs=1e-8), model
                assert parts["input_usd"] == pytest.approx(priced(model, Tokens(input=tokens.input)), abs=1e-8), model


def priced(model: str, tokens: Tokens, **changes: int) -> float:
    given = {name: getattr(tokens, name) for name in Tokens.__slots__} | changes
    nano_usd = price_of(model, NOON, Tokens(**given)).nano_usd
    assert nano_usd is not None, model
    return nano_usd / 1e9


def test_a_cost_is_told_by_model_and_subagent_and_unpriced_calls_are_not_zero(
    client: TestClient, connection: Connection, session: str
) -> None:
    call(connection, NOON, Tokens(output=1_000_000))
    call(connection, NOON, Tokens(output=2_000_000), agent_id="a")
    call(connection, NOON, Tokens(output=1_000_000), "claude-haiku-4-5", agent_id="b")
    call(connection, NOON, Tokens(output=1), "nobodys-model", agent_id="c")
    seed.add_message(connection, session, NOON, "Look for retries", agent_id="a")
    # Given a call of an export that does not tell its parts
    seed.add_api_call(connection, "s", NOON, model=OPUS, output_tokens=1, cost_nano_usd=10**9)

    cost = outcome(client)["cost"]

    assert (cost["cost_usd"], cost["api_calls"], cost["unpriced_calls"], cost["subagents_usd"]) == (81, 5, 1, 55)
    assert [(each["model"], each["cost_usd"]) for each in cost["models"]] == [(OPUS, 76), ("claude-haiku-4-5", 5), ("nobodys-model", None)]
    assert [(each["agent_id"], each["cost_usd"], each["prompt"]) for each in cost["subagents"]] == [
        ("a", 50, "Look for retries"),
        ("b", 5, None),
        ("c", None, None),
    ]
    assert (cost["parts"]["output_usd"], cost["parts"]["unknown_usd"]) == (80, 1)
    assert cost["models"][2]["parts"] is None


def context(read: int, written: int, *, for_an_hour: bool = False) -> Tokens:
    return Tokens(10, 100, 0 if for_an_hour else written, written if for_an_hour else 0, read)


@pytest.mark.parametrize(
    ("cause", "later", "before", "after", "model"),
    [
        ("pause", timedelta(minutes=6), context(50_000, 50_000), context(0, 101_000), OPUS),
        ("tools", timedelta(minutes=4), context(50_000, 50_000), context(0, 101_000), OPUS),
        ("messages", timedelta(minutes=4), context(50_000, 50_000), context(20_000, 81_000), OPUS),
        ("tools", timedelta(minutes=59), context(50_000, 50_000, for_an_hour=True), context(0, 101_000), OPUS),
        ("pause", timedelta(minutes=61), context(50_000, 50_000, for_an_hour=True), context(0, 101_000), OPUS),
        ("model", timedelta(minutes=6), context(50_000, 50_000), context(0, 101_000), "claude-haiku-4-5"),
        (None, timedelta(minutes=6), context(50_000, 50_000), context(99_000, 2_000), OPUS),
        # A little is always sent again, and what was never in the cache cannot be lost.
        (None, timedelta(minutes=1), context(50_000, 50_000), context(96_000, 5_000), OPUS),
        (None, timedelta(minutes=1), Tokens(100_000, 100), Tokens(101_000, 100), OPUS),
    ],
)
def test_a_rebuild_of_the_cache_has_its_cause(
    client: TestClient, connection: Connection, session: str, cause: str | None, later: timedelta, before: Tokens, after: Tokens, model: str
) -> None:
    seed.add_message(connection, session, NOON, "first")
    call(connection, NOON, before)
    # Given another thread between, which has a cache of its own
    call(connection, NOON + timedelta(seconds=1), context(0, 9_000), agent_id="a")
    seed.add_message(connection, session, NOON + later, "second")
    call(connection, NOON + later, after, model)

    rebuilds = outcome(client)["cost"]["rebuilds"]
    turns = client.get("/api/sessions/s/turns").json()["items"]

    assert [each["cause"] for each in rebuilds] == ([cause] if cause else [])
    assert [turn["rebuilds"] for turn in turns] == [[], rebuilds]
    for rebuild in rebuilds:
        lost = 100_000 - after.cache_read
        sent = after.cache_write_5m + after.cache_write_1h + after.input
        whole = (
            priced(model, after)
            - priced(model, after, output=0, cache_write_5m=0, cache_write_1h=0, input=0)
            - priced(model, Tokens(output=100))
        )
        assert (rebuild["turn"], rebuild["rewritten_tokens"], rebuild["pause_seconds"]) == (2, lost, later.total_seconds())
        assert rebuild["cost_usd"] == pytest.approx(whole * lost / sent)


def test_what_claude_code_counted_of_the_cache_is_beside_our_rebuilds(client: TestClient, connection: Connection, session: str) -> None:
    assert outcome(client)["cost"]["client_cache"] is None
    told = {"warm": True, "ttl": "5m", "expires_at": NOON.timestamp() + 300, "requests": 41, "misses": 3, "hit_ratio": 0.93}
    told |= {"last_miss_at": NOON.timestamp(), "last_miss_cause": {"causes": ["tools_changed"]}}

    connection.execute("INSERT INTO status_lines (session_id, read_at, prompt_cache) VALUES ('s', %s, %s)", (NOON, Json(told)))

    cache = outcome(client)["cost"]["client_cache"]
    times = {name: datetime.fromisoformat(cache.pop(name)) for name in ("read_at", "expires_at", "last_miss_at")}
    assert times == {"read_at": NOON, "expires_at": NOON + timedelta(seconds=300), "last_miss_at": NOON}
    assert cache == {
        "warm": True,
        "caching_observed": None,
        "ttl": "5m",
        "requests": 41,
        "misses": 3,
        "expected_rebuilds": None,
        "hit_ratio": 0.93,
        "cache_write_tokens": None,
        "miss_recache_tokens": None,
        "last_miss_causes": ["tools_changed"],
        "recache_tokens_if_cold": None,
    }


def test_a_status_line_without_a_cache_tells_nothing_of_it(client: TestClient, connection: Connection, session: str) -> None:
    connection.execute("INSERT INTO status_lines (session_id, read_at) VALUES ('s', %s)", (NOON,))

    assert outcome(client)["cost"]["client_cache"] is None


def test_a_compaction_is_a_cause_before_all_others(client: TestClient, connection: Connection, session: str) -> None:
    call(connection, NOON, context(100_000, 50_000))
    seed.add_timeline_entry(connection, session, NOON + HOUR, "compaction", agent_id="a")
    seed.add_timeline_entry(connection, session, NOON + HOUR, "compaction")
    call(connection, NOON + 2 * HOUR, context(10_000, 20_000), "claude-haiku-4-5")

    [rebuild] = outcome(client)["cost"]["rebuilds"]

    assert (rebuild["cause"], rebuild["rewritten_tokens"], rebuild["turn"]) == ("compaction", 20_010, 0)


def test_turns_have_the_parts_of_their_cost_and_the_context(client: TestClient, connection: Connection, session: str) -> None:
    for number in range(4):
        seed.add_message(connection, session, NOON + number * HOUR, f"turn {number}")
        if number != 1:
            call(connection, NOON + number * HOUR, context(1_000 * number, 500))
            call(connection, NOON + number * HOUR + timedelta(seconds=1), context(2_000 * number, 600))
            call(connection, NOON + number * HOUR + timedelta(seconds=2), context(90_000, 1), agent_id="a")

    turns = client.get("/api/sessions/s/turns").json()["items"]
    pages = [client.get(f"/api/sessions/s/turns?limit=2{cursor}").json() for cursor in [""]]
    pages.append(client.get(f"/api/sessions/s/turns?limit=2&cursor={pages[0]['next_cursor']}").json())

    assert [turn["context_tokens"] for turn in turns] == [610, None, 4_610, 6_610]
    assert turns[1]["cost_parts"] is None
    for turn in turns:
        if turn["cost_parts"]:
            assert sum(turn["cost_parts"].values()) == pytest.approx(turn["cost_usd"])
    total = outcome(client)["cost"]["parts"]
    for name, usd in total.items():
        assert sum(turn["cost_parts"][name] for turn in turns if turn["cost_parts"]) == pytest.approx(usd)
    assert [turn for page in pages for turn in page["items"]] == turns


def test_days_are_those_of_the_zone(client: TestClient, connection: Connection, session: str) -> None:
    # Given prompts from four minutes before midnight in Berlin to eight after it, and calls at half past
    midnight = datetime(2026, 3, 6, 23, tzinfo=UTC)
    first, *_, second, _ = [
        seed.add_message(connection, session, midnight + timedelta(minutes=minute), str(minute)) for minute in (-4, -1, 4, 8)
    ]
    seed.add_message(connection, session, midnight + timedelta(minutes=3), "a subagent's", agent_id="a")
    seed.add_tool_call(connection, session, midnight + timedelta(minutes=30))
    call(connection, midnight + timedelta(minutes=30), Tokens(output=1_000_000))
    seed.compute_totals(connection)

    berlin, utc = outcome(client, "tz=Europe/Berlin")["days"], outcome(client, "tz=UTC")["days"]

    assert [(each["date"], each["first_item_id"], each["asks"], each["tool_calls"], each["cost_usd"]) for each in berlin] == [
        ("2026-03-06", str(first), 2, 0, None),
        ("2026-03-07", str(second), 2, 1, 25),
    ]
    assert [each["active_minutes"] for each in berlin] == [4, 8]
    assert [(each["date"], each["active_minutes"]) for each in utc] == [("2026-03-06", 12)]
    assert client.get("/api/sessions/s/outcome?tz=Nowhere").status_code == 400


def test_a_session_without_rows_of_its_own_has_the_days_of_its_active_time(
    client: TestClient, connection: Connection, session: str
) -> None:
    at = datetime(2026, 3, 6, 23, tzinfo=UTC)
    connection.execute("UPDATE sessions SET active_ranges = tstzmultirange(tstzrange(%s, %s))", (at, at + HOUR))

    [day] = outcome(client, "tz=Europe/Berlin")["days"]

    assert (day["date"], day["first_item_id"], day["tool_calls"]) == ("2026-03-07", None, 0)
    assert day["active_minutes"] > 0
