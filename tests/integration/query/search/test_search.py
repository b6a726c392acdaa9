"""Search: how a query is read, which texts are found in which order, and that no query text is an error or holds up others."""

import base64
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query import database
from services.query.app import create_app
from services.query.queries.search import document_pages, text_finder
from services.query.queries.search.query_language import parse
from services.query.settings import Settings
from shared.database import make_engine
from shared.http.concurrency import PATTERN_SEARCHES
from tests.conftest import LOCAL
from tests.example_counts import examples
from tests.integration.caught_up import catch_up
from tests.integration.query import seed
from tests.integration.query.pages import pages, pages_of
from tests.integration.query.search import searched_texts
from tests.integration.query.search.searched_texts import SORTS, TEXTS
from tests.kept_connection import Connection

PATH = "/api/conversations/search"
NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def texts(connection: Connection) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    for number, content in enumerate(TEXTS.values()):
        seed.add_message(connection, "s", NOON + timedelta(minutes=number), content)


def found(client: TestClient, q: str, **parameters: str) -> set[str]:
    answer = client.get("/api/conversations/search", params={"q": q, **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["items"])
    names = {content: name for name, content in TEXTS.items()}
    return {names[item["content"]] for item in answer.json()["items"]}


QUERIES = searched_texts.QUERIES | {
    "USEEFFECT": {"hook"},
    "use effect": {"hook"},
    "main.py": {"snake"},
    "#404": set(),
    "404": {"error"},
    '"not found" or useState': {"phrase", "mixed"},
    "索": {"cjk"},
    "React.useState": {"mixed"},
    "--no-verify commit": {"flag"},
    "commit -verify": set(),
    'commit -"--no-verify"': {"no flag"},
    '"-verify"': {"flag", "no flag"},
    "no verify": {"flag", "no flag"},
    "docs.md": {"cjk and latin"},
    ".claude/sett": {"dotted"},
    "!!!": set(),
}


@pytest.mark.usefixtures("texts")
def test_queries_find_the_expected_texts(client: TestClient) -> None:
    answers = {(q, sort): found(client, q, sort=sort) for q in QUERIES for sort in SORTS}
    assert answers == {(q, sort): names for q, names in QUERIES.items() for sort in SORTS}


@pytest.mark.usefixtures("texts")
def test_a_query_of_exclusions_alone_finds_everything_else(client: TestClient) -> None:
    assert found(client, "-found") == set(TEXTS) - {"phrase", "scattered"}
    assert found(client, '-"not found"') == set(TEXTS) - {"phrase"}


@pytest.mark.usefixtures("texts")
def test_a_message_without_text_is_listed_but_never_found(client: TestClient, connection: Connection) -> None:
    """given an answer of Claude's that only used tools, then no search finds it, not even one for what it does not say."""
    seed.add_message(connection, None, NOON, "", role="assistant")
    assert "" in {item["content"] for item in client.get("/api/conversations/search?limit=1000").json()["items"]}
    for sort in ("best", "newest"):
        found = client.get(f"/api/conversations/search?q=-nonsense&limit=1000&sort={sort}").json()["items"]
        assert found
        assert "" not in {item["content"] for item in found}


@pytest.mark.usefixtures("texts")
def test_an_item_has_a_snippet_and_a_score(client: TestClient) -> None:
    [item] = client.get("/api/conversations/search?q=cleanup").json()["items"]
    assert item["snippet"] == "call useEffect with a <mark>cleanup</mark> function"
    assert item["score"] > 0
    assert item["role"] == "user"


def test_a_match_names_its_session_project_and_user(client: TestClient, connection: Connection) -> None:
    ada = seed.add_user(connection, "ada")
    seed.add_session(connection, "named", seed.add_project(connection, "/home/ada/site"), ada, title="Add a footer")
    seed.add_message(connection, "named", "2024-01-15T12:00:00Z", "unheard-of")
    [found] = client.get("/api/conversations/search?q=unheard").json()["items"]
    assert (found["session_title"], found["project_name"], found["user"]) == ("Add a footer", "site", "ada")


def ranked(client: TestClient, connection: Connection, q: str, texts: dict[str, str]) -> list[str]:
    """The names of the texts that are found, best first. The best is stored first, so that being the newest does not help it."""
    names = {content: name for name, content in texts.items()}
    for number, content in enumerate(texts.values()):
        seed.add_message(connection, None, NOON + timedelta(minutes=number), content)
    items = client.get("/api/conversations/search", params={"q": q, "limit": 1000}).json()["items"]
    scores = [item["score"] for item in items]
    assert all(score > 0 for score in scores)
    assert scores == sorted(scores, reverse=True)
    return [names[item["content"]] for item in items]


def test_near_words_rank_first_and_distant_ones_still_have_a_score(client: TestClient, connection: Connection) -> None:
    between = {"near": "", "apart": "some more words ", "far": "and so on " * 60, "very far": "and so on " * 2_000}
    texts = {name: f"cobalt {words}kettle {'and so on ' * (2_000 - words.count('so'))}" for name, words in between.items()}
    assert ranked(client, connection, "kettle cobalt", texts)[:2] == ["near", "apart"]


def test_rare_words_weigh_more_than_frequent_ones(client: TestClient, connection: Connection) -> None:
    texts = {"rare": "quokka is here"} | {f"frequent {number}": f"build is here, number {number}" for number in range(40)}
    assert ranked(client, connection, "quokka or build", texts)[0] == "rare"


@pytest.mark.usefixtures("texts")
def test_a_match_by_exclusions_alone_has_a_score(client: TestClient) -> None:
    for sort in ("best", "newest"):
        assert {item["score"] for item in client.get(f"/api/conversations/search?q=-nowhere&sort={sort}").json()["items"]} == {1e-6}


@pytest.mark.usefixtures("texts")
@pytest.mark.parametrize("weights", ["", "1", "1 2 3", "0 1", "x", "99999 1"])
def test_a_cursor_with_forged_weights_is_not_a_server_error(client: TestClient, weights: str) -> None:
    asked = {"q": "found folder", "limit": 1}
    cursor = client.get("/api/conversations/search", params=asked).json()["next_cursor"]
    decoded = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=="))
    decoded["k"][-1] = weights
    forged = base64.urlsafe_b64encode(msgspec.json.encode(decoded)).rstrip(b"=").decode()
    assert client.get("/api/conversations/search", params=asked | {"cursor": forged}).status_code in (200, 400)


@pytest.mark.usefixtures("texts")
def test_a_search_without_query_is_the_plain_list(client: TestClient) -> None:
    for path in ("/api/conversations/search", "/api/conversations/search?q=%20"):
        body = client.get(path).json()
        assert [item["content"] for item in body["items"]] == list(reversed(TEXTS.values()))
        assert (body["total"], body["total_is_exact"], body["next_cursor"]) == (len(TEXTS), True, None)


@pytest.mark.usefixtures("texts")
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    q=st.text(max_size=256)
    | st.lists(st.sampled_from(['"', "-", "or", "found", "%", "_", "\\", "'", ":*", "&", "!", "(", "検"])).map(" ".join)
)
@example(q="\0")
@example(q="'a'::tsquery")
def test_no_query_text_is_a_server_error(client: TestClient, q: str) -> None:
    for sort in ("best", "newest"):
        answer = client.get("/api/conversations/search", params={"q": q.encode("utf-8", "replace").decode(), "sort": sort})
        assert answer.status_code in ((200, 400) if len(q.split()) > 8 or len(q) > 200 or '"' in q else (200,)), answer.text


@pytest.mark.parametrize("q", ["a " * 17, "x" * 257])
def test_an_oversized_query_is_a_400(client: TestClient, q: str) -> None:
    assert client.get("/api/conversations/search", params={"q": q}).json()["details"].keys() == {"q"}


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of a large volume, on a small one."""
    monkeypatch.setattr(text_finder, "COUNTED_TEXTS", 0)
    monkeypatch.setattr(text_finder, "MOST_READ", 3)
    monkeypatch.setattr(document_pages, "RANKED_MATCHES", 5)


@pytest.mark.usefixtures("few_are_many")
@pytest.mark.parametrize("q", ["needle", "needle a", '"a needle"'])
def test_the_newest_matches_are_ranked_and_the_rest_follow_by_time(client: TestClient, connection: Connection, q: str) -> None:
    """given more matches than are ranked, when all pages are read, then each is there once: first the window by rank, then the older by time."""
    seed.add_session(connection, "s", 0)
    for number in range(16):
        seed.add_message(
            connection, "s", NOON + timedelta(minutes=number), "a needle " * (number % 3 + 1) if number % 4 else f"needle {number} a"
        )
    everything = [
        item for item in client.get("/api/conversations?limit=1000").json()["items"] if q[0] != '"' or "a needle" in item["content"]
    ]
    items = pages(client, f"{PATH}?q={quote(q)}", 2)

    assert sorted(item["id"] for item in items) == sorted(item["id"] for item in everything)

    ranked = 5
    assert {item["id"] for item in items[:ranked]} == {item["id"] for item in everything[:ranked]}

    scores = [item["score"] for item in items[:ranked]]
    assert scores == sorted(scores, reverse=True)
    assert [item["id"] for item in items[ranked:]] == [item["id"] for item in everything[ranked:]]
    assert [item["id"] for item in pages(client, f"{PATH}?q={quote(q)}&sort=newest", 2)] == [item["id"] for item in everything]


ACCENTED = ("un café noir", "the cafe is open", "die Straße über Nacht", "the strasse", "no word of it", "naïve café uber alles")


@pytest.fixture
def accented(connection: Connection) -> None:
    """Messages, and a call that has the same words."""
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    for number, content in enumerate(ACCENTED):
        seed.add_message(connection, "s", NOON + timedelta(minutes=number), content)
    seed.add_document(connection, "s", NOON, "café", result="cafe")


# By their number, what each query finds of ACCENTED.
ACCENT_QUERIES: dict[str, set[int]] = {
    "cafe": {0, 1, 5},
    "café": {0, 1, 5},
    "CAFÉ": {0, 1, 5},
    "caf": {0, 1, 5},
    "cafe noir": {0},
    "nàïve cafè": {5},
    "cafe -noir": {1, 5},
    "strasse": {2, 3},
    "uber": {2, 5},
    "naive or strasse": {2, 3, 5},
    '"café noir"': {0},
    '"cafe noir"': set(),
    '"the cafe" or naive': {1, 5},
    'cafe -"the cafe"': {0, 5},
}


def all_found(client: TestClient, q: str, sort: str) -> list[str]:
    """The items of all pages, each with one item. A total that is exact by the answer is their number."""
    found = list(pages_of(client, PATH, q=q, sort=sort, limit=1))
    seen = [item["content"] for page in found for item in page["items"]]
    assert {page["total"] for page in found if page["total_is_exact"]} <= {len(seen)}, (q, sort)
    return sorted(seen)


@pytest.mark.usefixtures("accented")
def test_accents_do_not_matter_in_words(client: TestClient) -> None:
    answers = {(q, sort): all_found(client, q, sort) for q in ACCENT_QUERIES for sort in SORTS}
    expected = {q: sorted(ACCENTED[number] for number in numbers) for q, numbers in ACCENT_QUERIES.items()}
    assert answers == {(q, sort): contents for q, contents in expected.items() for sort in SORTS}


@pytest.mark.usefixtures("accented")
def test_a_word_is_marked_with_its_accents(client: TestClient) -> None:
    items = client.get("/api/conversations/search", params={"q": "cafe noir"}).json()["items"]

    assert [item["snippet"] for item in items] == ["un <mark>café</mark> <mark>noir</mark>"]


@pytest.mark.usefixtures("accented")
@pytest.mark.parametrize(
    ("more", "total"),
    [
        ({"role": "user"}, 2),
        ({"role": "assistant"}, 0),
        ({"session_id": "x"}, 0),
        ({"user": "nobody"}, 0),
        ({"model": "m"}, 0),
        ({"source": "s"}, 0),
    ],
)
def test_filters_hold_for_what_differs_in_accents(client: TestClient, more: dict[str, str], total: int) -> None:
    assert client.get("/api/conversations/search", params={"q": "uber"} | more).json()["total"] == total


SEARCHES = 24
PATTERN = {"mode": "regex", "q": "n.edle"}


@pytest.fixture
def slow_client(query_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A service whose searches can be held by a lock for as long as a statement may take."""
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT_MS", 60_000)
    monkeypatch.setattr(database, "make_engine", partial(make_engine, lock_timeout_ms=60_000))
    return TestClient(create_app(query_settings), LOCAL)


def test_a_list_does_not_wait_for_searches_with_patterns(slow_client: TestClient, connection: Connection) -> None:
    seed.add_message(connection, None, "2024-01-15T12:00:00Z", "a needle")
    with slow_client as client, ThreadPoolExecutor(SEARCHES) as people, connection.transaction():
        catch_up(client)
        # Given more searches than there are threads for reads, none of which ends
        connection.execute("LOCK TABLE messages")
        searches = [people.submit(client.get, "/api/search", params=PATTERN) for _ in range(SEARCHES)]
        refused: set[Any] = set()
        while len(refused) < SEARCHES - PATTERN_SEARCHES:
            refused |= wait(set(searches) - refused, return_when=FIRST_COMPLETED).done

        sessions = client.get("/api/sessions")

        # Then the list is answered before any of those that were admitted
        assert sum(not search.done() for search in searches) == PATTERN_SEARCHES
        assert sessions.status_code == 200
        assert {search.result().status_code for search in refused} == {503}


def test_one_search_too_many_is_told_to_come_back(slow_client: TestClient, connection: Connection) -> None:
    seed.add_message(connection, None, "2024-01-15T12:00:00Z", "a needle")
    with slow_client as client, ThreadPoolExecutor(PATTERN_SEARCHES + 1) as people:
        catch_up(client)
        with connection.transaction():
            connection.execute("LOCK TABLE messages")
            searches = [people.submit(client.get, "/api/search", params=PATTERN) for _ in range(PATTERN_SEARCHES + 1)]
            refused = next(iter(wait(searches, return_when=FIRST_COMPLETED).done)).result()
        statuses = sorted(search.result().status_code for search in searches)

        # When those that waited are answered, there is room again
        again = client.get("/api/search", params=PATTERN)

    assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
    assert int(refused.headers["Retry-After"]) >= 1
    assert statuses == [200] * PATTERN_SEARCHES + [503]
    assert again.status_code == 200


MAX_CHARS = 256
# NUL and lone surrogates never get this far: ingest replaces them.
storable_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=400)


def understood(q: str) -> list[list[str]]:
    """The alternatives with the words and signs of their terms: `!` before what is excluded, `*` behind a beginning, `=` if the text is looked at."""
    return [
        ["!" * term.is_excluded + " ".join((*term.words, *term.signs)) + "*" * term.is_beginning + "=" * term.is_exact for term in terms]
        for terms in parse(q, MAX_CHARS, with_filters=False).alternatives
    ]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("fix bug", [["fix", "bug*"]]),
        ("fix -bug", [["fix", "!bug*"]]),
        ("fix or bug", [["fix"], ["bug*"]]),
        ('"fix"', [["fix"]]),
        ("useEffect fix", [["useeffect*", "fix*"]]),
        ("my_func fix", [["my func*=", "fix*"]]),
        ("session_id", [["session id*="]]),
        ("go", [["go"]]),
        ("or", []),
        ("or or fix or", [["fix"]]),
        ("!", []),
        ("", []),
        ("検索機能", [["検 索 機 能="]]),
        ("窓", [["窓"]]),
        ("नमस्ते", [["नमस ते="]]),
        ("=> fix", [["=>", "fix*"]]),
        ("fix -force", [["fix", "!force*"]]),
        ("- fix -", [["fix"]]),
        ("Café", [["cafe*"]]),
        ("x" * 70, [["x" * 70 + "*="]]),
        ("project:shop", [["project shop*="]]),
        ('"not found" src/app.py -"all good"', [["not found=", "src app py=", "!all good="]]),
    ],
)
def test_a_query_is_read_as_words_phrases_and_alternatives(q: str, expected: list[list[str]]) -> None:
    assert understood(q) == expected


@pytest.mark.parametrize(
    ("q", "exact"),
    [
        ("--no-verify", ["--no-verify"]),
        ("`--force`,", ["--force"]),
        ("~/.claude", ["~/.claude"]),
        ("/tmp src/", ["/tmp", "src/"]),
        ("C# c++ 100% @scope/x #12", ["C#", "c++", "100%", "@scope/x", "#12"]),
        ('"-m"', ["-m"]),
        ('"done!"', ["done!"]),
        ("(fix), fix. fix? 'fix' <fix> fix*", []),
        ('"fix"', []),
        ("でREADME", ["でREADME"]),
    ],
)
def test_punctuation_joined_to_a_word_is_looked_for_in_the_text(q: str, exact: list[str]) -> None:
    [terms] = parse(q, with_filters=False).alternatives

    assert [term.text for term in terms if term.is_exact] == exact


@settings(max_examples=examples(300), deadline=None)
@given(st.text(max_size=MAX_CHARS))
@example('"' * 256)
@example("- -\"\" -'' \0 \ud800")
def test_any_text_is_read(q: str) -> None:
    query = parse(q, MAX_CHARS)

    assert "\0" not in str(query)
