"""GET /api/search: matches by mode and filter, how they are shown, and hints at filters that name nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.example_counts import examples
from tests.integration.query import seed
from tests.integration.query.search import searched_texts
from tests.integration.query.search.searched_texts import SORTS
from tests.json_answers import json_of
from tests.kept_connection import Connection

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/search"
TEXTS = searched_texts.TEXTS | {
    "arrow": "const f = (a) => a + 1; fix(parser): mend",
    "plain fix": "we fix nothing here (at all)",
    "accents": "das Café an der Straße öffnet",
    "emoji": "ship it 🚀 now",
    "vector": "std::vector<int> xs",
    "pointer": "the pointer node->next is null",
}


@pytest.fixture
def texts(connection: Connection) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    for number, content in enumerate(TEXTS.values()):
        seed.add_document(connection, "s", NOON + timedelta(minutes=number), content)


def found(client: TestClient, q: str, **parameters: Any) -> set[str]:
    body = json_of(client, PATH, params={"q": q, **parameters})
    assert (body["total"], body["total_is_exact"], body["is_complete"]) == (len(body["items"]), True, True)
    ids = {content: name for name, content in TEXTS.items()}
    return {ids[_plain(item["snippet"])] for item in body["items"]}


def _plain(snippet: str) -> str:
    text = snippet.replace("<mark>", "").replace("</mark>", "")
    return text.replace("&gt;", ">").replace("&lt;", "<").replace("&#x27;", "'").replace("&amp;", "&")


QUERIES = searched_texts.QUERIES | {
    '"in the folder"': {"phrase"},
    '"The File, was"': set(),
    '"the file was"': {"phrase"},
    '"the folder the"': set(),
    '"not a file"': {"scattered"},
    '-"in the" folder': {"scattered"},
    "検": {"cjk"},
    "=>": {"arrow"},
    "fix(": {"arrow"},
    "fix": {"arrow", "plain fix"},
    "(at": {"plain fix"},
    "cafe": {"accents"},
    "CAFÉ": {"accents"},
    "strasse": {"accents"},
    "🚀": {"emoji"},
    "std::": {"vector"},
    "->": {"pointer"},
    "->next": {"pointer"},
    "pointer ->": {"pointer"},
    "std::vector": {"vector"},
    "foo:bar": set(),
    "!": set(),
}


@pytest.mark.usefixtures("texts")
def test_words_find_the_expected_texts(client: TestClient) -> None:
    answers = {(q, sort): found(client, q, sort=sort) for q in QUERIES for sort in SORTS}
    assert answers == {(q, sort): names for q, names in QUERIES.items() for sort in SORTS}


LITERALS: dict[str, set[str]] = {
    "seEff": {"hook"},
    "func": {"hook", "snake"},
    "FUNC": {"hook", "snake"},
    "=>": {"arrow"},
    "fix(": {"arrow"},
    "C++": {"dotted"},
    "100%": {"percent"},
    "_000": {"percent"},
    "索": {"cjk"},
    "🚀": {"emoji"},
    "t fou": {"phrase"},
    "\\": set(),
    "project:": set(),
    "-": {"flag", "no flag", "pointer"},
}


@pytest.mark.usefixtures("texts")
def test_a_literal_finds_what_has_it_anywhere(client: TestClient) -> None:
    answers = {(q, sort): found(client, q, mode="literal", sort=sort) for q in LITERALS for sort in SORTS}
    assert answers == {(q, sort): names for q, names in LITERALS.items() for sort in SORTS}


@pytest.mark.usefixtures("texts")
def test_case_counts_when_asked_for(client: TestClient) -> None:
    assert found(client, "usee", mode="literal") == {"hook"}
    assert found(client, "usee", mode="literal", case=True) == set()
    assert found(client, "get[a-z]+Name", mode="regex", case=True) == set()


@pytest.mark.usefixtures("texts")
@pytest.mark.parametrize(
    ("q", "names"),
    [(r"E\d{4}", {"error"}), ("(use|fetch)[A-Z]\\w+", {"hook", "getter", "mixed"}), (r"^run\y", {"flag"}), ("🚀|=>", {"emoji", "arrow"})],
)
def test_a_regular_expression_finds_what_it_matches(client: TestClient, q: str, names: set[str]) -> None:
    assert found(client, q, mode="regex", case=True) == names


@pytest.mark.parametrize("q", ["(", "[", "a{2,1}", "a{1001}", "*", "\\", "a**"])
def test_an_invalid_pattern_is_refused_in_words(client: TestClient, q: str) -> None:
    answer = client.get(PATH, params={"q": q, "mode": "regex"})

    assert answer.status_code == 400
    assert "is no regular expression" in answer.json()["details"]["q"]


def test_a_back_reference_is_refused_with_what_is_allowed(client: TestClient) -> None:
    answer = client.get(PATH, params={"q": r"(.*)*\1\1x", "mode": "regex"})

    assert answer.status_code == 400
    assert r"\1" in answer.json()["details"]["q"]
    assert "The syntax is RE2's" in answer.json()["details"]["q"]


@pytest.fixture
def shop(connection: Connection) -> dict[str, str]:
    """A project with everything of the index; each text has `needle`."""
    ann, ben = seed.add_user(connection, "ann"), seed.add_user(connection, "ben")
    shop, other = seed.add_project(connection, "/home/ann/my shop"), seed.add_project(connection, "/home/ann/other")
    seed.add_session(connection, "s", shop, ann, title="The needle session", git_branch="feature/needle")
    seed.add_session(connection, "o", other, ben, git_branch="main")
    connection.execute("INSERT INTO session_marks (session_id, is_starred, tags) VALUES ('s', true, '{sewing}')")
    minute = timedelta(minutes=1)
    return {
        name: str(seed.add_document(connection, session_id, at, content, **columns))
        for name, session_id, at, content, columns in (
            ("prompt", "s", NOON, "find the needle", {}),
            ("answer", "s", NOON + minute, "here is a needle", {"role": "assistant", "agent_id": "a1"}),
            ("command", "s", NOON + 2 * minute, "grep needle /home/ann/my shop/hay.txt", {"result": "no such thing"}),
            ("result", "s", NOON + 3 * minute, "cat hay.txt", {"result": "a needle", "is_error": True}),
            ("read", "s", NOON + 4 * minute, "needle/main.py", {"result": "code", "tool_name": "Read"}),
            ("file", "s", NOON + 5 * minute, "/home/ann/my shop/needle/main.py", {"kind": "file"}),
            ("session", "s", NOON + 6 * minute, "The needle session", {"kind": "session"}),
            ("elsewhere", "o", NOON + 7 * minute, "a needle elsewhere", {}),
        )
    }


# The texts of the shop that each query finds.
FILTERS: dict[str, set[str]] = {
    "needle": {"prompt", "answer", "command", "result", "read", "file", "session", "elsewhere"},
    'needle project:"my shop"': {"prompt", "answer", "command", "result", "read", "file", "session"},
    "needle project:other": {"elsewhere"},
    "needle project:ann/other": {"elsewhere"},
    "needle -project:other kind:message": {"prompt", "answer"},
    "needle project:nobody": set(),
    "needle user:ben": {"elsewhere"},
    "needle -user:ann": {"elsewhere"},
    "needle tool:bash": {"command", "result"},
    "needle kind:tool_call -tool:bash": {"read"},
    "needle is:error": {"result"},
    "is:error": {"result"},
    "needle kind:tool_call -is:error": {"command", "read"},
    "needle is:starred kind:message": {"prompt", "answer"},
    "needle -is:starred kind:message": {"elsewhere"},
    "needle kind:input": {"command", "read"},
    "needle kind:command": {"command"},
    "needle kind:result": {"result"},
    "needle kind:file": {"file"},
    "needle kind:session": {"session"},
    "needle role:assistant": {"answer"},
    "agent:a1": {"answer"},
    "needle branch:main": {"elsewhere"},
    "needle session:o": {"elsewhere"},
    "file:hay.txt": {"command", "result"},
    "file:needle/main.py": {"file", "read"},
    "needle after:2024-01-15T12:06:30Z": {"elsewhere"},
    "needle before:2024-01-15T12:01:00Z": {"prompt"},
    "needle before:2024-01-15": set(),
    "needle after:2024-01-15 kind:message": {"prompt", "answer", "elsewhere"},
    "needle after:7d": set(),
}


def test_filters_in_the_query(client: TestClient, shop: dict[str, str]) -> None:
    of_id = {document_id: name for name, document_id in shop.items()}

    def names(q: str, sort: str) -> set[str]:
        answer = client.get(PATH, params={"q": q, "sort": sort})
        assert answer.status_code == 200, answer.text
        return {of_id[item["id"]] for item in answer.json()["items"]}

    answers = {(q, sort): names(q, sort) for q in FILTERS for sort in SORTS}
    assert answers == {(q, sort): expected for q, expected in FILTERS.items() for sort in SORTS}


@pytest.mark.parametrize(
    ("q", "said"),
    [
        ("kind:nothing", "kind:nothing is not known"),
        ("is:wrong", "is:wrong is not known"),
        ("role:robot", "role:robot is not known"),
        ("after:tomorrowish", "after:tomorrowish is no date"),
        ("before:2024-13-01", "is no date"),
        ("branch:a branch:b", "branch: is there twice"),
        ("-branch:a", "cannot be excluded"),
        ("role:user " * 33, "more than 32 terms"),
        ("x" * 2_001, "at most 2000 characters"),
    ],
)
def test_what_is_wrong_with_a_query_is_said(client: TestClient, q: str, said: str) -> None:
    answer = client.get(PATH, params={"q": q})

    assert answer.status_code == 400
    assert said in answer.json()["details"]["q"]


def test_a_pasted_text_is_its_words(client: TestClient, shop: dict[str, str]) -> None:
    """given more than 32 words with what else is an order, then texts that have all of the words are found"""
    pasted = 'Error: "a" or -needle kind:nothing ' * 20

    found = client.get(PATH, params={"q": pasted}).json()
    needles = client.get(PATH, params={"q": "a needle " * 20}).json()

    assert found["interpreted"]["filters"] == {}
    assert [term["text"] for term in found["interpreted"]["alternatives"][0]] == ["Error", "a", "needle", "kind", "nothing"]
    assert (found["items"], shop["result"] in [item["id"] for item in needles["items"]]) == ([], True)


def test_an_item_says_what_and_where_it_is(client: TestClient, shop: dict[str, str]) -> None:
    items = {item["id"]: item for item in client.get(PATH, params={"q": "needle"}).json()["items"]}

    of = {name: items[document_id] for name, document_id in shop.items()}
    assert {name: item["matched_in"] for name, item in of.items()} == {
        "prompt": ["message"],
        "answer": ["message"],
        "command": ["input"],
        "result": ["result"],
        "read": ["input"],
        "file": ["path"],
        "session": ["title", "branch"],
        "elsewhere": ["message"],
    }
    assert of["result"]["snippet"] == "a <mark>needle</mark>"
    assert (of["result"]["tool_name"], of["result"]["is_error"], of["result"]["user"]) == ("Bash", True, "ann")
    assert of["file"]["path"] == "/home/ann/my shop/needle/main.py"
    assert (of["prompt"]["timeline_id"], of["session"]["timeline_id"]) == (shop["prompt"], None)
    assert of["prompt"]["session_title"] == "The needle session"


def test_titles_and_prompts_come_before_results(client: TestClient, shop: dict[str, str]) -> None:
    scores = {item["id"]: item["score"] for item in client.get(PATH, params={"q": "needle"}).json()["items"]}

    assert scores[shop["session"]] > scores[shop["prompt"]] > scores[shop["answer"]] > scores[shop["result"]]


def test_the_answer_says_what_was_understood(client: TestClient, shop: dict[str, str]) -> None:
    answer = client.get(PATH, params={"q": 'needle -"not here" or x project:other', "role": "user"}).json()

    assert answer["interpreted"] == {
        "mode": "words",
        "alternatives": [
            [
                {"text": "needle", "kind": "word", "is_excluded": False, "start": 0, "end": 6},
                {"text": "not here", "kind": "phrase", "is_excluded": True, "start": 7, "end": 18},
            ],
            [{"text": "x", "kind": "word", "is_excluded": False, "start": 22, "end": 23}],
        ],
        "filters": {"role": "user", "project": "other"},
        "typed": [{"name": "project", "value": "other", "is_excluded": False, "start": 24, "end": 37}],
    }
    assert shop["elsewhere"] in {item["id"] for item in answer["items"]}


def test_what_was_understood_says_where_it_stands_in_characters(client: TestClient) -> None:
    q = '🚀 \0 -user:"Ann B"  (needle), PROJECT:"my shop'

    understood = client.get(PATH, params={"q": q}).json()["interpreted"]

    [term] = [term for terms in understood["alternatives"] for term in terms if term["text"] == "needle"]
    assert q[term["start"] : term["end"]] == "(needle),"
    assert [q[each["start"] : each["end"]] for each in understood["typed"]] == ['-user:"Ann B"', 'PROJECT:"my shop']


def test_a_filter_that_is_typed_goes_before_the_parameter_of_its_name(client: TestClient, shop: dict[str, str]) -> None:
    answer = client.get(PATH, params={"q": "needle kind:file", "kind": "message"}).json()

    assert [item["kind"] for item in answer["items"]] == ["file"]
    assert answer["interpreted"]["filters"] == {"kind": "file"}


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    q=st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(
                [*'"-:()[]{}*?+|\\^$.%_\0 \ud800', "or", "project:", "is:", "after:", "alpha", "\n", "検", "🚀", "-is:error", "a=>b"]
            ),
            max_size=12,
        ).map("".join),
    ),
    mode=st.sampled_from(["words", "literal", "regex"]),
    sort=st.sampled_from(["best", "newest"]),
    more=st.fixed_dictionaries(
        {},
        optional={
            "group_by": st.just("session"),
            "case": st.just(True),
            "kind": st.sampled_from(["input", "result", "file"]),
            "context": st.just(True),
        },
    ),
)
@example(q="(a+)+$", mode="regex", sort="best", more={})
@example(q="is:starred -", mode="words", sort="best", more={})
@pytest.mark.usefixtures("texts")
def test_any_text_is_answered_or_refused(client: TestClient, q: str, mode: str, sort: str, more: dict[str, Any]) -> None:
    answer = client.get(PATH, params={"q": q.encode("utf-8", "replace").decode(), "mode": mode, "sort": sort, **more})

    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize("result", [None, ""])
def test_a_call_that_gave_back_nothing_is_a_result_without_text(client: TestClient, connection: Connection, result: str | None) -> None:
    """given calls with and without output, when results are asked for without words, then each is there, and one has no text."""
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    seed.add_document(connection, "s", NOON, "ls", kind="tool_call")
    seed.add_document(connection, "s", NOON + timedelta(minutes=1), "cat a", result="what it says")

    answer = client.get(PATH, params={"kind": "result", "q": ""} if result is None else {"q": "kind:result"})

    assert answer.status_code == 200, answer.text
    assert [(item["matched_in"], item["snippet"]) for item in answer.json()["items"]] == [(["result"], "what it says"), (["result"], "")]


@pytest.mark.parametrize(
    ("q", "hints"),
    [
        ("needle", []),
        ("nowhere", []),
        ("needle project:other kind:result", []),
        ("needle project:shopp", ["There is no project 'shopp'"]),
        ("needle user:anm", ["There is no user 'anm'"]),
        ("needle user:ann -user:anm is:error tool:read", []),
        ("needle tool:basch", ["No call of a tool 'basch'"]),
        ("needle session:01a2f8", ["There is no session that begins with '01a2f8'"]),
        ("needle project:x project:y user:z", ["There is no project 'x'", "There is no project 'y'", "There is no user 'z'"]),
        ("needle project:x project:other", []),
        ("needle -project:x", []),
    ],
)
def test_a_filter_that_names_nothing_is_hinted_at(client: TestClient, connection: Connection, q: str, hints: list[str]) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/shop"), seed.add_user(connection, "ann"))
    seed.add_session(connection, "o", seed.add_project(connection, "/other"), seed.add_user(connection, "ben"))
    for session_id in ("s", "o"):
        seed.add_document(connection, session_id, NOON, "a needle")
    seed.add_tool_call(connection, "s", NOON, "Bash")
    seed.add_tool_call(connection, "s", NOON, "Read")
    seed.compute_totals(connection)

    found = client.get(PATH, params={"q": q}).json()["hints"]

    assert [hint[: len(start)] for hint, start in zip(found, hints, strict=True)] == hints


def test_a_session_is_named_by_the_beginning_of_its_id(client: TestClient, connection: Connection) -> None:
    project = seed.add_project(connection, "/p")
    for session_id in ("48f165d5-1", "48f165d5-2", "48f165", "a%b_cd-1"):
        seed.add_session(connection, session_id, project)
        seed.add_document(connection, session_id, NOON, f"needle {session_id}")

    def found(beginning: str) -> set[str]:
        return {item["session_id"] for item in client.get(PATH, params={"q": f"needle session:{beginning}"}).json()["items"]}

    assert found("48f165d5-1") == {"48f165d5-1"}
    assert found("48f165") == {"48f165"}  # a whole id, and the beginning of others
    assert found("a%b_cd") == {"a%b_cd-1"}
    assert found("48f16") == found("A%B_CD") == found("______") == set()
    several = client.get(PATH, params={"q": "needle session:48f165d"})
    assert (several.status_code, several.json()["details"]["q"]) == (
        400, "session:48f165d is the beginning of several sessions; give more of its id",
    )  # fmt: skip
    assert client.get(PATH, params={"q": "session:a%b_cd"}).json()["interpreted"]["filters"] == {"session": "a%b_cd-1"}
