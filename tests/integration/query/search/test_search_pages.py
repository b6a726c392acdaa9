"""GET /api/search: pages, sessions, context, time-outs, and every way to a match."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.database import Database, one_row
from services.query.queries.search import document_pages, text_finder
from services.query.settings import Settings
from tests.emptied import empty
from tests.example_counts import examples
from tests.integration.query import seed
from tests.integration.query.pages import pages_of
from tests.kept_connection import Connection

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/search"


def stored(connection: Connection, texts: list[str], times: list[datetime | str]) -> list[str]:
    """The ids of these texts, which are all there is."""
    empty(connection)
    seed.add_session(connection, "s", 0)
    return [str(seed.add_document(connection, "s", at, text)) for at, text in zip(times, texts, strict=True)]


def ids_on_pages(client: TestClient, parameters: dict[str, Any]) -> list[str]:
    return [item["id"] for page in pages_of(client, PATH, **parameters, limit=2) for item in page["items"]]


@pytest.fixture
def many(connection: Connection) -> list[str]:
    """Sixty documents in three sessions, some of the same instant; every third has `needle`."""
    project = seed.add_project(connection, "/many")
    for session in ("a", "b", "c"):
        seed.add_session(connection, session, project)
    return [
        str(
            seed.add_document(
                connection,
                "abc"[number % 4 % 3],
                NOON + timedelta(minutes=number // 2),
                f"text {number} needle" if number % 3 == 0 else f"hay {number}",
            )
        )
        for number in range(60)
    ]


@pytest.mark.parametrize("sort", ["best", "newest"])
@pytest.mark.parametrize("asked", [{"q": "needle"}, {"q": "eedl", "mode": "literal"}, {"q": "n.edle", "mode": "regex"}])
def test_pages_fit_together(client: TestClient, many: list[str], connection: Connection, sort: str, asked: dict[str, str]) -> None:
    """given 20 matches, when rows arrive between the pages, then each match is on exactly one page."""
    seen: list[str] = []
    for number, page in enumerate(pages_of(client, PATH, limit=3, sort=sort, **asked)):
        seen += [item["id"] for item in page["items"]]
        seed.add_document(connection, "a", NOON + timedelta(days=1, minutes=number), "a newer needle")

    assert sorted(seen) == sorted(document_id for number, document_id in enumerate(many) if number % 3 == 0)


@pytest.mark.parametrize("sort", ["best", "newest"])
def test_sessions_have_their_best_matches_and_their_number(client: TestClient, many: list[str], sort: str) -> None:
    pages = list(pages_of(client, PATH, q="needle", group_by="session", limit=1, sort=sort))

    sessions = [session for page in pages for session in page["sessions"]]
    assert sorted(session["session_id"] for session in sessions) == ["a", "b", "c"]
    assert sum(session["hits"] for session in sessions) == 20
    assert all(1 <= len(session["items"]) <= 3 for session in sessions)


def test_context_is_what_was_said_before_and_after(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    seed.add_message(connection, "s", NOON, "first")
    seed.add_message(connection, "s", NOON + timedelta(minutes=1), "needle", role="assistant")
    seed.add_message(connection, "s", NOON + timedelta(minutes=2), "x" * 300)

    [item] = client.get(PATH, params={"q": "needle", "context": True}).json()["items"]

    assert (item["before"], item["after"]) == ({"role": "user", "content": "first"}, {"role": "user", "content": "x" * 200})


def test_a_search_out_of_time_says_so_and_goes_on_from_there(client: TestClient, many: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """given time for some texts only, then what was found among these is shown, and the pages behind it have the rest."""
    steps = iter([1_000] * 30)
    monkeypatch.setattr(text_finder.Deadline, "left_ms", lambda _: next(steps, 0))

    first = client.get(PATH, params={"q": "e", "mode": "literal", "sort": "newest"}).json()
    monkeypatch.undo()

    assert (first["is_complete"], first["total_is_exact"]) == (False, False)
    assert "time" in first["incomplete_because"]
    assert 0 < len(first["items"]) < 20
    rest = client.get(PATH, params={"q": "e", "mode": "literal", "sort": "newest", "cursor": first["next_cursor"]}).json()
    assert rest["is_complete"]
    found_ids = [item["id"] for page in (first, rest) for item in page["items"]]
    assert sorted(found_ids) == sorted(document_id for number, document_id in enumerate(many) if number % 3 == 0)


@pytest.fixture(scope="module")
def project_of_350(kept_connection: Connection) -> None:
    """More documents than the first walk looks at, among as many others."""
    for session, path in (("l", "/leeson"), ("o", "/other")):
        seed.add_session(kept_connection, session, seed.add_project(kept_connection, path))
        for number in range(350):
            seed.add_document(kept_connection, session, NOON + timedelta(minutes=10 * number), "alpha beta")


@pytest.mark.usefixtures("project_of_350")
@pytest.mark.parametrize(
    ("asked", "total"),
    [
        ({"q": "project:leeson kind:message"}, 350),
        ({"q": "project:leeson kind:message", "group_by": "session"}, 350),
        ({"q": "project:leeson role:assistant"}, 0),
        ({"q": "project:leeson alpha beta"}, 350),
        ({"start_date": "2024-01-16", "end_date": "2024-01-16"}, 288),
        ({"q": "after:2024-01-16 before:2024-01-17 project:other"}, 144),
    ],
)
@pytest.mark.parametrize("sort", ["best", "newest"])
def test_the_matches_are_counted_and_not_guessed(kept_client: TestClient, asked: dict[str, str], total: int, sort: str) -> None:
    pages = pages_of(kept_client, PATH, **asked, sort=sort, limit=150)

    assert {(page["total"], page["total_is_exact"]) for page in pages} == {(total, True)}


def test_what_follows_a_statement_of_little_time_has_its_usual_time(query_settings: Settings) -> None:
    database = Database(query_settings)
    with database.connection() as connection:
        usual = one_row(connection, "SHOW statement_timeout")

        limited = text_finder.within(connection, 50, lambda: one_row(connection, "SHOW statement_timeout"))

        assert one_row(connection, "SHOW statement_timeout") == usual != limited == {"statement_timeout": "50ms"}
        assert text_finder.within(connection, 50, lambda: one_row(connection, "SELECT pg_sleep(5)")) is None
        assert one_row(connection, "SHOW statement_timeout") == usual
    database.close()


@pytest.mark.usefixtures("project_of_350")
def test_a_number_that_is_not_exact_is_one_that_was_reached(kept_client: TestClient) -> None:
    """given a phrase, for which texts must be read, then not all are only to count them."""
    answer = kept_client.get(PATH, params={"q": '"alpha beta"', "sort": "newest", "limit": 20}).json()

    assert (answer["total"], answer["total_is_exact"]) == (21, False)


def test_counting_ends_at_its_bound(client: TestClient, many: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_finder, "MAX_TOTAL", 19)

    answer = client.get(PATH, params={"q": "needle", "limit": 5}).json()

    assert len(many) == 60
    assert (answer["total"], answer["total_is_exact"]) == (19, False)


# So many texts are read only to be counted, so many at a time, and so many rather than that narrow candidates are asked for.
WAYS = ((300, 250, 1_000), (0, 250, 1_000), (0, 1, 1_000), (0, 1, 0), (0, 3, 1_000), (0, 3, 0), (2, 2, 1_000), (2, 2, 0))


def take(monkeypatch: pytest.MonkeyPatch, way: tuple[int, int, int]) -> None:
    """From now on the finder goes this way, and has time."""
    counted, read, rather_read = way
    for name, number in (("COUNTED_TEXTS", counted), ("MOST_READ", read)):
        monkeypatch.setattr(text_finder, name, number)
    for name in ("NARROW_TEXTS", "TRIED_TEXTS", "FEW_TEXTS"):
        monkeypatch.setattr(text_finder, name, rather_read)
    monkeypatch.setattr(text_finder.Deadline, "left_ms", lambda _: 60_000)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.lists(st.sampled_from(["alpha", "alphabet", "beta", "a=>b", "--no-verify", "検索", "🚀", "C++"]), min_size=1, max_size=4).map(
            " ".join
        ),
        max_size=8,
    ),
    asked=st.sampled_from(["alpha", "lph", "a=>", "--no", "検", "🚀", "alpha beta", "c++", "=", "bet a", "a=>b alph", "--no-ver"]),
    way=st.sampled_from(WAYS),
)
def test_every_way_finds_what_a_look_at_each_text_finds(
    client: TestClient,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    texts: list[str],
    asked: str,
    way: tuple[int, int, int],
) -> None:
    take(monkeypatch, way)
    ids = stored(connection, texts, [NOON + timedelta(minutes=number) for number in range(len(texts))])
    expected = [document_id for document_id, text in zip(ids, texts, strict=True) if asked.lower() in text.lower()]

    assert client.get(PATH, params={"q": asked, "mode": "literal"}).status_code == 200, (texts, asked, way)
    newest, best = (ids_on_pages(client, {"q": asked, "mode": "literal", "sort": sort}) for sort in ("newest", "best"))
    assert newest == expected[::-1], (texts, asked, way)
    assert sorted(best) == sorted(expected)


def test_parts_of_very_many_words_are_found_too(client: TestClient, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """given more words with a part of a literal than the index looks for beside others, then what has the literal is found all the same."""
    take(monkeypatch, (0, 1, 0))
    seed.add_session(connection, "s", 0)
    words = [f"word{number}" for number in range(17_000)]
    wanted = seed.add_document(connection, "s", NOON, " ".join(words))
    for number in range(1, 4):
        seed.add_document(connection, "s", NOON + timedelta(minutes=number), f"word{number} and 1000")

    page = client.get(PATH, params={"q": "000 wo", "mode": "literal"}).json()

    assert [item["id"] for item in page["items"]] == [str(wanted)]
    assert page["is_complete"]


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.lists(st.sampled_from(["alpha", "beta", "a=>b", "C++"]), min_size=1, max_size=4).map(" ".join), max_size=12),
    asked=st.sampled_from(["alpha beta", "beta alpha", "alpha a=>b", "beta C++", "alpha alpha"]),
    way=st.sampled_from(WAYS),
)
def test_every_way_finds_each_phrase(
    client: TestClient,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    texts: list[str],
    asked: str,
    way: tuple[int, int, int],
) -> None:
    """given few texts at a time, and more than are known at a time, then all pages together are what has the phrase."""
    take(monkeypatch, way)
    ids = stored(connection, texts, [NOON + timedelta(minutes=number // 2) for number in range(len(texts))])
    expected = {document_id for document_id, text in zip(ids, texts, strict=True) if asked.lower() in text.lower()}

    for sort in ("newest", "best"):
        assert sorted(ids_on_pages(client, {"q": f'"{asked}"', "sort": sort})) == sorted(expected), (texts, asked, way)


def is_asked_for(asked: str, at: datetime | str, words: set[str]) -> bool:
    """The meaning of each query of the next test."""
    match asked:
        case "alpha beta":
            return {"alpha", "beta"} <= words
        case "alpha -beta":
            return "alpha" in words and "beta" not in words
        case "alpha or beta":
            return bool({"alpha", "beta"} & words)
        case "after:2024-01-15T12:02:00Z alpha":
            return "alpha" in words and isinstance(at, datetime) and at >= NOON + timedelta(minutes=2)
        case _:
            return "alpha" in words


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.lists(st.sampled_from(["alpha", "beta", "gamma"]), min_size=1, max_size=3), max_size=14),
    asked=st.sampled_from(
        ["alpha", "alpha beta", "alpha -beta", "alpha or beta", "kind:message alpha", "after:2024-01-15T12:02:00Z alpha"]
    ),
    way=st.sampled_from(WAYS),
)
def test_every_way_finds_each_word(
    client: TestClient,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    texts: list[list[str]],
    asked: str,
    way: tuple[int, int, int],
) -> None:
    """given some documents of the same instant and undated ones, then all pages have each match once, newest first and best first."""
    take(monkeypatch, way)
    monkeypatch.setattr(document_pages, "RANKED_MATCHES", 3)
    times: list[datetime | str] = [NOON + timedelta(minutes=number // 3) if number else "-infinity" for number in range(len(texts))]
    ids = stored(connection, [" ".join(words) for words in texts], times)
    expected = {document_id for document_id, at, words in zip(ids, times, texts, strict=True) if is_asked_for(asked, at, set(words))}

    for sort in ("newest", "best"):
        pages = list(pages_of(client, PATH, q=asked, sort=sort, limit=2))
        found = [item for page in pages for item in page["items"]]
        assert sorted(item["id"] for item in found) == sorted(expected), (texts, asked, way, sort)
        if sort == "newest":
            stamps = [item["timestamp"] or "" for item in found]
            assert stamps == sorted(stamps, reverse=True)
        assert {(page["total"], page["total_is_exact"]) for page in pages} == {(len(expected), True)}
