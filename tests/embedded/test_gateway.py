"""One process, two apps: reads go to query, all other methods to ingest."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from deploy.embedded.servers.gateway import Gateway

ALL_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def app_called(name: str, story: list[str]) -> Starlette:
    """An app that answers with its name and writes down when it opens and closes."""

    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(name, headers={"x-answered-by": f"{name} {getattr(request.state, name)}"})

    return Starlette(routes=[Route("/", answer, methods=ALL_METHODS)], lifespan=lifespan_of(name, story))


def lifespan_of(name: str, story: list[str]) -> Callable[[Starlette], AbstractAsyncContextManager[dict[str, str]]]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, str]]:
        story.append(f"{name} opens")
        yield {name: "is open"}
        story.append(f"{name} closes")

    return lifespan


@pytest.mark.parametrize("method", ALL_METHODS)
def test_the_method_decides_which_app_answers(method: str) -> None:
    expected = "query" if method in ("GET", "HEAD") else "ingest"
    with TestClient(Gateway(app_called("query", []), app_called("ingest", []), "INFO")) as client:
        assert client.request(method, "/").headers["x-answered-by"] == f"{expected} is open"


def test_both_apps_are_started_and_stopped() -> None:
    story: list[str] = []
    with TestClient(Gateway(app_called("query", story), app_called("ingest", story), "INFO")):
        assert story == ["query opens", "ingest opens"]
    assert story[2:] == ["ingest closes", "query closes"]
