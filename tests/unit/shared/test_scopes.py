"""Every route states its scope, and the routes together open what the pinned table says."""

import json
from collections.abc import Callable

import pytest
from fastapi import APIRouter, FastAPI

from services.ingest.app import create_app as create_ingest
from services.ingest.settings import Settings as IngestSettings
from services.query.app import create_app as create_query
from services.query.settings import Settings as QuerySettings
from shared.auth.route_scopes import NoScopeStated, RequiredByPath, required_by_path
from shared.auth.scopes import ADMIN, PUBLIC, Required, requires
from shared.http.api_document import DOCUMENT
from shared.journal import canary
from tests.required_scopes import ALL_PROJECTS, ALSO, INGEST_ALONE, OR_ONE_USER, READING, REQUIRED, WRITING

READ_METHODS = ("GET", "HEAD")


def query() -> FastAPI:
    return create_query(QuerySettings())


def ingest() -> FastAPI:
    return create_ingest(IngestSettings())


@pytest.fixture(scope="module")
def required() -> RequiredByPath:
    """The API behind one address: reads go to query, everything else to ingest."""
    reading, writing = query().state.required, ingest().state.required
    return lambda method, path: (reading if method in READ_METHODS else writing)(method, path)


@pytest.mark.parametrize(("create", "table"), [(query, READING), (ingest, WRITING | INGEST_ALONE)])
def test_a_service_opens_what_the_table_says(create: Callable[[], FastAPI], table: dict[tuple[str, str], frozenset[str]]) -> None:
    required = create().state.required
    for (method, path), scopes in table.items():
        assert required(method, path) == Required(
            scopes,  # type: ignore[arg-type]
            (method, path) in ALL_PROJECTS,
            ALSO.get((method, path), PUBLIC),  # type: ignore[arg-type]
            path.startswith(OR_ONE_USER),
        ), (method, path)


def test_the_table_has_every_operation_of_the_document_and_no_other() -> None:
    operations = {(method.upper(), path) for path, of_path in json.loads(DOCUMENT.read_text())["paths"].items() for method in of_path}
    assert operations == REQUIRED.keys()


def test_only_pages_health_checks_and_logout_need_no_key() -> None:
    public = {path for (_, path), scopes in REQUIRED.items() if scopes == PUBLIC}
    assert public == {"/", "/docs", "/openapi.json", "/healthz", "/readyz", canary.PATH, "/api/login"}
    assert [method for (method, path), scopes in REQUIRED.items() if path == "/api/login" and scopes == PUBLIC] == ["DELETE"]


def test_a_route_without_a_scope_fails_at_the_start() -> None:
    router = APIRouter()

    @router.get("/api/forgotten")
    def forgotten() -> None:
        """It has no scope yet."""

    with pytest.raises(NoScopeStated, match="/api/forgotten"):
        required_by_path(router.routes)


def test_a_mounted_app_fails_at_the_start_since_it_states_no_scope() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/files", FastAPI())
    with pytest.raises(NoScopeStated):
        required_by_path(app.routes)


@pytest.mark.parametrize("is_inside", [True, False])
def test_a_scope_is_stated_above_or_below_the_route(is_inside: bool) -> None:
    router = APIRouter()

    def endpoint() -> None:
        """An endpoint for admins."""

    route, scope = router.delete("/api/new/{name}"), requires(ADMIN)
    _ = route(scope(endpoint)) if is_inside else scope(route(endpoint))
    assert required_by_path(router.routes)("DELETE", "/api/new/7") == Required(ADMIN)


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/api/sessions", {"read"}),
        ("HEAD", "/api/sessions", {"read"}),
        ("GET", "/api/sessions/with/a slash\n", {"read"}),
        ("GET", "/api/sessions/start", {"read"}),
        ("GET", "/api/projects/7/stats", {"read", "numbers", "metrics"}),
        ("GET", "/api/projects/7", {"read", "numbers"}),
        ("POST", "/api/sessions/start", {"ingest"}),
    ],
)
def test_a_path_is_matched_by_its_template(required: RequiredByPath, method: str, path: str, scopes: set[str]) -> None:
    found = required(method, path)
    assert found is not None
    assert found.scopes == scopes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/new"),
        ("PUT", "/api/events"),
        ("POST", "/api/stats"),
        ("GET", "/metrics\n"),
        ("GET", "/healthz/"),
        ("GET", "//healthz"),
        ("GET", "/api/sessions/"),
        ("GET", "/api/projects/7/x/stats"),
        ("OPTIONS", "/api/sessions"),
    ],
)
def test_nothing_is_required_where_no_route_is(required: RequiredByPath, method: str, path: str) -> None:
    assert required(method, path) is None
