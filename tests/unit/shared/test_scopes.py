"""The table of scopes and the API's document list the same operations."""

import json

import pytest

from shared.auth.scopes import ADMIN, PUBLIC, SCOPES, scopes_by_path
from shared.http.api_document import DOCUMENT
from shared.journal import canary

OPERATIONS = {(method.upper(), path) for path, operations in json.loads(DOCUMENT.read_text())["paths"].items() for method in operations}


def test_every_operation_of_the_api_has_a_scope() -> None:
    assert OPERATIONS - {(method, path) for method, path, _ in SCOPES} == set(), "give it a scope in shared/auth/scopes.py"


def test_the_scope_table_lists_only_operations_of_the_api() -> None:
    assert {(method, path) for method, path, _ in SCOPES} - OPERATIONS == set()


def test_only_pages_and_health_checks_need_no_key() -> None:
    assert {path for _, path, scopes in SCOPES if scopes is PUBLIC} == {"/", "/docs", "/openapi.json", "/healthz", "/readyz", canary.PATH}


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/api/sessions", {"read"}),
        ("HEAD", "/api/sessions", {"read"}),
        ("GET", "/api/sessions/with/a slash\n", {"read"}),
        ("GET", "/api/projects/7/stats", {"read", "metrics"}),
        ("GET", "/api/projects/7", {"read"}),
        ("POST", "/api/sessions/start", {"ingest"}),
    ],
)
def test_a_path_is_matched_by_its_template(method: str, path: str, scopes: set[str]) -> None:
    assert scopes_by_path()(method, path) == scopes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/new"),
        ("PUT", "/api/events"),
        ("GET", "/metrics\n"),
        ("GET", "/healthz/"),
        ("GET", "//healthz"),
        ("GET", "/api/projects/7/x/stats"),
    ],
)
def test_operations_outside_the_table_need_an_admin(method: str, path: str) -> None:
    assert scopes_by_path()(method, path) == ADMIN
