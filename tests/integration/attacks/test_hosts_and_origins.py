"""Requests that a foreign web page can make, to every path: refused, and nothing is stored."""

import json
from typing import Any

import pytest

from shared.http.api_document import DOCUMENT
from tests.integration.attacks.conftest import SESSION, Target, refused

OPERATIONS = [
    (method.upper(), path.replace("{", "").replace("}", ""))
    for path, operations in json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"].items()
    for method in operations
]
MORE = [("GET", "/nowhere"), ("POST", "/nowhere"), ("HEAD", "/docs"), ("OPTIONS", "/api/events"), ("TRACE", "/"), ("GET", "/favicon.ico")]
EVENT = json.dumps({"session_id": SESSION, "role": "user", "content": "from a page"}).encode()
CLAUDE_JSON = b'{"projects": {"/written/by/a/page": {}}}'
FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="claude.json"\r\n\r\n' + CLAUDE_JSON + b"\r\n--x--\r\n"
PROTECTION = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


def test_a_foreign_host_is_refused_on_every_path(target: Target) -> None:
    before = target.stored()
    for method, path in OPERATIONS + MORE:
        answer = target.http.request(method, path, content=EVENT, headers={"host": "evil.example", "content-type": "application/json"})
        if method != "HEAD":
            refused(answer, 421, "HOST_NOT_ALLOWED")
        assert answer.status_code == 421
    assert target.stored() == before


def test_a_foreign_origin_is_refused_on_every_path(target: Target) -> None:
    before = target.stored()
    headers = {"origin": "https://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", "content-type": "text/plain"}
    for method, path in OPERATIONS + MORE:
        answer = target.http.request(method, path, content=EVENT, headers=headers)
        if method != "HEAD":
            refused(answer, 403, "ORIGIN_NOT_ALLOWED")
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    assert target.stored() == before


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "same-site"}, {"sec-fetch-site": "cross-site"}, {"origin": "http://localhost:3000"}, {"origin": "null"}]
)
@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("/api/conversations", "text/plain", EVENT),
        ("/api/conversations", "application/json", EVENT),
        ("/api/conversations", "application/x-www-form-urlencoded", b"session_id=s-1&role=user&content=x"),
        ("/api/import/claude-data", "multipart/form-data; boundary=x", FORM),
    ],
)
def test_requests_without_preflight_are_refused(target: Target, path: str, media_type: str, body: bytes, headers: dict[str, str]) -> None:
    before = target.stored()
    refused(target.http.post(path, content=body, headers=headers | {"content-type": media_type}), 403, "ORIGIN_NOT_ALLOWED")
    assert target.stored() == before


def test_the_same_requests_without_browser_headers_are_accepted_once(target: Target) -> None:
    """The attacks above would work."""
    before = target.stored()
    assert target.post("/api/conversations", EVENT).status_code == 201
    assert target.post("/api/import/claude-data", FORM, "multipart/form-data; boundary=x", prefer="respond-async").status_code == 202
    assert target.stored() == before | {"events": before["events"] + 1, "import_jobs": 1, "import_shares": 1, "files": 1}


@pytest.mark.parametrize("path", ["/api/conversations", "/api/events", "/api/sessions/start", "/api/import/claude-data", "/nowhere"])
def test_a_preflight_grants_no_permission(target: Target, path: str) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    answer = target.http.request("OPTIONS", path, headers=headers)
    refused(answer, 403, "ORIGIN_NOT_ALLOWED")
    assert not [name for name in answer.headers if name.startswith("access-control-")]


ANSWERS = [
    ("GET", "/api/projects"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/nowhere"),
    ("POST", "/api/events"),
    ("DELETE", "/"),
]


@pytest.mark.parametrize(("method", "path"), ANSWERS)
def test_every_answer_has_the_protective_headers(target: Target, method: str, path: str) -> None:
    headers = target.http.request(method, path).headers
    assert {name: headers[name] for name in PROTECTION} == PROTECTION
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


# The dashboard's page holds no data, so a browser may keep it and ask whether it is still the same.
@pytest.mark.parametrize(("path", "caching"), [("/", "no-cache"), ("/sessions/anything", "no-cache"), ("/docs", "no-store")])
def test_pages_forbid_inline_scripts_and_framing(target: Target, path: str, caching: str) -> None:
    answer = target.http.get(path)
    assert {name: answer.headers[name] for name in PROTECTION} == PROTECTION | {"cache-control": caching}
    policy: dict[str, Any] = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert "unsafe" not in str(policy)
    assert " on" not in "".join(tag.split(">")[0] for tag in answer.text.split("<")[1:] if "=" in tag.split(">")[0])
