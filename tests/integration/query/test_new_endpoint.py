"""A read endpoint is a schema, a query and a route: one that is added here works like every other."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Annotated, Any

import psycopg
import pytest
from fastapi import APIRouter, Query, Request, Response
from starlette.testclient import TestClient

from services.query import app
from services.query.answers.answer import Answer
from services.query.answers.fields import NextCursor
from services.query.database import Connection
from services.query.http.parameters import RESPONSES, paging
from services.query.http.read_response import read_response
from services.query.parameters.fields import OptionalProject, Paged
from services.query.queries.lists.paging import Paging, page
from services.query.settings import Settings
from shared.auth.scopes import READ, requires
from tests.conftest import LOCAL
from tests.integration.keys.conftest import make_key
from tests.integration.query import seed


# Its schema
class ModelList(Paged):
    project_id: OptionalProject = None


class UsedModel(Answer):
    model: str
    calls: int


class ModelPage(Answer):
    items: list[UsedModel]
    next_cursor: NextCursor


# Its query
_MODELS = """
    SELECT model, count(*) AS calls
    FROM api_calls
    WHERE model IS NOT NULL AND (%(project_id)s::bigint IS NULL OR project_id = %(project_id)s)
        AND (%(after_model)s::text IS NULL OR model > %(after_model)s)
    GROUP BY model
    ORDER BY model
    LIMIT %(fetch)s
"""


def models(connection: Connection, project_id: int | None, wanted: Paging) -> ModelPage:
    parameters = {"project_id": project_id} | wanted.after(model="text")
    items, next_cursor = page(connection, UsedModel, _MODELS, parameters, wanted, ("model",))
    return ModelPage(items, next_cursor)


# Its route
router = APIRouter(tags=["models"], responses=RESPONSES)


@router.get("/api/models", response_model=ModelPage, summary="Models, by name")
@requires(READ)
def list_models(request: Request, parameters: Annotated[ModelList, Query()]) -> Response:
    """Which models were called, and how often."""
    wanted = paging(request, parameters)
    return read_response(request, lambda connection: models(connection, parameters.project_id, wanted))


@pytest.fixture
def client(query_settings: Settings, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The service with the new endpoint, and keys required."""
    module = ModuleType("models")
    monkeypatch.setattr(module, "router", router, raising=False)
    monkeypatch.setattr(app, "ROUTES", (*app.ROUTES, module))
    admin = make_key(query_settings.database_url, "admin")
    settings = query_settings.model_copy(update={"access": "keys"})
    with TestClient(app.create_app(settings), LOCAL, headers={"Authorization": f"Bearer {admin}"}) as client:
        yield client


def test_an_added_endpoint_answers_page_by_page(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    # Given calls of two models in one project and of one in another
    at = datetime(2024, 1, 15, tzinfo=UTC)
    first, second = (seed.add_project(connection, path) for path in ("/first", "/second"))
    for session_id, project in (("s-1", first), ("s-2", second)):
        seed.add_session(connection, session_id, project, started_at=at)
    for session_id, model in (("s-1", "haiku"), ("s-1", "opus"), ("s-1", "opus"), ("s-2", "sonnet")):
        seed.add_api_call(connection, session_id, at, model=model)

    # When it is asked for them, one a page
    page_1 = client.get("/api/models", params={"project_id": first, "limit": 1}).json()
    page_2 = client.get("/api/models", params={"project_id": first, "limit": 1, "cursor": page_1["next_cursor"]}).json()

    # Then each page has the next, and the filter holds
    assert page_1["items"] == [{"model": "haiku", "calls": 1}]
    assert page_2 == {"items": [{"model": "opus", "calls": 2}], "next_cursor": None}


def test_an_added_endpoint_has_what_every_read_has(client: TestClient, query_settings: Settings) -> None:
    assert client.head("/api/models").status_code == 200
    assert client.get("/api/models?modell=opus").json()["code"] == "VALIDATION_ERROR"
    assert client.get("/api/models?limit=1&limit=2").json()["code"] == "VALIDATION_ERROR"
    assert client.get("/api/models?cursor=x").json()["code"] == "INVALID_CURSOR"
    assert "/api/models" in client.app.openapi()["paths"]  # type: ignore[attr-defined]
    for scope, status in (("read", 200), ("metrics", 403), ("ingest", 403)):
        key = make_key(query_settings.database_url, scope)
        assert client.get("/api/models", headers={"Authorization": f"Bearer {key}"}).status_code == status
    assert client.get("/api/models", headers={"Authorization": "none"}).status_code == 401
