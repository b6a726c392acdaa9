"""GET /api/search: `ranked`, the sessions that may be meant, below what matches exactly."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.query.queries.search import ranked_sessions
from services.query.search_index.reader import SearchIndex
from services.query.search_index.words.fields import SESSION_ID
from tests.integration.caught_up import catch_up
from tests.integration.query import seed
from tests.json_answers import json_of
from tests.kept_connection import Connection

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/search"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches have time, however busy the machine is."""
    monkeypatch.setattr(ranked_sessions, "BUDGET_SECONDS", 60.0)


def texts_in(client: TestClient, connection: Connection, sessions: dict[str, list[str]]) -> None:
    """Sessions of a project each, with these prompts a minute apart, all of them indexed."""
    for number, (session, texts) in enumerate(sessions.items()):
        seed.add_session(connection, session, seed.add_project(connection, f"/{session}"), last_event_at=NOON + timedelta(hours=number))
        for minute, text in enumerate(texts):
            seed.add_document(connection, session, NOON + timedelta(hours=number, minutes=minute), text)
    catch_up(client)


def asked(client: TestClient, q: str, **parameters: Any) -> dict[str, Any]:
    return json_of(client, PATH, params={"q": q} | parameters)


def ranked(client: TestClient, q: str, **parameters: Any) -> list[str]:
    answer = asked(client, q, **parameters)
    assert answer["ranked"]["is_ready"]
    assert answer["is_complete"], answer["incomplete_because"]
    return [session["session_id"] for session in answer["ranked"]["sessions"]]


def test_any_word_finds_a_session(client: TestClient, connection: Connection) -> None:
    """given texts none of which has all words, then nothing matches, and the sessions with any of them are ranked."""
    texts_in(client, connection, {"both": ["redis refuses a connection"], "one": ["the redis is away"], "none": ["something else"]})

    answer = asked(client, "redis connection nobodyknows")

    assert (answer["items"], answer["total"], answer["is_complete"]) == ([], 0, True)
    first, second = answer["ranked"]["sessions"]
    assert (first["session_id"], second["session_id"]) == ("both", "one")
    assert first["score"] > second["score"] > 0
    assert [item["snippet"] for item in first["items"]] == ["<mark>redis</mark> refuses a <mark>connection</mark>"]
    assert (first["project_name"], first["timestamp"]) == ("both", "2024-01-15T12:00:00Z")


TRACE = """Traceback (most recent call last): File "/srv/shop/app/cart.py", line 412, in checkout total = sum(item.price * item.count for item in items)
File "/srv/shop/app/cart.py", line 412, in <genexpr> TypeError: unsupported operand type(s) for *: 'NoneType' and 'int' The above exception was the direct
cause of the following exception: File "/srv/shop/app/orders.py", line 77, in place_order raise OrderFailed(order_id) from error OrderFailed: order 48213
could not be placed, since its cart has an item without a price; it is tried again in 30 s, 3 attempts of 5 were made by worker-7 at 12:03:55"""


def test_an_error_message_pasted_whole_finds_its_session(client: TestClient, connection: Connection) -> None:
    """given one that was printed in two parts, with other numbers, then no text has all of it, and its session is first."""
    texts_in(client, connection, {"other": ["a line of the shop could not be placed in a cart"], "meant": ["it fails"]})
    for part in TRACE.replace("412", "399").split(" The above exception"):
        seed.add_document(connection, "meant", NOON, "make run", result=part, is_error=True)
    catch_up(client)

    answer = asked(client, TRACE)

    assert answer["items"] == []
    assert answer["ranked"]["sessions"][0]["session_id"] == "meant"
    assert {item["kind"] for item in answer["ranked"]["sessions"][0]["items"]} == {"tool_call"}


@pytest.mark.parametrize("group_by", [{}, {"group_by": "session"}])
@pytest.mark.parametrize("sort", ["best", "newest"])
def test_a_session_that_matches_is_ranked_too(client: TestClient, connection: Connection, sort: str, group_by: dict[str, str]) -> None:
    texts_in(client, connection, {"both": ["alpha beta"], "apart": ["an alpha", "a beta"]})

    answer = asked(client, "alpha beta", sort=sort, **group_by)

    assert answer["total"] == 1
    assert {session["session_id"] for session in answer["ranked"]["sessions"]} == {"both", "apart"}


def test_the_best_texts_of_a_session_are_shown(client: TestClient, connection: Connection) -> None:
    texts_in(client, connection, {"s": [*["one word: alpha"] * 4, "alpha with beta", "nothing", "beta, alpha and gamma"]})

    [session] = asked(client, "alpha beta gamma")["ranked"]["sessions"]

    assert [item["snippet"] for item in session["items"]] == [
        "<mark>beta</mark>, <mark>alpha</mark> and <mark>gamma</mark>",
        "<mark>alpha</mark> with <mark>beta</mark>",
        "one word: <mark>alpha</mark>",
    ]


def test_a_word_that_nobody_has_hides_no_text(client: TestClient, connection: Connection) -> None:
    """given a frequent word and one that is rare since no text has it, then a text with the frequent one is shown."""
    texts_in(client, connection, {"s": ["nothing of it", *["an alpha"] * 60], "t": ["alpha and quokka"]})

    shown = {
        session["session_id"]: session["items"][0]["snippet"] for session in asked(client, "quokka nobodyknows alpha")["ranked"]["sessions"]
    }

    assert shown == {"s": "an <mark>alpha</mark>", "t": "<mark>alpha</mark> and <mark>quokka</mark>"}


def test_small_words_of_a_question_choose_no_texts(client: TestClient, connection: Connection) -> None:
    texts_in(client, connection, {"s": ["how do I do this", "redis is away", "how is it"]})

    [session] = asked(client, "how do I fix redis")["ranked"]["sessions"]

    assert [item["snippet"] for item in session["items"]] == ["<mark>redis</mark> is away"]


def test_without_a_word_as_it_was_typed_the_first_prompt_is_shown(client: TestClient, connection: Connection) -> None:
    """given a session that has another form of the word alone, then it is ranked, with what was asked first."""
    texts_in(client, connection, {"s": ["how do migrations work", "and then"]})
    seed.add_document(connection, "s", NOON - timedelta(hours=1), "an answer before it", role="assistant")

    [session] = asked(client, "migrating")["ranked"]["sessions"]

    assert [item["snippet"] for item in session["items"]] == ["how do migrations work"]


def test_a_misspelt_word_is_corrected_unless_told_otherwise(client: TestClient, connection: Connection) -> None:
    texts_in(client, connection, {"s": ["the gateway is away"]})

    corrected, as_typed = asked(client, "gatewya")["ranked"], asked(client, "gatewya", correct=False)["ranked"]

    assert corrected["corrected"] == {"gatewya": "gateway"}
    assert [item["snippet"] for item in corrected["sessions"][0]["items"]] == ["the <mark>gateway</mark> is away"]
    assert (as_typed["sessions"], as_typed["corrected"]) == ([], {})


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("alpha -gamma", {"a"}),
        ("alpha -gamma or delta", {"a", "b", "d"}),
        ('delta "alpha beta"', {"a", "b", "c", "d"}),
        ("delta or beta", {"b", "c", "d"}),
        ("-alpha", None),
        ("project:a", None),
        ("", None),
        ("!", None),
    ],
)
def test_alternatives_and_excluded_words(client: TestClient, connection: Connection, q: str, found: set[str] | None) -> None:
    """given `or`, then any word of any alternative counts; and no session has a word that is excluded of all of them."""
    texts_in(client, connection, {"a": ["alpha"], "b": ["alpha gamma", "beta"], "c": ["beta"], "d": ["delta"]})

    answer = asked(client, q)["ranked"]

    assert (None if answer is None else {session["session_id"] for session in answer["sessions"]}) == found


@pytest.mark.parametrize("mode", ["literal", "regex"])
def test_texts_and_patterns_rank_nothing(client: TestClient, connection: Connection, mode: str) -> None:
    texts_in(client, connection, {"s": ["alpha beta"]})

    assert asked(client, "alpha", mode=mode)["ranked"] is None


def test_ten_sessions_are_ranked_on_the_first_page_alone(client: TestClient, connection: Connection) -> None:
    texts_in(client, connection, {f"s{number:02}": ["alpha"] for number in range(14)})

    first = asked(client, "alpha", limit=10)
    second = asked(client, "alpha", limit=10, cursor=first["next_cursor"])

    # Among equal ones the newest come first.
    assert [session["session_id"] for session in first["ranked"]["sessions"]] == [f"s{number:02}" for number in range(13, 3, -1)]
    assert second["ranked"] is None


@pytest.fixture
def shop(client: TestClient, connection: Connection) -> None:
    """Sessions with everything that filters ask for. Each has the needle in a message that passes few of them."""
    ann, ben = seed.add_user(connection, "ann"), seed.add_user(connection, "ben")
    shop, other = seed.add_project(connection, "/home/ann/my shop"), seed.add_project(connection, "/home/ann/other")
    day = timedelta(days=1)
    seed.add_session(connection, "s", shop, ann, git_branch="feature/needle", dated_at=NOON)
    seed.add_session(connection, "t", shop, ben, git_branch="main", dated_at=NOON + day)
    seed.add_session(connection, "o", other, ben, git_branch="main", dated_at=NOON + 2 * day)
    seed.add_session(connection, "hay", other, ann, dated_at=NOON + 3 * day)
    connection.execute("INSERT INTO session_marks (session_id, is_starred, tags) VALUES ('s', true, '{sewing}')")
    connection.execute("INSERT INTO session_machines (session_id, machine_id) VALUES ('s', 'laptop'), ('o', 'desk')")
    minute = timedelta(minutes=1)
    for session_id, at, content, columns in (
        ("s", NOON, "find the needle", {}),
        ("s", NOON + minute, "here it is", {"role": "assistant", "agent_id": "a1"}),
        ("s", NOON + 2 * minute, "grep hay.txt", {"result": "no such thing"}),
        ("s", NOON + 3 * minute, "cat hay.txt", {"result": "a needle", "is_error": True}),
        ("t", NOON + day, "a needle", {}),
        ("t", NOON + day, "main.py", {"result": "code", "tool_name": "Read"}),
        ("t", NOON + day, "A title", {"kind": "session"}),
        ("o", NOON + 2 * day, "a needle elsewhere", {"role": "assistant"}),
        ("o", NOON + 2 * day, "/home/ann/other/main.py", {"kind": "file"}),
        ("o", NOON + 2 * day, "compacted", {"kind": "timeline_entry", "role": "compaction_summary"}),
        ("hay", NOON + 3 * day, "nothing to find", {}),
    ):
        seed.add_document(connection, session_id, at, content, **columns)
    catch_up(client)


# The sessions that are ranked for `needle` with each of the filters.
TYPED: dict[str, set[str]] = {
    "": {"s", "t", "o"},
    'project:"my shop"': {"s", "t"},
    "project:other": {"o"},
    "-project:other": {"s", "t"},
    "project:nobody": set(),
    "user:ben": {"t", "o"},
    "-user:ann": {"t", "o"},
    "user:nobody": set(),
    "tool:bash": {"s"},
    "kind:tool_call -tool:bash": {"t"},
    "file:main.py": {"t", "o"},
    "file:hay.txt": {"s"},
    "branch:main": {"t", "o"},
    "role:assistant": {"s", "o"},
    "is:error": {"s"},
    "is:starred": {"s"},
    "-is:starred": {"t", "o"},
    "kind:message": {"s", "t", "o"},
    "kind:command": {"s"},
    "kind:input": {"s", "t"},
    "kind:result": {"s", "t"},
    "kind:file": {"o"},
    "kind:session": {"s", "t", "o"},
    "kind:timeline_entry": {"o"},
    "machine:laptop": {"s"},
    "session:t": {"t"},
    "agent:a1": {"s"},
    "before:2024-01-16": {"s"},
    "after:2024-01-17": {"o"},
    "after:2024-01-16 before:2024-01-17": {"t"},
    "after:2024-01-20": set(),
    "before:2024-01-16 user:ben": set(),
    "kind:tool_call user:ben branch:main": {"t"},
}
PARAMETERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"user": "ben"}, {"t", "o"}),
    ({"session_id": "t"}, {"t"}),
    ({"tool_name": "Read"}, {"t"}),
    ({"role": "user"}, {"s", "t"}),
    ({"branch": "main"}, {"t", "o"}),
    ({"machine": "desk"}, {"o"}),
    ({"is_error": True}, {"s"}),
    ({"is_starred": False}, {"t", "o"}),
    ({"kind": "file"}, {"o"}),
    ({"start_date": "2024-01-16", "end_date": "2024-01-16"}, {"t"}),
    ({"end_date": "2024-01-14"}, set()),
]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(("few", "candidates"), [(5_000, ()), (-1, (200, 1_000)), (-1, (1, 2, 4)), (-1, (1, 4))])
def test_filters_hold_for_ranked_sessions(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, few: int, candidates: tuple[int, ...]
) -> None:
    """given a word of three sessions, then those are ranked that have a text which passes, however many are looked at first."""
    monkeypatch.setattr(ranked_sessions, "FEW_TEXTS", few)
    monkeypatch.setattr(ranked_sessions, "CANDIDATES", candidates)

    typed = {filters: set(ranked(client, f"needle {filters}")) for filters in TYPED}
    given = [(parameters, set(ranked(client, "needle", **parameters))) for parameters, _ in PARAMETERS]

    assert typed == TYPED
    assert given == PARAMETERS


@pytest.mark.usefixtures("shop")
def test_texts_of_ranked_sessions_obey_the_filters(client: TestClient) -> None:
    for filters, kinds in {
        "kind:result": {"tool_call"},
        "role:assistant": {"message"},
        "is:error": {"tool_call"},
        "file:main.py": {"tool_call", "file"},
    }.items():
        answer = asked(client, f"needle {filters}")
        shown = [item for session in answer["ranked"]["sessions"] for item in session["items"]]

        assert {item["kind"] for item in shown} == kinds, filters
        assert all(item["role"] == "assistant" for item in shown) or filters != "role:assistant"
        assert all(item["is_error"] for item in shown) or filters != "is:error"


def test_texts_are_not_counted_among_the_sessions(client: TestClient, connection: Connection) -> None:
    """BM25 weighs a word by the documents of its index, and by their mean length: with texts in it the sessions rank in another order."""
    texts_in(client, connection, {"a": ["alpha"] * 9, "b": ["alpha beta"]})

    index: SearchIndex = client.app.state.search_index  # type: ignore[attr-defined]
    view = index.view()
    assert view is not None
    assert view.sessions.num_docs == 2
    assert view.searcher.terms_with_prefix(SESSION_ID, "") == []


def test_a_session_that_is_gone_is_not_ranked(client: TestClient, connection: Connection) -> None:
    """given an index that has not heard of it yet."""
    texts_in(client, connection, {"a": ["alpha"], "b": ["alpha"]})
    connection.execute("DELETE FROM sessions WHERE session_id = 'a'")

    assert ranked(client, "alpha") == ["b"]


def test_what_there_was_no_time_to_rank_is_told(client: TestClient, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    texts_in(client, connection, {"s": ["alpha"]})
    monkeypatch.setattr(ranked_sessions, "BUDGET_SECONDS", 0.0)

    answer = asked(client, "alpha")

    assert (answer["total"], answer["ranked"]["sessions"], answer["is_complete"]) == (1, [], False)
    assert "no time to rank" in answer["incomplete_because"]
