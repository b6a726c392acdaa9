"""Authentication of every operation with every scope, without a key, with invalid keys, and of the canary with its token."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from redis import Redis
from structlog.testing import capture_logs

from deploy.embedded.preflight import KEYS_UNUSED, check_access
from deploy.embedded.supervision.processes import StartError
from services.ingest.app import create_app as create_ingest
from services.ingest.settings import Settings as IngestSettings
from services.query.app import create_app as create_query
from services.query.settings import Settings as QuerySettings
from shared.auth.authentication import NoAdminKey
from shared.auth.keys import new_key
from shared.auth.scopes import PUBLIC
from shared.events.messages import decode_envelope
from shared.http.api_document import DOCUMENT
from shared.journal.canary import PATH, PROOF_HEADER, PROOF_KEY
from shared.journal.streams import EVENTS_FIELD, PAYLOAD_FIELD, stream_key
from tests.integration.keys.conftest import Api, is_error, make_key, running
from tests.required_scopes import ALSO, REQUIRED

SCOPE_NAMES = ("ingest", "read", "numbers", "metrics", "admin")
PARAMETERS = {"project_id": "1", "session_id": "s-1", "key_id": "000000000000"}
SOME_ID = "018f3b1e-0000-7000-8000-000000000001"
NOBODY = "postgresql://tracker@/tracker?host=/nonexistent"


def concrete(path: str) -> str:
    if path == "/api/live":
        # It does not end; a wrong filter is refused after the key was checked.
        return "/api/live?kind=none"
    return re.sub(r"\{(\w+)\}", lambda found: PARAMETERS.get(found[1], SOME_ID), path)


def test_each_scope_permits_exactly_the_operations_of_the_table(api: Api) -> None:
    # One key has two scopes: what sends and reads is no admin for that.
    keys = {scopes: api.key(*scopes) for scopes in (*((scope,) for scope in SCOPE_NAMES), ("ingest", "read"))}
    wrong = []
    for (method, path), scopes in REQUIRED.items():
        for own, key in keys.items():
            answer = api.ask(key, method, concrete(path))
            also = ALSO.get((method, path), scopes)
            is_let_in = scopes == PUBLIC or "admin" in own or not (scopes.isdisjoint(own) or also.isdisjoint(own))
            if (answer.status_code not in (401, 403)) != is_let_in or answer.status_code == 500:
                wrong.append((method, path, own, answer.status_code))
            if not is_let_in:
                assert all(name in is_error(answer, 403, "FORBIDDEN") for name in scopes)
                assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert wrong == []


def test_a_path_template_is_not_a_valid_path(api: Api, admin: str) -> None:
    for method, path in REQUIRED:
        if "{" in path:
            assert api.ask(admin, method, path).status_code in (400, 404, 415), path


def test_only_pages_and_health_checks_are_open_without_a_key(api: Api) -> None:
    for (method, path), scopes in REQUIRED.items():
        answer = api.ask(None, method, concrete(path))
        if scopes == PUBLIC:
            assert answer.status_code == 200
        else:
            assert "Authorization: Bearer" in is_error(answer, 401, "UNAUTHORIZED")
            assert answer.headers["www-authenticate"] == "Bearer"


def test_an_unknown_path_is_404_for_every_valid_key_and_401_without_one(api: Api) -> None:
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        assert {api.ask(None, method, path).status_code for path in ("/api/nothing", "/nope/xyz")} == {401}
        assert api.ask(None, method, "/api/nothing", headers={"Authorization": f"Bearer {new_key()[0]}"}).status_code == 401
    for scope in SCOPE_NAMES:
        key = api.key(scope)
        for method in ("GET", "POST"):
            assert "/docs" in is_error(api.ask(key, method, "/api/nothing"), 404, "NOT_FOUND")


def test_another_method_is_405_and_told_which_for_every_valid_key_and_401_without_one(api: Api) -> None:
    wrong = (
        ("PUT", "/api/events", "POST"),
        ("POST", "/api/sessions", "GET, HEAD"),
        ("GET", "/api/hooks", "POST"),
        ("OPTIONS", "/api/keys", ""),
    )
    for method, path, allowed in wrong:
        is_error(api.ask(None, method, path), 401, "UNAUTHORIZED")
        for scope in SCOPE_NAMES:
            answer = api.ask(api.key(scope), method, path)
            is_error(answer, 405, "METHOD_NOT_ALLOWED")
            assert answer.headers["allow"].startswith(allowed)


def test_a_path_with_a_line_end_is_not_that_without_it(api: Api) -> None:
    """Routing by regular expressions lets it pass, so it must end before that."""
    is_error(api.get(api.key("metrics"), "/api/keys%0A"), 404, "NOT_FOUND")


@pytest.mark.parametrize("mode", ["open_api", "api"])
def test_an_invalid_key_is_refused_even_with_open_access(mode: str, request: pytest.FixtureRequest) -> None:
    api: Api = request.getfixturevalue(mode)
    key = api.key("read")
    assert api.get(key, "/api/sessions").status_code == 200
    for wrong in (new_key()[0], key[:-1], key + "x", "cct_", "", "\x00", key.upper()):
        answer = api.ask(None, "GET", "/api/sessions", headers={"Authorization": f"Bearer {wrong}".encode("latin-1")})
        is_error(answer, 401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    is_error(api.post(key, "/api/events", []), 403, "FORBIDDEN")


def test_two_authorization_headers_are_refused(api: Api, admin: str) -> None:
    answer = api.ask(admin, "GET", "/api/sessions", headers={"authorization": f"Bearer {admin}"})
    is_error(answer, 401, "UNAUTHORIZED")


def test_open_access_permits_everything_and_ignores_other_schemes(open_api: Api) -> None:
    for method, path in REQUIRED:
        assert open_api.ask(None, method, concrete(path)).status_code not in (401, 403, 500)
    assert open_api.ask(None, "GET", "/api/sessions", headers={"Authorization": "Basic YTpi"}).status_code == 200


def test_a_key_in_the_query_string_is_ignored(api: Api, admin: str) -> None:
    for name in ("key", "token", "access_token", "api_key"):
        is_error(api.get(None, f"/api/sessions?{name}={admin}"), 401, "UNAUTHORIZED")


def test_a_head_request_needs_the_scope_of_its_get(api: Api) -> None:
    assert api.ask(None, "HEAD", "/api/sessions").status_code == 401
    assert api.ask(api.key("ingest"), "HEAD", "/api/sessions").status_code == 403
    assert api.ask(api.key("read"), "HEAD", "/api/sessions").status_code == 200


def test_keys_are_never_logged(api: Api) -> None:
    right, wrong = api.key("read"), new_key()[0]
    with capture_logs() as logged:
        for key in (right, wrong):
            api.get(key, "/api/sessions")
            api.post(key, "/api/events", "not a batch")
            api.get(key, f"/api/sessions?token={key}")
    assert {line["code"] for line in logged} == {"UNAUTHORIZED", "FORBIDDEN", "VALIDATION_ERROR"}
    for key in (right, wrong):
        assert key.rpartition("_")[2] not in str(logged)


def test_the_openapi_document_states_the_scope_of_each_operation() -> None:
    document = json.loads(DOCUMENT.read_text())
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for (method, path), scopes in REQUIRED.items():
        operation = document["paths"][path][method.lower()]
        if scopes == PUBLIC:
            assert operation["security"] == []
        else:
            also = ALSO.get((method, path), PUBLIC)
            assert operation["security"] == [*({"key": [scope, *sorted(also)]} for scope in sorted(scopes)), {}]
            assert {"401", "403"} <= operation["responses"].keys()
            assert all(f"`{name}`" in operation["description"] for name in scopes)


def test_services_refuse_to_start_without_an_admin_key(database_url: str, redis_url: str, tmp_path: Path) -> None:
    make_key(database_url, "ingest", "read", "metrics")
    for app in (
        create_ingest(IngestSettings(database_url=database_url, redis_url=redis_url, blob_url=tmp_path.as_uri(), access="keys")),
        create_query(QuerySettings(database_url=database_url, redis_url=redis_url, access="keys")),
    ):
        with pytest.raises(NoAdminKey, match=r"deploy\.keys create --scope admin"), TestClient(app):
            pass
    with pytest.raises(StartError, match="make key"):
        check_access("keys", database_url)
    assert check_access("open", database_url) == KEYS_UNUSED
    make_key(database_url, "admin")
    assert check_access("keys", database_url) is None


def test_services_start_without_the_database_and_refuse_every_key(redis_url: str, tmp_path: Path) -> None:
    with running(NOBODY, redis_url, tmp_path, "keys") as api:
        is_error(api.get(None, "/api/sessions"), 401, "UNAUTHORIZED")
        for answer in (api.get(new_key()[0], "/api/sessions"), api.post(new_key()[0], "/api/events", [])):
            is_error(answer, 503, "DATABASE_UNAVAILABLE")
            assert int(answer.headers["retry-after"]) >= 1
        assert api.get(None, "/healthz").status_code == 200


CANARY = {"id": str(uuid4()), "sent_at": "2026-11-25T12:00:00Z"}


@pytest.fixture
def redis(redis_url: str) -> Redis:
    return Redis.from_url(redis_url)


def test_the_canary_is_admitted_with_its_token_and_no_key(api: Api, redis: Redis) -> None:
    redis.set(PROOF_KEY, "secret")

    answer = api.ask(None, "POST", PATH, json=CANARY, headers={PROOF_HEADER: "secret"})

    # It is one event of the journal, and none of a user's
    assert (answer.status_code, answer.json()) == (201, {"id": CANARY["id"]})
    [(_, fields)] = redis.xrange(stream_key(0))
    envelope = decode_envelope(fields[PAYLOAD_FIELD.encode()])
    assert (fields[EVENTS_FIELD.encode()], envelope.events, str(envelope.canary and envelope.canary.id)) == (b"1", [], CANARY["id"])


@pytest.mark.parametrize("shown", ["", "wrong", "sécret"])
@pytest.mark.parametrize("token", [None, "secret"])
def test_requests_without_the_canary_token_are_refused(api: Api, admin: str, redis: Redis, shown: str, token: str | None) -> None:
    if token:
        redis.set(PROOF_KEY, token)
    for key in (None, admin):
        is_error(api.ask(key, "POST", PATH, json=CANARY, headers={PROOF_HEADER: shown.encode()}), 405, "METHOD_NOT_ALLOWED")
    assert redis.xlen(stream_key(0)) == 0


def test_a_malformed_canary_is_refused(api: Api, redis: Redis) -> None:
    redis.set(PROOF_KEY, "secret")
    for body in ({}, [], {"id": "x", "sent_at": "2026-11-25T12:00:00Z"}, {"id": CANARY["id"]}):
        is_error(api.ask(None, "POST", PATH, json=body, headers={PROOF_HEADER: "secret"}), 400, "VALIDATION_ERROR")


def test_the_newest_stored_canary_is_public(api: Api) -> None:
    assert api.get(None, PATH).json() == {"id": None, "sent_at": None, "stored_at": None}
    sql = "INSERT INTO canaries VALUES (%s, '2026-01-01', '2026-01-01', '2026-01-01 00:00:01+00') RETURNING id"
    [stored] = api.select(sql, uuid4())
    told = api.get(None, PATH).json()
    assert (told["id"], told["sent_at"]) == (str(stored["id"]), "2026-01-01T00:00:00Z")
