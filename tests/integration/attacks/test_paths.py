"""Paths that resemble those of the API are 404 on every method."""

import json
import re
from collections.abc import Iterator

from shared.http.api_document import DOCUMENT, methods_by_path
from tests.integration.attacks.conftest import SESSION, Target, refused

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
