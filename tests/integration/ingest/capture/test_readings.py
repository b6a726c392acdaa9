"""`POST /api/readings`: what a shipper read of Claude Code's own files goes onto the journal, each reading accepted or rejected by itself."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from services.ingest.app import create_app
from services.ingest.capture.write_readings import MAX_READING_BYTES, MAX_READINGS
from services.ingest.http.examples import READINGS
from services.ingest.settings import Settings
from shared.events.readings import CacheMissCause, PromptCache, RateLimitEvent, Reading, SessionFile, StatusLine, UsageCache
from shared.journal.streams import stream_key
from tests.conftest import LOCAL
from tests.integration.ingest.conftest import Service, is_error

NDJSON = {"content-type": "application/x-ndjson"}
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def status_line(**fields: Any) -> dict[str, Any]:
    limits = {"five_hour": {"used_percentage": 41.5, "resets_at": (AT + timedelta(hours=2)).timestamp()}}
    own = {"session_id": "s-1", "read_at": AT.isoformat(), "machine_id": "m-1", "rate_limits": limits}
    return {"type": "status_line"} | own | fields


def usage_cache(**fields: Any) -> dict[str, Any]:
    windows = [{"kind": "seven_day", "used_percentage": 63, "resets_at": "2026-05-03T08:00:00.123+02:00"}]
    own = {"account": "9f86d081884c7d65", "fetched_at": AT.isoformat(), "windows": windows, "read_at": AT.isoformat(), "machine_id": "m-1"}
    return {"type": "usage_cache"} | own | fields


def rate_limit_event(**fields: Any) -> dict[str, Any]:
    windows = [{"kind": "five_hour", "used_percentage": 42, "resets_at": (AT + timedelta(hours=2)).isoformat()}]
    return {"type": "rate_limit_event", "session_id": "s-1", "windows": windows, "read_at": AT.isoformat(), "machine_id": "m-1"} | fields


def session_file(**fields: Any) -> dict[str, Any]:
    own = {"session_id": "s-1", "pid": 4242, "status": "busy", "is_alive": True, "read_at": AT.isoformat(), "machine_id": "m-1"}
    return {"type": "session_file"} | own | fields


def kept(service: Service) -> list[Reading]:
    return [reading for envelope in service.envelopes() for reading in envelope.readings]


def test_readings_of_each_type_go_onto_the_journal(service: Service) -> None:
    answer = service.post("/api/readings", [status_line(user="ann"), usage_cache(), rate_limit_event(), session_file()])

    assert (answer.status_code, answer.json()) == (200, {"accepted": 4, "rejected": []})
    line, cache, event, file = kept(service)
    assert isinstance(line.body, StatusLine)
    assert isinstance(cache.body, UsageCache)
    assert isinstance(event.body, RateLimitEvent)
    assert isinstance(file.body, SessionFile)
    assert (line.session_id, line.user, line.machine_id, line.bound_user) == ("s-1", "ann", "m-1", None)
    assert cache.body.windows[0].resets_at == datetime(2026, 5, 3, 6, 0, 0, 123_000, UTC)
    assert service.redis.hget("accounting:{0}", "accepted") == b"4"


def test_readings_come_as_ndjson_too(service: Service) -> None:
    body = b"\n".join(json.dumps(each).encode() for each in (status_line(), session_file()))

    answer = service.http.post("/api/readings", content=body + b"\n", headers=NDJSON)

    assert answer.json() == {"accepted": 2, "rejected": []}


def test_the_example_of_the_document_is_accepted(service: Service) -> None:
    assert service.post("/api/readings", READINGS).json() == {"accepted": len(READINGS), "rejected": []}


def test_unknown_fields_are_dropped_at_the_door(service: Service) -> None:
    line = status_line(transcript_path="/home/ann/secret", cost={"total_cost_usd": 1.5, "account_email": "ann@example.com"})

    service.post("/api/readings", [line])

    [entry] = service.redis.xrange(stream_key(0))
    assert b"ann" not in entry[1][b"payload"]
    [reading] = kept(service)
    assert isinstance(reading.body, StatusLine)
    assert reading.body.cost is not None
    assert reading.body.cost.total_cost_usd == 1.5


def test_of_the_prompt_cache_numbers_and_claude_codes_words_are_kept(service: Service) -> None:
    told = {"warm": False, "ttl": "1h", "expires_at": None, "requests": 41, "misses": 3, "hit_ratio": 0.934, "recache_tokens_if_cold": None}
    cause = {"causes": ["tools_changed", "ttl_expired_1h"], "tools_added": ["mcp__ann__secret"]}

    good = service.post("/api/readings", [status_line(prompt_cache=told | {"last_miss_cause": cause, "miss_causes": {"ann": 1}})])
    bad = service.post("/api/readings", [status_line(prompt_cache=told | {"last_miss_cause": {"causes": ["Ann's own words"]}})])

    assert (good.json()["accepted"], bad.json()["accepted"]) == (1, 0)
    [entry] = service.redis.xrange(stream_key(0))
    assert b"ann" not in entry[1][b"payload"]
    [reading] = kept(service)
    assert isinstance(reading.body, StatusLine)
    assert reading.body.prompt_cache == PromptCache(
        warm=False,
        ttl="1h",
        requests=41,
        misses=3,
        hit_ratio=0.934,
        last_miss_cause=CacheMissCause(causes=["tools_changed", "ttl_expired_1h"]),
    )


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({"read_at": AT.isoformat(), "machine_id": "m-1"}, "type"),
    "another type": (status_line(type="screenshot"), "type"),
    "a percentage that is a text": (status_line(rate_limits={"five_hour": {"used_percentage": "41", "resets_at": 1}}), "used_percentage"),
    "a window that resets next year": (
        status_line(rate_limits={"five_hour": {"used_percentage": 4, "resets_at": (AT + timedelta(days=300)).timestamp()}}),
        "rate_limits.five_hour.resets_at",
    ),
    "a percentage below zero": (usage_cache(windows=[{"kind": "five_hour", "used_percentage": -1}]), "used_percentage"),
    "a window of an event that resets next year": (
        rate_limit_event(windows=[{"kind": "five_hour", "used_percentage": 1, "resets_at": "2027-05-01T00:00:00Z"}]),
        "windows.0.resets_at",
    ),
    "an event of no session": (rate_limit_event(session_id=""), "session_id"),
    "an account that is an address": (usage_cache(account="ann@example.com"), "account"),
    "a kind that is a sentence": (usage_cache(windows=[{"kind": "what Ann used", "used_percentage": 1}]), "kind"),
    "no process": (session_file(pid=None), "pid"),
    "a time before Claude Code": (session_file(read_at="1980-01-01T00:00:00Z"), "read_at"),
    "a time in a week": (session_file(read_at="2099-01-01T00:00:00Z"), "read_at"),
    "no machine": (session_file(machine_id=""), "machine_id"),
    "control characters": (session_file(session_id="a\nb"), "session_id"),
    "too long a word": (session_file(status="x" * 101), "status"),
    "too long a reading": (session_file(note="x" * MAX_READING_BYTES), "bytes"),
}


def test_what_is_wrong_is_rejected_by_its_index_and_the_others_are_kept(service: Service, subtests: pytest.Subtests) -> None:
    for name, (wrong, named) in WRONG.items():
        with subtests.test(name):
            before = len(kept(service))

            answer = service.post("/api/readings", [session_file(), wrong, session_file(pid=1)])

            assert answer.status_code == 200
            assert answer.json()["accepted"] == 2
            [rejected] = answer.json()["rejected"]
            assert rejected["index"] == 1
            assert named in rejected["message"]
            assert len(kept(service)) == before + 2


@pytest.mark.parametrize(
    ("body", "code"), [(b"", "INVALID_JSON"), (b"{", "INVALID_JSON"), (b"[1", "INVALID_JSON"), (b"7", "VALIDATION_ERROR")]
)
def test_a_body_that_is_no_list_is_refused(service: Service, body: bytes, code: str) -> None:
    answer = service.http.post("/api/readings", content=body, headers={"content-type": "application/json"})

    is_error(answer, 400, code)
    assert kept(service) == []


def test_a_thousand_readings_are_taken_and_more_are_refused(service: Service) -> None:
    assert service.post("/api/readings", [session_file(pid=number) for number in range(MAX_READINGS)]).json()["accepted"] == MAX_READINGS

    is_error(service.post("/api/readings", [session_file()] * (MAX_READINGS + 1)), 413, "PAYLOAD_TOO_LARGE")


def test_a_reading_that_is_sent_again_has_the_same_id(service: Service) -> None:
    for _ in range(2):
        service.post("/api/readings", [session_file(), session_file(pid=1)])

    ids = [reading.id for reading in kept(service)]
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]


def test_secrets_are_redacted_before_the_journal(service: Service) -> None:
    secret = "sk-ant-api03-" + "a1B2" * 15

    service.post("/api/readings", [session_file(waiting_for=secret), session_file()])

    [entry] = service.redis.xrange(stream_key(0))
    assert secret.encode() not in entry[1][b"payload"]
    [first, second] = kept(service)
    assert isinstance(first.body, SessionFile)
    assert isinstance(second.body, SessionFile)
    assert str(first.body.waiting_for).startswith("[redacted:")
    assert second.body.waiting_for is None


def test_readings_are_accepted_while_postgres_is_away(settings: Settings) -> None:
    away = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"})
    with TestClient(create_app(away), LOCAL, raise_server_exceptions=False) as client, Redis.from_url(settings.redis_url) as redis:
        answer = client.post("/api/readings", json=[status_line(), usage_cache(), session_file()])

        assert answer.json() == {"accepted": 3, "rejected": []}
        assert redis.xlen(stream_key(0)) == 1
