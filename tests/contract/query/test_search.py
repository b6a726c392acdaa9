"""Search: what is found, in which order, and that no text is an error."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.queries import finding, search
from tests.contract.query import seed

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
TEXTS = {
    "hook": "call useEffect with a cleanup function",
    "snake": "my_func_name raises in src/app/main.py",
    "getter": "rename getUserName to fetchUserName",
    "error": "error[E0382]: borrow of moved value, exit code 404",
    "phrase": "the file was not found in the folder",
    "scattered": "found the folder, but not a file",
    "cjk": "新しい検索機能を使用してください",
    "percent": "coverage is 100% of 50_000 lines",
    "mixed": "React.useState and don't stop",
}


@pytest.fixture
def texts(connection: psycopg.Connection[Any]) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    for number, content in enumerate(TEXTS.values()):
        seed.add_message(connection, "s", NOON + timedelta(minutes=number), content)


def found(client: TestClient, q: str, **parameters: str) -> set[str]:
    answer = client.get("/api/conversations/search", params={"q": q, **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["items"])
    names = {content: name for name, content in TEXTS.items()}
    return {names[item["content"]] for item in answer.json()["items"]}


@pytest.mark.usefixtures("texts")
@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("useEffect", {"hook"}),
        ("USEEFFECT", {"hook"}),
        ("effect", {"hook"}),
        ("useEff", {"hook"}),
        ("use effect", {"hook"}),
        ("my_func", {"snake"}),
        ("func_name", {"snake"}),
        ("UserName", {"getter"}),
        ("src/app/main.py", {"snake"}),
        ("app/mai", {"snake"}),
        ("main.py", {"snake"}),
        ("E0382", {"error"}),
        ("404", {"error"}),
        ("found folder", {"phrase", "scattered"}),
        ('"not found"', {"phrase"}),
        ('found -"not found"', {"scattered"}),
        ("found -was", {"scattered"}),
        ("was or E0382", {"phrase", "error"}),
        ('"not found" or useState', {"phrase", "mixed"}),
        ("検索", {"cjk"}),
        ("検索機能", {"cjk"}),
        ("能検", set()),
        ("索", {"cjk"}),
        ('"100% of"', {"percent"}),
        ('"100_ of"', set()),
        ("React.useState", {"mixed"}),
        ("don't", {"mixed"}),
        ("nothing", set()),
        ("!!!", set()),
        ("-", set()),
    ],
)
@pytest.mark.parametrize("sort", ["best", "newest"])
def test_a_query_finds(client: TestClient, q: str, names: set[str], sort: str) -> None:
    assert found(client, q, sort=sort) == names


@pytest.mark.usefixtures("texts")
def test_what_is_left_out_by_a_query_of_exclusions_alone(client: TestClient) -> None:
    assert found(client, "-found") == set(TEXTS) - {"phrase", "scattered"}
    assert found(client, '-"not found"') == set(TEXTS) - {"phrase"}


@pytest.mark.usefixtures("texts")
def test_an_item_has_a_snippet_and_a_score(client: TestClient) -> None:
    [item] = client.get("/api/conversations/search?q=cleanup").json()["items"]
    assert item["snippet"] == "call useEffect with a <mark>cleanup</mark> function"
    assert item["score"] > 0
    assert item["role"] == "user"


@pytest.mark.usefixtures("texts")
def test_without_a_query_it_is_the_plain_list(client: TestClient) -> None:
    for path in ("/api/conversations/search", "/api/conversations/search?q=%20"):
        body = client.get(path).json()
        assert [item["content"] for item in body["items"]] == list(reversed(TEXTS.values()))
        assert (body["total"], body["total_is_exact"], body["next_cursor"]) == (len(TEXTS), True, None)


@pytest.mark.usefixtures("texts")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    q=st.text(max_size=256)
    | st.lists(st.sampled_from(['"', "-", "or", "found", "%", "_", "\\", "'", ":*", "&", "!", "(", "検"])).map(" ".join)
)
@example(q="\0")
@example(q="'a'::tsquery")
def test_no_text_is_an_error(client: TestClient, q: str) -> None:
    for sort in ("best", "newest"):
        answer = client.get("/api/conversations/search", params={"q": q.encode("utf-8", "replace"), "sort": sort})
        assert answer.status_code in ((200, 400) if len(q.split()) > 8 or len(q) > 200 or '"' in q else (200,)), answer.text


@pytest.mark.parametrize("q", ["a " * 17, "x" * 257])
def test_too_much_is_a_400(client: TestClient, q: str) -> None:
    assert client.get("/api/conversations/search", params={"q": q}).json()["details"].keys() == {"q"}


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways of a large volume, on a small one."""
    for bounds in ("FOR_A_PAGE", "TO_RANK"):
        monkeypatch.setattr(finding, bounds, finding.Bounds(walked_first=9, by_index=0, walked_then=12))
    monkeypatch.setattr(search, "RANKED_MATCHES", 5)
    monkeypatch.setattr(search, "RANKED_CANDIDATES", 7)


def all_pages(client: TestClient, parameters: str) -> Iterable[dict[str, Any]]:
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(f"/api/conversations/search?{parameters}&limit=2" + (f"&cursor={cursor}" if cursor else "")).json()
        yield from page["items"]
        cursor = page["next_cursor"]


@pytest.mark.usefixtures("few_are_many")
@pytest.mark.parametrize("q", ["needle", '"a needle"'])
def test_the_best_of_the_newest_come_first_then_the_rest_by_time(client: TestClient, connection: psycopg.Connection[Any], q: str) -> None:
    """given more matches than are ranked, when all pages are read, then each is there once: first the window by rank, then the older by time."""
    seed.add_session(connection, "s", 0)
    for number in range(16):
        seed.add_message(
            connection, "s", NOON + timedelta(minutes=number), "a needle " * (number % 3 + 1) if number % 4 else f"needle {number} a"
        )
    everything = [
        item for item in client.get("/api/conversations?limit=1000").json()["items"] if q == "needle" or "a needle" in item["content"]
    ]
    items = list(all_pages(client, f"q={q}"))
    assert sorted(item["id"] for item in items) == sorted(item["id"] for item in everything)
    ranked = 5
    assert {item["id"] for item in items[:ranked]} == {item["id"] for item in everything[:ranked]}
    scores = [item["score"] for item in items[:ranked]]
    assert scores == sorted(scores, reverse=True)
    assert [item["id"] for item in items[ranked:]] == [item["id"] for item in everything[ranked:]]
    assert [item["id"] for item in all_pages(client, f"q={q}&sort=newest")] == [item["id"] for item in everything]
