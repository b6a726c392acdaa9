"""A browser that is logged in: pages of other ports cannot use its cookie."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.browser.conftest import Api, served
from tests.conftest import make_database
from tests.integration.keys.conftest import make_key
from tests.skips import CHROMIUM, skip_without

LOG_IN = """key => fetch("/api/login", {method: "POST", headers: {Authorization: `Bearer ${key}`}}).then(answer => answer.status)"""
# The status of a request to the API, as far as the page may see it.
ASK = """url => fetch(url, {credentials: "include"}).then(answer => answer.status, () => "refused")"""
# A page elsewhere that tries every way which sends cookies without a preflight.
FROM_ELSEWHERE = """async base => {
    const ask = (path, options) => fetch(base + path, {credentials: "include", mode: "no-cors", ...options}).catch(() => null);
    const body = JSON.stringify({name: "by a page", scopes: ["admin"]});
    await ask("/api/keys"); await ask("/api/keys", {method: "POST", body}); await ask("/api/import/claude-data", {method: "POST", body});
    const frame = document.createElement("iframe"); frame.name = "target"; document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, {method: "post", enctype: "text/plain", target: "target", action: base + "/api/keys"});
    form.append(Object.assign(document.createElement("input"), {name: body, value: ""})); document.body.append(form); form.submit();
    for (const name of ["img", "script"]) document.body.append(Object.assign(document.createElement(name), {src: base + "/api/keys"}));
}"""


@dataclass
class Browser:
    """Logged in with an admin's key, at `base`. `requests` are those of every page of the browser, `answers` their statuses."""

    api: Api
    base: str
    context: Any
    dashboard: Any
    requests: list[Any]

    def answers(self, path: str) -> list[int]:
        found = [request.response() for request in self.requests if request.url == f"{self.base}{path}"]
        return [response.status for response in found if response is not None]


@pytest.fixture(scope="module")
def chromium(playwright: Any) -> Iterator[Any]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def guarded(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, str]]:
    """An API that asks for keys, and the key of its admin."""
    skip_without("chromium")
    database_url = make_database(postgres_url, "login_test")
    key = make_key(database_url, "admin")
    redis_url = re.sub(r"(\?db=|/)0$", r"\g<1>3", redis_server_url)
    with served(database_url, redis_url, tmp_path_factory.mktemp("login"), ACCESS="keys") as api:
        yield api, key


@pytest.fixture
def logged_in(guarded: tuple[Api, str], chromium: Any) -> Iterator[Browser]:
    api, key = guarded
    with chromium.new_context() as context:
        base = f"http://127.0.0.1:{api.port}"
        browser = Browser(api, base, context, context.new_page(), [])
        context.on("request", lambda request: browser.requests.append(request))  # noqa: PLW0108  Playwright sets an attribute of it
        browser.dashboard.goto(f"{base}/")
        assert browser.dashboard.evaluate(ASK, "/api/keys") == 401
        assert browser.dashboard.evaluate(LOG_IN, key) == 200
        assert browser.dashboard.evaluate(ASK, "/api/keys") == 200
        yield browser


def test_no_script_sees_the_cookie_and_logout_ends_it(logged_in: Browser) -> None:
    page = logged_in.dashboard
    assert page.evaluate("document.cookie") == ""
    [cookie] = logged_in.context.cookies(f"{logged_in.base}/api/me")
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (f"tracker_login_{logged_in.api.port}", True, "Strict")
    assert logged_in.context.cookies(f"{logged_in.base}/flower/") == []
    assert page.evaluate("""fetch("/api/login", {method: "DELETE"}).then(answer => answer.status)""") == 200
    assert logged_in.context.cookies() == []
    assert page.evaluate(ASK, "/api/keys") == 401


def test_an_event_source_is_logged_in(logged_in: Browser) -> None:
    opened = """new Promise(resolve => {
        const source = new EventSource("/api/live");
        source.onopen = () => { source.close(); resolve("open"); };
        source.onerror = () => { source.close(); resolve("refused"); };
    })"""
    assert logged_in.dashboard.evaluate(opened) == "open"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_on_another_port_cannot_use_the_cookie(logged_in: Browser, elsewhere: int, host: str) -> None:
    page = logged_in.context.new_page()
    page.goto(f"http://{host}:{elsewhere}/")
    del logged_in.requests[:]
    page.evaluate(FROM_ELSEWHERE, logged_in.base)
    page.wait_for_load_state("networkidle")

    # The browser hides most answers from the page (Cross-Origin-Resource-Policy); the form's is shown in its frame.
    assert sum(request.url == f"{logged_in.base}/api/keys" for request in logged_in.requests) >= 4
    assert set(logged_in.answers("/api/keys")) == {403}
    if host == "127.0.0.1":
        # The attack is one: the browser does send the cookie to another port.
        sent = [request.all_headers().get("cookie", "") for request in logged_in.requests if request.url == f"{logged_in.base}/api/keys"]
        assert any("tracker_login_" in each for each in sent)
    with psycopg.connect(logged_in.api.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM api_keys").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM import_jobs").fetchone() == (0,)
