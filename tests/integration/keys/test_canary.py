"""The canary's endpoint with access by keys: it has its own token, and nothing else is admitted there."""

from uuid import uuid4

import pytest
from redis import Redis

from shared.events.messages import decode_envelope
from shared.journal.canary import PATH, PROOF_HEADER, PROOF_KEY
from shared.journal.streams import EVENTS_FIELD, PAYLOAD_FIELD, stream_key
from tests.integration.keys.conftest import Api, is_error

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
