"""Parameters that look like SQL, patterns or HTML are plain text and reveal nothing. Paths that resemble those of the API are 404."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from deploy.openapi_components import resolved
from shared.http.api_document import DOCUMENT, methods_by_path
from tests.integration.attacks.conftest import SESSION, Target, refused
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


ID = "0192f0c1-2345-7abc-8def-0123456789ab"
VALUES = {"session_id": SESSION, "project_id": "1", "key_id": "000000000000"}


def neighbours() -> Iterator[str]:
    """Each path of the description with a segment more, one that is empty, one twice, and in capitals."""
    for template in json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"]:
        path = re.sub(r"\{(\w+)\}", lambda match: VALUES.get(match[1], ID), template)
        parent, _, last = path.rpartition("/")
        yield from (f"{path}/", f"{path}/x", f"{path}/x/", f"{path}//x", f"{parent}//{last}", f"{path}/{last}", path.upper())


def test_an_unknown_path_is_404_on_every_method(target: Target) -> None:
    methods_of = methods_by_path()
    unknown = sorted({path for path in neighbours() if not methods_of(path) and not path.startswith("//")})
    assert len(unknown) > 100
    for path in unknown:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            answer = target.http.request(method, path)
            assert answer.status_code == 404, (method, path, answer.text)
            if method != "HEAD":
                refused(answer, 404, "NOT_FOUND")


def test_a_path_of_the_other_service_is_a_405(target: Target) -> None:
    for path in ("/api/sessions/start", "/api/sessions/end", "/api/events", "/api/import/claude-data"):
        refused(target.http.get(path), 405, "METHOD_NOT_ALLOWED")
        assert target.http.get(path).headers["allow"] == "POST"


def test_a_session_id_with_a_slash_is_one_path_segment(target: Target) -> None:
    target.post("/api/sessions/start", b'{"session_id": "a/b", "project_path": "/home/me/project"}')
    for path in ("/api/sessions/{}", "/api/tool-calls/session/{}"):
        assert target.http.get(path.format("a%2Fb")).status_code == 200
        refused(target.http.get(path.format("a/b")), 404, "NOT_FOUND")
        refused(target.http.get(path.format("a%2Fc")), 404, "SESSION_NOT_FOUND")


def test_a_mark_is_set_on_the_session_of_its_path_alone(target: Target) -> None:
    target.post("/api/sessions/start", b'{"session_id": "a/turns", "project_path": "/home/me/project"}')

    assert target.http.request("PATCH", "/api/sessions/a%2Fturns", json={"is_starred": True}).status_code == 200
    for below in ("turns", "timeline", "export", "transcript/files"):
        refused(target.http.request("PATCH", f"/api/sessions/a/{below}", json={"is_starred": True}), 405, "METHOD_NOT_ALLOWED")
    refused(target.http.request("PATCH", "/api/sessions/a/none", json={"is_starred": True}), 404, "NOT_FOUND")
