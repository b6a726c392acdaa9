"""A browser logs in with an API key: its cookie has the key's rights, for the tracker's own pages, until it ends, the key does, or it logs out."""

from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg
import pytest

from deploy.embedded.supervision.processes import wait_until
from shared.auth.failed_tries import OF_AN_ADDRESS
from shared.auth.keys import LOGINS_OF_A_KEY, digest_of, id_of, new_key
from tests.integration.keys.conftest import Api, is_error, log_in, running
from tests.required_scopes import METRICS, PUBLIC, READING, REQUIRED

OWN_PAGE = {"sec-fetch-site": "same-origin"}
# Within which every process knows of a revocation, and some seconds for a machine that is busy.
REVOKED_SECONDS = 15


def browse(api: Api, token: str, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
    """A request of the tracker's own page in a browser with this cookie."""
    sent = {"cookie": f"a=b; tracker_login={token}"} | (OWN_PAGE if headers is None else headers)
    return api.ask(None, method, path, headers=sent, **options)


def test_a_login_is_stored_as_a_hash_and_is_not_the_key(api: Api) -> None:
    key = api.key("read")
    answer = api.ask(key, "POST", "/api/login")
    assert answer.json()["key_id"] == id_of(key)
    assert answer.headers["cache-control"] == "no-store"
    token = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
    [row] = api.select("SELECT *, expires_at - created_at BETWEEN '29 days 23 hours' AND '30 days 1 minute' AS in_a_month FROM key_logins")
    assert (row["id"], row["key_id"], row["in_a_month"]) == (id_of(token), id_of(key), True)
    assert bytes(row["sha256"]) == digest_of(token.encode()) != digest_of(key.encode())
    assert token not in answer.text


@pytest.mark.parametrize("scope", ["read", "numbers", "metrics", "admin"])
def test_a_login_may_what_its_key_may(api: Api, scope: str) -> None:
    key = api.key(scope)
    token = log_in(api, key)
    for method, path in REQUIRED:
        if "{" not in path and path not in ("/api/live", "/api/login"):
            by_key, by_login = api.ask(key, method, path).status_code, browse(api, token, method, path).status_code
            assert by_login == by_key, (method, path)
    shown = browse(api, token, "GET", "/api/me").json()["key"]
    assert shown | {"expires_at": None} == api.get(key, "/api/me").json()["key"]
    assert shown["expires_at"] is not None


def test_bindings_of_the_key_bind_its_login(api: Api) -> None:
    token = log_in(api, api.key("read", "ingest", user="ann", projects=[7]))
    shown = browse(api, token, "GET", "/api/me").json()["key"]
    assert (shown["user"], shown["project_ids"]) == ("ann", [7])
    assert browse(api, token, "GET", "/metrics").status_code == 403


def test_the_acts_of_a_login_are_those_of_its_key(api: Api, admin: str) -> None:
    token = log_in(api, admin)
    assert browse(api, token, "POST", "/api/keys", json={"name": "x", "scopes": ["read"]}).status_code == 201
    [act] = api.get(admin, "/api/audit").json()["items"]
    assert (act["who"], act["act"]) == (id_of(admin), "key.create")


def test_a_key_for_writing_alone_cannot_log_in(api: Api) -> None:
    is_error(api.ask(api.key("ingest"), "POST", "/api/login"), 403, "FORBIDDEN")
    for wrong in (new_key()[0], "nonsense"):
        answer = api.ask(wrong, "POST", "/api/login")
        assert "ask whoever runs the tracker" in is_error(answer, 401, "UNAUTHORIZED")
        assert "set-cookie" not in answer.headers
    assert "Authorization: Bearer" in is_error(api.ask(None, "POST", "/api/login"), 401, "UNAUTHORIZED")
    assert api.select("SELECT FROM key_logins") == []


def test_tries_of_logins_are_bounded_and_lock_out_no_key_in_use(api: Api) -> None:
    # Given a browser that is logged in, and a program with an old key that it sends again and again
    key, old = api.key("read"), new_key()[0]
    token = log_in(api, key)
    is_error(api.ask(old, "POST", "/api/login"), 401, "UNAUTHORIZED")

    # When somebody at the same address tries out keys
    answers = [api.ask(new_key()[0], "POST", "/api/login") for _ in range(OF_AN_ADDRESS + 5)]

    # Then these are refused without a look, until some time has passed
    assert {answer.status_code for answer in answers[:OF_AN_ADDRESS]} <= {401, 429}
    assert answers[0].status_code == 401
    is_error(answers[-1], 429, "TOO_MANY_TRIES")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    # And what was known before is not
    assert api.ask(key, "POST", "/api/login").status_code == 200
    assert browse(api, token, "DELETE", "/api/login").status_code == 200
    is_error(api.ask(old, "POST", "/api/login"), 401, "UNAUTHORIZED")


def test_behind_the_gateway_tries_are_those_of_the_client(database_url: str, redis_url: str, tmp_path: Path, admin: str) -> None:
    with running(database_url, redis_url, tmp_path / "blobs", "keys", behind_gateway="on") as api:
        for _ in range(OF_AN_ADDRESS + 1):
            refused = api.ask(new_key()[0], "POST", "/api/login", headers={"X-Real-IP": "192.0.2.1"})

        is_error(refused, 429, "TOO_MANY_TRIES")
        assert api.ask(admin, "POST", "/api/login", headers={"X-Real-IP": "192.0.2.2"}).status_code == 200


def test_a_client_does_not_choose_its_address_without_a_gateway(api: Api) -> None:
    for number in range(OF_AN_ADDRESS + 1):
        refused = api.ask(new_key()[0], "POST", "/api/login", headers={"X-Real-IP": f"192.0.2.{number}"})

    is_error(refused, 429, "TOO_MANY_TRIES")


def test_open_access_needs_no_login_and_ignores_one(open_api: Api) -> None:
    for key in (None, open_api.key("read")):
        answer = open_api.ask(key, "POST", "/api/login")
        assert answer.json() == {"key_id": None, "expires_at": None, "message": "Access is open here: no key is needed, and no login."}
        assert "set-cookie" not in answer.headers
    assert browse(open_api, new_key()[0], "GET", "/api/sessions").status_code == 200


def test_a_login_cannot_log_in_again_and_is_no_key(api: Api) -> None:
    key = api.key("read")
    token = log_in(api, key)
    assert "logged in already" in is_error(browse(api, token, "POST", "/api/login"), 401, "UNAUTHORIZED")
    is_error(api.get(token, "/api/sessions"), 401, "UNAUTHORIZED")
    is_error(api.ask(token, "POST", "/api/login"), 401, "UNAUTHORIZED")
    # Nor is a key a login.
    is_error(browse(api, key, "GET", "/api/sessions"), 401, "UNAUTHORIZED")
    assert len(api.select("SELECT FROM key_logins")) == 1


def test_the_key_of_a_header_wins_over_the_cookie(api: Api, admin: str) -> None:
    token = log_in(api, admin)
    headers = {"cookie": f"tracker_login={token}"}
    is_error(api.ask(api.key("metrics"), "GET", "/api/keys", headers=headers), 403, "FORBIDDEN")
    is_error(api.ask(new_key()[0], "GET", "/api/keys", headers=headers), 401, "UNAUTHORIZED")
    # A proxy's own password is no key.
    basic = headers | OWN_PAGE | {"authorization": "Basic YTpi"}
    assert api.ask(None, "GET", "/api/keys", headers=basic).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://localhost:8001"},
        {"origin": "https://dash.example.org"},
        {"origin": "https://dash.example.org", "sec-fetch-site": "same-site"},
    ],
)
def test_a_cookie_is_not_taken_from_other_pages(
    database_url: str, redis_url: str, tmp_path: Path, admin: str, method: str, headers: dict[str, str]
) -> None:
    """Not even from an origin in TRACKER_CORS_ORIGINS, which sends a key."""
    with running(database_url, redis_url, tmp_path / "blobs", "keys", cors_origins="https://dash.example.org") as api:
        token = log_in(api, admin)
        answer = browse(api, token, method, "/api/keys", headers, json={"name": "by a page", "scopes": ["read"]})
        is_error(answer, 403, "ORIGIN_NOT_ALLOWED")
        assert "access-control-allow-credentials" not in answer.headers
        assert [row["name"] for row in api.select("SELECT name FROM api_keys")] == ["a test's admin"]


def test_a_change_without_a_word_on_its_page_is_refused(api: Api, admin: str) -> None:
    token = log_in(api, admin)
    body = {"name": "x", "scopes": ["read"]}
    is_error(browse(api, token, "POST", "/api/keys", {}, json=body), 403, "ORIGIN_NOT_ALLOWED")
    assert browse(api, token, "POST", "/api/keys", {"origin": "http://localhost"}, json=body).status_code == 201
    assert browse(api, token, "GET", "/api/keys", {}).status_code == 200


def refused(api: Api, token: str) -> bool:
    """Whether both services refuse the login."""
    answers = [browse(api, token, "GET", "/api/keys"), browse(api, token, "POST", "/api/keys", json={"name": "x", "scopes": ["read"]})]
    for answer in answers:
        if answer.status_code == 401:
            assert "log in again with an API key" in is_error(answer, 401, "UNAUTHORIZED")
    return [answer.status_code for answer in answers] == [401, 401]


def test_a_login_ends_with_its_key(api: Api, admin: str) -> None:
    key = api.key("admin")
    token = log_in(api, key)
    assert not refused(api, token)
    assert api.ask(admin, "DELETE", f"/api/keys/{id_of(key)}").status_code == 200
    assert wait_until(lambda: refused(api, token), REVOKED_SECONDS)
    assert api.select("SELECT FROM key_logins") == []


def test_a_login_ends_at_its_end(api: Api, admin: str) -> None:
    token = log_in(api, admin)
    assert not refused(api, token)
    api.select("UPDATE key_logins SET expires_at = clock_timestamp() RETURNING id")
    assert wait_until(lambda: refused(api, token), REVOKED_SECONDS)
    # The next login deletes it.
    second = log_in(api, admin)
    assert [row["id"] for row in api.select("SELECT id FROM key_logins")] == [id_of(second)]


def test_logout_ends_one_login_and_clears_its_cookie(api: Api, admin: str) -> None:
    token, other = log_in(api, admin), log_in(api, admin)
    assert not refused(api, token)
    for headers in ({}, {"sec-fetch-site": "same-site"}):
        is_error(browse(api, token, "DELETE", "/api/login", headers), 403, "ORIGIN_NOT_ALLOWED")
    # A guess at the secret ends nothing.
    assert browse(api, token[:-1] + ("a" if token[-1] != "a" else "b"), "DELETE", "/api/login").status_code == 200
    assert len(api.select("SELECT FROM key_logins")) == 2

    answer = browse(api, token, "DELETE", "/api/login")
    assert answer.json() == {"message": "You are logged out."}
    assert answer.headers["set-cookie"] == "tracker_login=; Path=/api; HttpOnly; SameSite=Strict; Max-Age=0"
    assert wait_until(lambda: refused(api, token), REVOKED_SECONDS)
    assert not refused(api, other)
    # With an ended login, and without one.
    assert browse(api, token, "DELETE", "/api/login").status_code == 200
    assert api.ask(None, "DELETE", "/api/login").status_code == 200


def test_logins_are_counted_by_key_and_have_a_bound(api: Api, admin: str) -> None:
    key = api.key("read")
    tokens = [log_in(api, key) for _ in range(LOGINS_OF_A_KEY + 2)]
    log_in(api, admin)
    listed = {item["id"]: item["logins"] for item in api.get(admin, "/api/keys").json()["items"]}
    assert listed == {id_of(key): LOGINS_OF_A_KEY, id_of(admin): 1}
    kept = {row["id"] for row in api.select("SELECT id FROM key_logins WHERE key_id = %s", id_of(key))}
    assert kept == {id_of(token) for token in tokens[2:]}


def test_a_use_of_a_login_is_a_use_of_its_key(database_url: str, redis_url: str, tmp_path: Path, admin: str) -> None:
    def use(method: str, token: str | None = None) -> str:
        with running(database_url, redis_url, tmp_path / "blobs", "keys") as api:
            if token is None:
                return log_in(api, admin)
            assert browse(api, token, method, "/api/keys", json={"name": "x", "scopes": ["read"]}).status_code in (200, 201)
        return token

    def last_used() -> list[bool]:
        with psycopg.connect(database_url) as connection:
            rows = connection.execute(
                "UPDATE api_keys SET last_used_at = NULL FROM api_keys AS k WHERE k.id = api_keys.id AND k.id = %s RETURNING k.last_used_at",
                [id_of(admin)],
            )
            return [at is not None for (at,) in rows]

    token = use("POST")
    assert last_used() == [True]
    use("POST", token)
    assert last_used() == [True]


def test_pages_need_no_login_even_with_an_ended_one(api: Api) -> None:
    for (method, path), scopes in READING.items():
        if scopes == PUBLIC and path.startswith("/"):
            assert browse(api, new_key()[0], method, path).status_code == 200, path
    assert REQUIRED["POST", "/api/login"] == METRICS
