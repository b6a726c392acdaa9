"""Parameters that look like SQL, patterns or HTML are treated as plain text and reveal nothing."""

import json
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from deploy.openapi_components import resolved
from shared.http.api_document import DOCUMENT
from tests.integration.attacks.conftest import Target, refused
from tests.integration.query import world
from tests.integration.query.seed import add_message

API: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
PARAMETERS = {
    path: [each["name"] for each in (resolved(API, each) for each in operations["get"].get("parameters", [])) if each["in"] == "query"]
    for path, operations in API["paths"].items()
    if "get" in operations
}
SQL = [
    "' OR '1'='1",
    "1; DROP TABLE messages; --",
    "1) UNION SELECT version() --",
    "\\'; SELECT pg_sleep(60); --",
    "%27%20OR%201=1",
    "$1",
    "%(x)s",
    "{0}",
]
SEARCHES = [
    "' | '", "a:*", "!!", "&", "a & b", "((", "<->", "\\", "%", "_", '"', '"a', "a or", "or or or", "-", "--", "*", "a*b", "[a-z]+", "(a+)+$", ".*" * 60,
    "\u202e", "\U0001f600", "select pg_sleep(60)", "'; DROP TABLE messages; --",
]  # fmt: skip
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>needle</b>"


def fill(target: Target) -> dict[str, int]:
    with psycopg.connect(target.settings.database_url, autocommit=True) as connection:
        world.build(connection, sessions=2)
    return target.stored()


def test_a_parameter_is_never_interpreted_as_sql(target: Target, subtests: pytest.Subtests) -> None:
    before = fill(target)
    ids = {"project_id": "1", "session_id": "session-1", "job_id": "018f3b1e-0000-7000-8000-000000000001"}
    for path, names in PARAMETERS.items():
        shown = path
        for name, value in ids.items():
            shown = shown.replace(f"{{{name}}}", value)
        with subtests.test(path):
            for name in names:
                refusals = [is_refused(target, shown, name, text) for text in SQL[:2]]
                # A parameter that refuses both takes numbers, days, zones or one of a few words: it refuses all, before any statement.
                if not all(refusals):
                    refusals += [is_refused(target, shown, name, text) for text in SQL[2:]]
            assert target.stored() == before


def is_refused(target: Target, path: str, name: str, text: str) -> bool:
    """Asserts that the answer is one to a text like any other. Whether it says that the parameter cannot be this."""
    # The live feed does not end.
    answer = target.http.request("HEAD" if path == "/api/live" else "GET", path, params={name: text})
    if path == "/api/live":
        assert answer.status_code in (200, 400)
    elif answer.status_code != 200:
        assert answer.status_code in (400, 404)
        refused(answer, answer.status_code, answer.json()["code"])
    return answer.status_code == 400


def test_an_id_in_a_path_is_never_interpreted_and_unknown_ids_are_404(target: Target, subtests: pytest.Subtests) -> None:
    before = target.stored()
    for path in [path for path, operations in API["paths"].items() if "{" in path and "get" in operations]:
        start, _, rest = path.partition("{")
        with subtests.test(path):
            for text in [*SQL, "../../etc/passwd", "\0", "\r\nX-Injected: 1", "9" * 400]:
                answer = target.http.get(start + quote(text, safe="") + rest.partition("}")[2])
                assert answer.status_code in ((400, 404, 405) if "\r" in text else (400, 404)), answer.text
                refused(answer, answer.status_code, answer.json()["code"])
                assert "x-injected" not in answer.headers
            assert target.stored() == before


def test_a_search_is_never_interpreted_as_a_pattern(target: Target) -> None:
    before = fill(target)
    target.http.catch_up()
    for q in SEARCHES:
        for sort in ("best", "newest"):
            answer = target.http.get("/api/conversations/search", params={"q": q, "sort": sort})
            assert answer.status_code in (200, 400), (q, answer.text)
    assert target.stored() == before


def test_a_search_that_would_backtrack_as_a_regex_is_answered(target: Target) -> None:
    fill(target)
    with psycopg.connect(target.settings.database_url, autocommit=True) as connection:
        add_message(connection, None, "2026-01-01T00:00:00Z", "a" * 400_000 + "!")
    target.http.catch_up()
    for q in ["a" * 256, "a." * 128, "ab-" * 85, "/" * 256, "aA" * 128, "a_" * 128, "検" * 256, "(a+)+$", "(a|a)*b"]:
        assert target.http.get("/api/conversations/search", params={"q": q}).status_code in (200, 400), q


def test_wildcards_in_a_path_prefix_match_literally(target: Target) -> None:
    fill(target)
    assert target.http.get("/api/activities", params={"file_path": "%*"}).json()["items"] == []
    assert target.http.get("/api/activities", params={"file_path": "_*"}).json()["items"] == []


def test_markup_in_content_is_json_data_and_escaped_in_snippets(target: Target) -> None:
    with psycopg.connect(target.settings.database_url, autocommit=True) as connection:
        add_message(connection, None, "2026-01-01T00:00:00Z", MARKUP)
    target.http.catch_up()
    answer = target.http.get("/api/conversations/search", params={"q": "needle"})
    assert answer.headers["content-type"] == "application/json"
    [item] = answer.json()["items"]
    assert item["content"] == MARKUP
    assert set(item["snippet"].replace("<mark>", "").replace("</mark>", "")) & set("<>\"'") == set()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in item["snippet"].replace("<mark>", "").replace("</mark>", "")


@pytest.mark.parametrize(
    "path", ["/<script>alert(1)</script>", "/%3Cscript%3E", "/..%2f..%2fetc%2fpasswd", "/.env", "/static/../../etc/passwd"]
)
def test_an_unknown_path_is_echoed_only_as_json_data(target: Target, path: str) -> None:
    answer = target.http.get(path)
    refused(answer, 404, "NOT_FOUND")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["projekt_id", "limit ", "__proto__", "q[]", "$where"])
def test_an_unknown_parameter_is_refused(target: Target, name: str) -> None:
    refused(target.http.get("/api/conversations", params={name: "1"}), 400, "VALIDATION_ERROR")
