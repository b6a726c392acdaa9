"""An address that there is not: a browser's window gets the dashboard, everything else the API's error."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.http.dashboard_files import PAGE, PAGE_HEADERS
from services.query.settings import Settings
from tests.conftest import LOCAL

WINDOW = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def keyed(query_settings: Settings) -> Iterator[TestClient]:
    """The same behind keys, of which this client has none. Its start finds no database, so it need not have an admin key."""
    settings = query_settings.model_copy(update={"access": "keys", "database_url": "postgresql://127.0.0.1:1/none"})
    with TestClient(create_app(settings), LOCAL) as client:
        yield client


@pytest.mark.parametrize("path", ["/nope", "/nope/xyz", "/session/abc", "/Overview"])
def test_window_gets_the_dashboard_at_any_address(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=WINDOW)

    assert (answer.status_code, answer.text) == (404, PAGE.read_text())
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Content-Security-Policy"] == PAGE_HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/nope/xyz", {"Accept": "*/*"}), ("/nope/xyz", {"Accept": "application/json"}), ("/api/nope", WINDOW), ("/assets/nope.js", WINDOW)],
)
def test_others_and_paths_of_the_api_get_its_error(client: TestClient, path: str, headers: dict[str, str]) -> None:
    answer = client.get(path, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_window_without_a_login_gets_the_dashboard_too(keyed: TestClient) -> None:
    assert keyed.get("/nope/xyz", headers=WINDOW).text == PAGE.read_text()
    assert keyed.get("/nope/xyz").status_code != 200
    assert keyed.get("/api/sessions", headers=WINDOW).status_code == 401
