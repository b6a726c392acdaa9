"""GET /api/search?group_by=session: words across the texts of a session, folded matches, and what is nearest to nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.queries.search import document_finder, document_pages, nearest, session_words, word_forms
from tests.integration.query import seed

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/search"


def texts_in(connection: psycopg.Connection[Any], sessions: dict[str, list[str]], **columns: Any) -> None:
    """Sessions of a project each, with these prompts a minute apart."""
    for number, (session, texts) in enumerate(sessions.items()):
        seed.add_session(connection, session, seed.add_project(connection, f"/{session}"))
        for minute, text in enumerate(texts):
            seed.add_document(connection, session, NOON + timedelta(hours=number, minutes=minute), text, **columns)


def asked(client: TestClient, q: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get(PATH, params={"q": q, "group_by": "session", "correct": False} | parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def matches(answer: dict[str, Any]) -> dict[str, str]:
    return {session["session_id"]: session["match"] for session in answer["sessions"]}


def test_words_of_different_texts_find_their_session(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    # Given a session with each word in another text, one with all in one text, and one without a word
    texts_in(
        connection,
        {
            "one": ["redis refuses a connection on the vps"],
            "across": ["the redis is away", "no connection", "log in to the vps", "something else"],
            "lacks": ["redis", "connection"],
        },
    )

    answer = asked(client, "redis connection vps")

    assert matches(answer) == {"one": "one_text", "across": "session"}
    assert list(matches(answer)) == ["one", "across"]
    assert (answer["total"], answer["total_is_exact"], answer["is_complete"]) == (1, True, True)
    assert answer["across"] == {"sessions": 1, "is_exact": True}
    across = answer["sessions"][1]
    assert across["hits"] == 3
    assert sorted(item["snippet"] for item in across["items"]) == [
        "log in to the <mark>vps</mark>",
        "no <mark>connection</mark>",
        "the <mark>redis</mark> is away",
    ]


def test_a_word_is_shown_where_it_was_said(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    texts_in(connection, {"s": ["a redis"]})
    seed.add_document(connection, "s", NOON, "ls", result="vps")
    seed.add_document(connection, "s", NOON, "we rented a vps in Helsinki")

    [session] = asked(client, "redis vps")["sessions"]

    assert [item["kind"] for item in session["items"]] == ["message", "message"]
    assert session["hits"] == 3


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("alpha beta", {"a", "c"}),
        ("alpha beta -gamma", {"a"}),
        ("alpha beta or delta", {"a", "c", "d"}),
        ("delta or alpha beta", {"a", "c", "d"}),
        ('"the alpha" "a beta"', {"a"}),
        ('"the alpha" beta', {"a", "c"}),
        ("alpha beta project:a", {"a"}),
        ("alpha beta after:2024-01-15T13:00:00Z", {"c"}),
        ("alpha beta is:error", set()),
        ("alpha beta session:c", {"c"}),
        ("alp bet", set()),
        ("alpha bet", {"a", "c"}),
        ("alpha alpha", {"a", "c"}),
    ],
)
def test_each_text_of_a_session_obeys_the_query(client: TestClient, connection: psycopg.Connection[Any], q: str, found: set[str]) -> None:
    """given sessions with words in different texts, then filters, phrases and excluded words hold for each text, `or` for its words."""
    texts_in(connection, {"a": ["the alpha", "a beta"], "b": ["beta alone"], "c": ["the alpha", "beta gamma"], "d": ["delta"]})

    assert set(matches(asked(client, q))) == found


@pytest.mark.parametrize("mode", ["literal", "regex"])
def test_exact_texts_and_patterns_are_in_one_text(client: TestClient, connection: psycopg.Connection[Any], mode: str) -> None:
    texts_in(connection, {"s": ["alpha", "beta"]})

    answer = asked(client, "alpha beta", mode=mode)

    assert (answer["sessions"], answer["across"], answer["nearest"]) == ([], None, [])


def test_rare_words_that_were_said_come_before_outputs_of_long_sessions(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    # Given a session that is about both words, and a much longer one in whose outputs they are by chance
    texts_in(connection, {"about": ["install redis", "on a vps"]})
    seed.add_session(connection, "long", seed.add_project(connection, "/long"), user_messages=200, tool_calls=3_000)
    for number, word in enumerate(["redis", "vps"]):
        seed.add_document(connection, "long", NOON + timedelta(days=1, minutes=number), "cat list", result=f"a {word} among others")

    answer = asked(client, "redis vps")

    assert list(matches(answer)) == ["about", "long"]
    assert list(matches(asked(client, "redis vps", sort="newest"))) == ["long", "about"]


@pytest.mark.parametrize("sort", ["best", "newest"])
@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_pages_of_sessions_fit_together(client: TestClient, connection: psycopg.Connection[Any], sort: str, limit: int) -> None:
    one = {f"one {number}": ["alpha and beta"] for number in range(3)}
    across = {f"across {number}": ["alpha"] * (1 + number) + ["beta"] for number in range(4)}
    texts_in(connection, one | across)

    pages = [asked(client, "alpha beta", sort=sort, limit=limit)]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(asked(client, "alpha beta", sort=sort, limit=limit, cursor=cursor))

    shown = [(session["session_id"], session["match"]) for page in pages for session in page["sessions"]]
    assert sorted(name for name, _ in shown) == sorted(one | across)
    assert [match for _, match in shown] == ["one_text"] * 3 + ["session"] * 4
    assert {(page["total"], page["total_is_exact"], page["is_complete"]) for page in pages} == {(3, True, True)}
    assert pages[-1]["across"] == {"sessions": 4, "is_exact": True}


def test_what_could_not_be_looked_at_is_told(
    client: TestClient, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """given more texts with the rarest word than are looked at, or no time, then the number is a bound and the answer not complete."""
    texts_in(connection, {"a": ["alpha", "beta"], "b": ["alpha", "beta", "beta"]})
    monkeypatch.setattr(session_words, "MOST_LEADING", 1)

    bounded = asked(client, "alpha beta")
    monkeypatch.setattr(session_words, "BUDGET_SECONDS", 0.0)
    late = asked(client, "alpha beta")

    assert (len(bounded["sessions"]), bounded["across"]) == (1, {"sessions": 1, "is_exact": False})
    assert (late["sessions"], late["across"]) == ([], {"sessions": 0, "is_exact": False})
    for answer in (bounded, late):
        assert not answer["is_complete"]
        assert "different texts" in answer["incomplete_because"]


def test_texts_that_could_not_be_counted_are_told(
    client: TestClient, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """given time to find the sessions and none to count their texts, then the answer says that it is not complete."""
    texts_in(connection, {"a": ["alpha", "beta", "beta"]})
    seconds = iter((session_words.BUDGET_SECONDS, 0.0))

    with monkeypatch.context() as patched:
        patched.setattr(session_words, "Deadline", lambda _: document_finder.Deadline(next(seconds)))
        late = asked(client, "alpha beta")
    whole = asked(client, "alpha beta")

    assert (late["sessions"][0]["hits"], late["is_complete"]) == (1, False)
    assert "no time to count" in late["incomplete_because"]
    assert (whole["sessions"][0]["hits"], whole["is_complete"], whole["incomplete_because"]) == (3, True, None)


def test_forms_and_shorter_queries_that_could_not_be_looked_for_are_told(
    client: TestClient, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts_in(connection, {"a": ["migrations", "beta"]})
    monkeypatch.setattr(word_forms, "TO_FIND_MS", 0)
    monkeypatch.setattr(nearest, "BUDGET_SECONDS", 0.0)

    forms = asked(client, "migration", correct=True)
    shorter = asked(client, "beta nobody")

    assert (forms["forms"], forms["is_complete"]) == (None, False)
    assert "other forms" in forms["incomplete_because"]
    assert (shorter["nearest"], shorter["is_complete"]) == ([], False)
    assert "fewer words" in shorter["incomplete_because"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sessions=st.lists(
        st.lists(st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta"]), min_size=1, max_size=3), min_size=1, max_size=5), max_size=6
    ),
    q=st.sampled_from(["alpha beta", "alpha beta gamma", "alpha beta -gamma", "alpha beta or gamma delta", "alpha or beta gamma"]),
    limit=st.sampled_from([1, 2, 50]),
)
def test_a_session_is_found_if_its_texts_have_the_words(
    client: TestClient, connection: psycopg.Connection[Any], sessions: list[list[list[str]]], q: str, limit: int
) -> None:
    connection.execute("TRUNCATE search_documents, search_words, sessions")
    for number, texts in enumerate(sessions):
        seed.add_session(connection, f"s{number}", 0)
        for minute, words in enumerate(texts):
            seed.add_document(connection, f"s{number}", NOON + timedelta(minutes=minute), " ".join(words))
    expected = {f"s{number}": match for number, texts in enumerate(sessions) if (match := what_matches(q, texts))}

    found: dict[str, str] = {}
    cursor: dict[str, str] = {}
    while True:
        page = asked(client, q, limit=limit, **cursor)
        assert not found.keys() & matches(page).keys()
        found |= matches(page)
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert found == expected


def what_matches(q: str, texts: list[list[str]]) -> str | None:
    """`one_text`, `session` or None, for a query of words, `or` and `-`."""
    found = None
    for alternative in q.split(" or "):
        wanted = [word for word in alternative.split() if not word.startswith("-")]
        unwanted = {word[1:] for word in alternative.split() if word.startswith("-")}
        allowed = [text for text in texts if not unwanted & set(text)]
        if any(set(wanted) <= set(text) for text in allowed):
            return "one_text"
        if len(wanted) > 1 and all(any(word in text for text in allowed) for word in wanted):
            found = "session"
    return found


def test_outputs_that_show_the_same_are_one_hit(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    # Given a command that ran three times, and a prompt
    texts_in(connection, {"s": ["why does the upload fail"]})
    for number in range(3):
        result = f"upload 41{number} failed at 12:0{number}:11, commit ab{number}cd0"
        seed.add_document(connection, "s", NOON + timedelta(minutes=number), "make test", result=result, id=None)

    [session] = asked(client, "upload")["sessions"]

    assert session["hits"] == 4
    assert [(item["kind"], item["similar"]) for item in session["items"]] == [("message", 0), ("tool_call", 2)]


def test_a_title_comes_before_any_output(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    """given a long title with the word, and an output that has it a hundred times, then the title is first."""
    texts_in(connection, {"titled": ["hello"], "output": ["hello"]})
    title = "retry " + " ".join(f"word{number}" for number in range(60))
    seed.add_document(connection, "titled", NOON, title, kind="session")
    seed.add_document(connection, "output", NOON, "x", result="retry " * 100)

    items = client.get(PATH, params={"q": "retry"}).json()["items"]

    assert [item["kind"] for item in items] == ["session", "tool_call"]


@pytest.fixture
def remembered(connection: psycopg.Connection[Any]) -> None:
    """`redis` and `connection` are in two sessions, `vps` in none of these."""
    texts_in(connection, {"a": ["redis", "connection"], "b": ["redis connection"], "c": ["a vps"], "d": ["connections"]})


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("group_by", ["session", None])
def test_nothing_found_offers_the_nearest_with_a_word_less(client: TestClient, group_by: str | None) -> None:
    parameters = {"q": "redis vps connection"} | ({"group_by": group_by} if group_by else {})

    answer = client.get(PATH, params=parameters).json()

    assert answer["nearest"] == [{"q": "redis connection", "without": ["vps"], "sessions": 2, "is_exact": True}]
    assert len(asked(client, "redis connection")["sessions"]) == 2


@pytest.mark.usefixtures("remembered")
def test_several_words_that_nobody_wrote_are_dropped_at_once(client: TestClient) -> None:
    answer = asked(client, 'redis nowhere "at no time" connection is:error -absent')
    assert answer["nearest"] == []

    answer = asked(client, 'redis nowhere "at no time" connection -absent kind:message')

    [offer] = answer["nearest"]
    assert (offer["q"], offer["without"], offer["sessions"]) == ("redis connection -absent kind:message", ["nowhere", "at no time"], 2)


@pytest.mark.usefixtures("remembered")
def test_words_of_different_texts_are_offered_where_one_text_is_asked_for(client: TestClient) -> None:
    answer = client.get(PATH, params={"q": "connection redis session:a"}).json()

    assert (answer["items"], answer["total"]) == ([], 0)
    assert answer["nearest"] == [{"q": "connection redis session:a", "without": [], "sessions": 1, "is_exact": True}]


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(
    "q", ["redis connection", "redis or nowhere nothing", "nowhere", "nowhere project:nobody redis", "nowhere nothing"]
)
def test_nothing_is_offered_where_something_was_found_or_nothing_can_be(client: TestClient, q: str) -> None:
    assert asked(client, q)["nearest"] == []


def test_the_windows_of_sessions_are_followed_by_those_of_words(
    client: TestClient, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """given more matches than are grouped at a time, then sessions across texts come behind the last window, each once."""
    monkeypatch.setattr(document_pages, "GROUPED_MATCHES", 2)
    monkeypatch.setattr(document_finder, "FEW", -1)
    texts_in(connection, {f"one {number}": ["alpha beta"] for number in range(5)} | {"across": ["alpha", "beta"]})

    pages = [asked(client, "alpha beta", limit=10)]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(asked(client, "alpha beta", limit=10, cursor=cursor))

    shown = [session["session_id"] for page in pages for session in page["sessions"]]
    assert shown[-1] == "across"
    assert sorted(shown) == ["across", *(f"one {number}" for number in range(5))]
