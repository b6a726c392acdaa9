"""Why Claude Code's total of a session differs from the tracker's: transcripts are read and stored as an import does, then the API is asked."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.integration.worker.capture.signals import put_signals, signals_of
from tests.json_answers import json_of
from tests.kept_connection import Connection
from tests.telemetry import event, logs
from tests.unit.worker.importers.transcript.rows_of_a_session import (
    SESSION,
    START,
    answer,
    prompt,
    result,
    row,
    text,
    use,
)

Json = dict[str, Any]
Import = Callable[..., None]

OPUS, SONNET, HAIKU = "claude-opus-4-6", "claude-sonnet-4-5", "claude-haiku-4-5"
# US dollars for a million tokens as Claude Code has them: input, a write to the cache for five minutes, a read, output.
PRICES = {OPUS: (5, 6.25, 0.5, 25), SONNET: (3, 3.75, 0.3, 15), HAIKU: (1, 1.25, 0.1, 5)}
STARTED_MS = round(START.timestamp() * 1000)
# The usage that `answer` says of itself: input, written, read, output.
SAID = (3, 100, 2000, 10)


def usd(model: str, tokens: tuple[int, ...], factor: float = 1) -> float:
    return factor * sum(count * price for count, price in zip(tokens, PRICES[model], strict=True)) / 1e6


def counted(tokens: tuple[int, ...], cost: float) -> Json:
    """A model of a cost-state."""
    names = ("inputTokens", "cacheCreationInputTokens", "cacheReadInputTokens", "outputTokens")
    return dict(zip(names, tokens, strict=True)) | {"webSearchRequests": 0, "costUSD": cost}


def cost_state(models: dict[str, tuple[tuple[int, ...], float]], session_id: str = SESSION, **fields: Any) -> Json:
    """Claude Code's total: of each model its tokens, and their cost."""
    usage = {model: counted(tokens, cost) for model, (tokens, cost) in models.items()}
    total = sum(cost for _, cost in models.values())
    return {"type": "cost-state", "sessionId": session_id, "totalCostUSD": total, "modelUsage": usage, "startTime": STARTED_MS} | fields


def of_opus(calls: int = 1, more: tuple[int, ...] = (0, 0, 0, 0), factor: float = 1) -> tuple[tuple[int, ...], float]:
    """The usage of the session's `answer`s, and what else Opus did."""
    tokens = tuple(calls * each + other for each, other in zip(SAID, more, strict=True))
    return tokens, usd(OPUS, tokens, factor)


def said(seconds: float, number: int, *blocks: Json, model: str = OPUS, usage: Json | None = None, **fields: Any) -> Json:
    made = answer(seconds, f"a{number}", f"msg_{number}", *(blocks or (text("Yes."),)), **fields)
    made["message"] |= {"model": model, "usage": made["message"]["usage"] | (usage or {})}
    return made


def reconciled(client: TestClient, session_id: str = SESSION) -> Json:
    found: Json = json_of(client, f"/api/sessions/{session_id}/reconcile")
    if found["difference_usd"] is not None and found["differences"]:
        assert sum(each["usd"] for each in found["differences"]) == pytest.approx(found["difference_usd"], abs=2e-6)
    return found


def reasons(found: Json) -> list[tuple[str, str | None]]:
    return [(each["reason"], each["model"]) for each in found["differences"]]


ASK = prompt(0, "u1", "go")
HELPER = (300, 0, 0, 20)
MORE = (10, 500, 4000, 60)
AGENT = use("toolu_1", "Agent", prompt="look")
LAUNCHED = result(3, "u2", "toolu_1", toolUseResult={"status": "async_launched", "agentId": "abc1234", "prompt": "look"})
STOPPED = prompt(4, "u3", [{"type": "text", "text": "[Request interrupted by user]"}])
COMPACTED = row(
    "system", 5, "s1", subtype="compact_boundary", content="Conversation compacted", compactMetadata={"trigger": "auto", "preTokens": 9}
)
AUTO = {"type": "permission-mode", "permissionMode": "auto", "sessionId": SESSION}
US = {"inference_geo": "us"}
FAST = {"speed": "fast"}
ADVISED: Json = {
    "iterations": [{"type": "message"}, {"type": "advisor_message", "model": SONNET, "input_tokens": 1000, "output_tokens": 50}]
}
BY_ADVISOR = (1000, 0, 0, 50)


@pytest.mark.parametrize(
    ("rows", "expected", "is_certain"),
    [
        pytest.param([ASK, said(1, 1), cost_state({OPUS: of_opus()})], [], True, id="both agree"),
        pytest.param([ASK, said(1, 1, usage=US), cost_state({OPUS: of_opus(factor=1.1)})], [], True, id="a region is priced"),
        pytest.param([ASK, said(1, 1, usage=FAST), cost_state({OPUS: of_opus(factor=6)})], [], True, id="fast mode of opus is priced"),
        pytest.param(
            [ASK, said(1, 1, usage=ADVISED), cost_state({OPUS: of_opus(), SONNET: (BY_ADVISOR, usd(SONNET, BY_ADVISOR))})],
            [],
            True,
            id="an advisor is a call of its model",
        ),
        pytest.param(
            [ASK, said(1, 1, AGENT), LAUNCHED, cost_state({OPUS: of_opus(more=MORE)})],
            [("missing_subagents", OPUS)],
            False,
            id="subagents hidden",
        ),
        pytest.param([ASK, said(1, 1), cost_state({OPUS: of_opus(factor=0.8)})], [("other_price", OPUS)], True, id="prices differ"),
        pytest.param([ASK, said(1, 1), COMPACTED, cost_state({OPUS: of_opus(more=MORE)})], [("compaction", OPUS)], False, id="compaction"),
        pytest.param(
            [ASK, said(1, 1), STOPPED, COMPACTED, cost_state({OPUS: of_opus(more=(0, 0, 0, 85))})],
            [("cut_answer", OPUS)],
            False,
            id="an answer that a person stopped",
        ),
        pytest.param(
            [ASK, said(1, 1), STOPPED, COMPACTED, cost_state({OPUS: of_opus(more=MORE)})],
            [("compaction", OPUS)],
            False,
            id="a compaction beside an answer that a person stopped",
        ),
        pytest.param(
            [ASK, AUTO, said(1, 1), cost_state({OPUS: of_opus(more=MORE)})], [("auto_mode", OPUS)], False, id="auto mode's classifier"
        ),
        pytest.param(
            [ASK, said(1, 1), cost_state({OPUS: of_opus(), HAIKU: (HELPER, usd(HAIKU, HELPER))})],
            [("helper_calls", HAIKU)],
            False,
            id="a small model's help",
        ),
        pytest.param(
            [ASK, said(1, 1, model=SONNET, usage=FAST), cost_state({SONNET: (SAID, 0.5)})],
            [("fast_mode", SONNET)],
            True,
            id="fast mode without a price",
        ),
        pytest.param(
            [ASK, said(1, 1, model="claude-next-9"), cost_state({"claude-next-9": (SAID, 0.5)})],
            [("unpriced_model", "claude-next-9")],
            True,
            id="a model without a price",
        ),
        pytest.param(
            [ASK, said(1, 1), cost_state({OPUS: of_opus(factor=2)}, hasUnknownModelCost=True)],
            [("unknown_to_client", OPUS)],
            True,
            id="a model that Claude Code has no price of",
        ),
        pytest.param(
            [ASK, said(1, 1), cost_state({OPUS: of_opus(), SONNET: (MORE, 0.25)}, modelCallCostUSD=0.25)],
            [("plugin_calls", SONNET)],
            True,
            id="calls of a plugin",
        ),
        pytest.param(
            [ASK, said(1, 1), cost_state({OPUS: of_opus()}), said(9, 2)], [("later_calls", OPUS)], False, id="killed after its total"
        ),
        pytest.param([ASK, said(1, 1), cost_state({OPUS: of_opus(more=MORE)})], [("unknown", OPUS)], False, id="nothing tells"),
    ],
)
def test_reasons_of_differences_are_named(
    client: TestClient, bring: Import, rows: list[Json], expected: list[tuple[str, str | None]], is_certain: bool
) -> None:
    bring(*rows)

    found = reconciled(client)

    assert reasons(found) == expected
    assert {each["is_certain"] for each in found["differences"]} <= {is_certain}
    [state] = [each for each in rows if each["type"] == "cost-state"]
    assert found["client_cost_usd"] == pytest.approx(state["totalCostUSD"], abs=1e-9)
    assert [each["source"] for each in found["sources"]] == ["transcript", "cost_state"]


def test_several_possible_reasons_are_all_named(client: TestClient, bring: Import) -> None:
    bring(ASK, AUTO, said(1, 1), COMPACTED, cost_state({OPUS: of_opus(more=MORE)}))

    [part] = reconciled(client)["differences"]

    assert (part["reason"], part["also_possible"], part["tokens"]) == ("compaction", ["auto_mode"], sum(MORE))


def test_session_that_goes_on_elsewhere_names_the_other_machine(client: TestClient, bring: Import, connection: Connection) -> None:
    bring(ASK, said(1, 1), cost_state({OPUS: of_opus()}), said(60, 2))
    connection.execute("INSERT INTO session_machines (session_id, machine_id) VALUES (%s, 'a'), (%s, 'b')", (SESSION, SESSION))

    [part] = reconciled(client)["differences"]

    assert (part["reason"], part["also_possible"], part["tokens"]) == ("other_machine", ["later_calls"], -sum(SAID))


def test_resumed_session_has_its_last_total(client: TestClient, bring: Import) -> None:
    first = [ASK, said(1, 1), cost_state({OPUS: of_opus()})]
    bring(*first)
    bring(*first, prompt(60, "u9", "on"), said(61, 2), cost_state({OPUS: of_opus(2)}))

    found = reconciled(client)

    assert (reasons(found), found["client_cost_usd"]) == ([], pytest.approx(of_opus(2)[1]))


def copy_of(rows: list[Json], session_id: str) -> list[Json]:
    return [each | {"sessionId": session_id} for each in rows]


@pytest.mark.parametrize("copy_first", [False, True])
def test_copy_under_another_id_counts_no_total_again(client: TestClient, bring: Import, *, copy_first: bool) -> None:
    # Given a transcript, and the same file under another session's id
    rows = [ASK, said(1, 1), cost_state({OPUS: of_opus()})]
    copied = copy_of(rows, "f-copy")
    for each in (copied, rows) if copy_first else (rows, copied):
        bring(*each)

    sessions = {each["session_id"]: each["client_cost_usd"] for each in client.get("/api/sessions").json()["items"]}
    report = client.get("/api/reconcile").json()

    # Then the total counts once, whichever came first
    assert sessions == {SESSION: pytest.approx(of_opus()[1]), "f-copy": 0}
    assert (report["client_cost_usd"], report["cost_usd"]) == (pytest.approx(of_opus()[1]), pytest.approx(of_opus()[1]))
    assert reasons(reconciled(client, "f-copy")) == []


@pytest.mark.parametrize("fork", ["f-fork", "0-fork"])
@pytest.mark.parametrize("fork_first", [False, True])
@pytest.mark.parametrize("is_marked", [False, True])
def test_fork_and_its_origin_count_what_their_rows_cost(
    client: TestClient, bring: Import, *, fork: str, fork_first: bool, is_marked: bool
) -> None:
    # Given a session, and a fork of it: Claude Code goes on with its count. The lesser id has the rows that both have if no mark says more
    origin = [ASK, said(1, 1), cost_state({OPUS: of_opus(more=MORE)})]
    mark = {"forkedFrom": {"sessionId": SESSION}} if is_marked else {}
    own = [prompt(60, "u9", "another way"), said(61, 2), cost_state({OPUS: of_opus(2, MORE)})]
    forked = copy_of([each | mark for each in origin[:2]] + own, fork)
    for each in (forked, origin) if fork_first else (origin, forked):
        bring(*each)

    found = {each: reconciled(client, each) for each in (SESSION, fork)}

    # Then both sums are right, and the helper's call is the only difference, where the rows are
    spent = {each: of["client_cost_usd"] for each, of in found.items()}
    assert sum(spent.values()) == pytest.approx(of_opus(2, MORE)[1])
    owner, other = (SESSION, fork) if is_marked else sorted(found)
    assert (reasons(found[owner]), reasons(found[other])) == ([("unknown", OPUS)], [])
    assert found[owner]["differences"][0]["tokens"] == sum(MORE)
    assert (spent[other], found[other]["cost_usd"]) == ((pytest.approx(of_opus()[1]),) * 2 if other == fork else (0, None))


def test_two_forks_of_a_session_each_count_their_own(client: TestClient, bring: Import) -> None:
    origin = [ASK, said(1, 1), cost_state({OPUS: of_opus()})]
    bring(*origin)
    for number, fork in enumerate(("f-one", "f-two")):
        own = [prompt(60, f"u9{number}", "on"), *(said(61 + each, 10 * number + each) for each in range(2, 4 + number))]
        bring(*copy_of([*origin[:2], *own, cost_state({OPUS: of_opus(3 + number)})], fork))

    found = [reconciled(client, each) for each in (SESSION, "f-one", "f-two")]

    assert [each["client_cost_usd"] for each in found] == [pytest.approx(of_opus(calls)[1]) for calls in (1, 2, 3)]
    assert [each["differences"] for each in found] == [[], [], []]


@pytest.mark.parametrize("names", [("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b"), ("c", "b", "a")])
def test_fork_of_a_fork_counts_its_own(client: TestClient, bring: Import, names: tuple[str, str, str]) -> None:
    # Given a session of one call, a fork of it with two, and a fork of that with three; the ids decide who has the rows
    rows: list[Json] = [ASK]
    total = 0
    for number, name in enumerate(names, 1):
        rows += [
            prompt(100 * number, f"p{number}", "on"),
            *(said(100 * number + each, 10 * number + each) for each in range(1, number + 1)),
        ]
        total += number
        bring(*copy_of([*rows, cost_state({OPUS: of_opus(total)})], name))

    found = [reconciled(client, each) for each in names]

    assert [each["differences"] for each in found] == [[], [], []]
    assert [each["client_cost_usd"] for each in found] == [pytest.approx(each["cost_usd"] or 0) for each in found]
    assert sum(each["client_cost_usd"] for each in found) == pytest.approx(of_opus(6)[1])


def test_fork_of_a_session_without_a_total_names_the_copied_calls(client: TestClient, bring: Import) -> None:
    parent = [ASK, said(1, 1)]
    bring(*parent)
    own = copy_of([prompt(60, "u9", "another way"), said(61, 2)], "f-fork")
    bring(*copy_of(parent, "f-fork"), *own, cost_state({OPUS: of_opus(2)}, "f-fork"))

    [part] = reconciled(client, "f-fork")["differences"]

    assert (part["reason"], part["tokens"], part["usd"]) == ("copied_calls", sum(SAID), pytest.approx(of_opus()[1]))


def test_telemetry_and_the_status_line_stand_beside_the_transcript(client: TestClient, bring: Import, connection: Connection) -> None:
    # Given a session of two calls, of which telemetry told the second
    bring(ASK, said(1, 1), said(2, 2), cost_state({OPUS: of_opus(2)}))
    told = dict(zip(("input_tokens", "cache_creation_tokens", "cache_read_tokens", "output_tokens"), SAID, strict=True))
    put_signals(connection, signals_of(logs(event("api_request", 1, session=SESSION, model=OPUS, cost_usd=of_opus()[1], **told))))
    connection.execute("INSERT INTO status_lines (session_id, read_at, total_cost_usd) VALUES (%s, now(), 0.25)", [SESSION])

    sources = {each["source"]: each for each in reconciled(client)["sources"]}

    assert list(sources) == ["transcript", "cost_state", "telemetry", "status_line"]
    telemetry = sources["telemetry"]
    assert {name: telemetry[name] for name in told} == told
    assert [(each["model"], each["api_calls"]) for each in telemetry["models"]] == [(OPUS, 1)]
    assert telemetry["cost_usd"] == pytest.approx(of_opus()[1], abs=1e-9)
    assert (sources["status_line"]["cost_usd"], sources["status_line"]["input_tokens"]) == (0.25, None)


def test_session_without_a_total_is_not_compared(client: TestClient, bring: Import) -> None:
    bring(ASK, said(1, 1))

    found, report = reconciled(client), client.get("/api/reconcile").json()

    assert (found["client_cost_usd"], found["difference_usd"], found["differences"]) == (None, None, [])
    assert (report["sessions"], report["compared_sessions"], report["not_compared_usd"]) == (1, 0, pytest.approx(of_opus()[1]))
    assert client.get("/api/sessions/none/reconcile").status_code == 404


def test_report_sums_the_reasons_of_a_range(client: TestClient, bring: Import) -> None:
    bring(ASK, said(1, 1), cost_state({OPUS: of_opus(more=MORE)}))
    later = [each | {"sessionId": "later", "uuid": f"l{n}"} for n, each in enumerate([prompt(86_400, "l0", "hi"), said(86_401, 7)])]
    bring(*later, cost_state({OPUS: of_opus(factor=0.5)}, "later", startTime=STARTED_MS + 86_400_000))

    both = client.get("/api/reconcile").json()
    first = client.get(f"/api/reconcile?start_date={START.date()}&end_date={START.date()}&tz=UTC&user=ann").json()

    assert {each["reason"]: each["sessions"] for each in both["reasons"]} == {"unknown": 1, "other_price": 1}
    assert sum(each["usd"] for each in both["reasons"]) == pytest.approx(both["difference_usd"], abs=2e-6)
    assert [each["session_id"] for each in both["items"]] == [SESSION, "later"]
    assert ([each["session_id"] for each in first["items"]], first["sessions"]) == ([SESSION], 1)
    assert client.get("/api/reconcile?user=bob").json()["sessions"] == 0
