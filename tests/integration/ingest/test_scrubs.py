"""The door of scrubs: what may be given, and that nothing of it is written anywhere but in two halves."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from deploy.embedded.supervision.processes import wait_until
from services.ingest.admin.scrubs import MIN_TEXT_LENGTH
from shared.events.messages import Conversation
from shared.redaction import given_texts
from shared.redaction.kept_out import KNOWN_SECONDS, noted_change
from shared.redaction.sealed_texts import KEY_PREFIX, joined
from shared.redaction.text_fingerprints import fingerprints_of
from shared.tables.catalogue import TABLES
from tests.flow.redaction.planted_secrets import Secrets, transcript
from tests.integration.ingest.conftest import Service

TEXT = "wv7K-2mPq-x9Rt"


def everything(service: Service) -> bytes:
    """All rows as text, bytes as they are, and all of Redis."""
    rows = [str(service.select(f"SELECT t::text, t FROM {table} AS t")) for table in TABLES]
    halves = [row["half"] for row in service.select("SELECT half FROM scrub_texts")]
    keys = [key + (service.redis.get(key) if service.redis.type(key) == b"string" else b"") for key in service.redis.scan_iter()]
    return b"\n".join((*map(str.encode, rows), *halves, *keys))


def test_what_is_given_is_kept_in_two_halves_and_in_nothing_else(service: Service) -> None:
    answer = service.post("/api/scrubs", {"texts": [TEXT, "other text"]}, Idempotency_Key="once")

    assert answer.status_code == 202, answer.text
    assert TEXT not in answer.text
    assert TEXT.encode() not in everything(service)
    [half] = service.select("SELECT scrub_id::text, half, redis_key FROM scrub_texts")
    other = service.redis.get(half["redis_key"])
    assert other is not None
    assert joined(half["half"], other).texts == [TEXT, "other text"]
    assert 0 < service.redis.ttl(half["redis_key"]) <= 7 * 86_400
    # The audit log has how many
    [record] = service.select("SELECT subject, details FROM audit_log WHERE act = 'scrub.start'")
    assert record == {"subject": half["scrub_id"], "details": {"dry_run": False, "texts": 2}}
    assert service.select("SELECT options -> 'text_count' AS texts, options -> 'keep_out' AS keep_out FROM jobs") == [
        {"texts": 2, "keep_out": True}
    ]


def test_a_retry_leaves_one_scrub_and_one_half(service: Service) -> None:
    first, again = (service.post("/api/scrubs", {"texts": [TEXT]}, Idempotency_Key="once") for _ in range(2))

    assert first.json() == again.json()
    [half] = service.select("SELECT redis_key FROM scrub_texts")
    assert [key.decode() for key in service.redis.scan_iter(match=f"{KEY_PREFIX}*")] == [half["redis_key"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"texts": ["short"]}, "texts[0]"),
        ({"texts": [TEXT, "a    b   "]}, None),
        ({"texts": ["  abc   "]}, "texts[0]"),
        ({"texts": ["aaaaaaaa"]}, "texts[0]"),
        ({"texts": ["redacted:text"]}, "texts[0]"),
        ({"texts": ["github_token"]}, "texts[0]"),
        ({"texts": ["x" * 500 + "y" * 501]}, "texts[0]"),
        ({"texts": [f"text number {n}" for n in range(21)]}, "texts"),
        ({"texts": TEXT}, "texts"),
        ({"texts": ["assistant"]}, "texts[0]"),
        ({"texts": ["sessionI"]}, "texts[0]"),
        ({"text": [TEXT]}, "text"),
        ({"texts": [TEXT], "dry-run": True}, "dry-run"),
    ],
)
def test_what_could_destroy_everything_or_is_misspelt_is_refused(service: Service, body: dict[str, Any], field: str | None) -> None:
    answer = service.post("/api/scrubs", body)

    if field is None:
        assert answer.status_code == 202
        return
    assert (answer.status_code, list(answer.json()["details"])) == (400, [field])
    # The given text is not quoted
    assert TEXT not in answer.text
    assert service.select("SELECT FROM jobs") == []
    assert service.select("SELECT FROM scrub_texts") == []


def test_no_word_by_which_a_transcript_is_read_can_be_given(service: Service) -> None:
    lines = [json.loads(line) for line in transcript(str(uuid4()), Secrets(), "x")]
    words = {word for line in lines for word in structural(line) if len(word) >= MIN_TEXT_LENGTH}

    taken = [word for word in words if service.post("/api/scrubs", {"texts": [word], "dry_run": True}).status_code != 400]

    assert len(words) > 15
    assert taken == []


def structural(value: Any) -> Iterator[str]:
    """The keys of a record but those of a tool's input, with its types and roles."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            if key in ("type", "role"):
                yield item
            elif key != "input":
                yield from structural(item)
    elif isinstance(value, list):
        for item in value:
            yield from structural(item)


def kept_out(service: Service, text: str, status: str = "succeeded") -> str:
    """The id of a scrub that keeps a text out, as the worker leaves it."""
    scrub_id = str(uuid4())
    service.execute(
        "INSERT INTO jobs (kind, id, status, options) VALUES ('scrub', %s, %s, '{\"text_count\": 1, \"keep_out\": true}')", scrub_id, status
    )

    for each in fingerprints_of(text, b"salt"):
        service.execute(
            "INSERT INTO kept_out_texts (scrub_id, is_for_good, fingerprint) VALUES (%s, true, %s)", scrub_id, msgspec.msgpack.encode(each)
        )
    noted_change(service.redis)
    return scrub_id


def said(service: Service, text: str) -> str:
    """The content of a message with this text, as the journal has it."""
    service.post("/api/conversations", {"session_id": "s", "role": "user", "content": text})
    event = service.journal()[-1]
    assert isinstance(event, Conversation)
    return event.content


def test_a_text_that_is_kept_out_is_replaced_within_seconds_until_it_is_let_in(service: Service) -> None:
    service.start("s")
    assert said(service, f"it is {TEXT}") == f"it is {TEXT}"

    scrub_id = kept_out(service, TEXT)

    word = given_texts.word_of(TEXT, b"salt").decode()
    assert wait_until(lambda: said(service, f"it is {TEXT}") == f"it is {word}", KNOWN_SECONDS)
    answer = service.http.delete(f"/api/scrubs/{scrub_id}/kept-out")
    assert (answer.status_code, answer.json()["scrub_id"]) == (200, scrub_id)
    assert wait_until(lambda: said(service, f"it is {TEXT}") == f"it is {TEXT}", KNOWN_SECONDS)
    assert service.select("SELECT act, subject FROM audit_log") == [{"act": "scrub.let_in", "subject": scrub_id}]


def test_only_the_texts_of_a_scrub_that_has_ended_are_let_in(service: Service) -> None:
    running, ended = kept_out(service, TEXT, "running"), kept_out(service, "other text")
    assert service.http.delete(f"/api/scrubs/{ended}/kept-out").status_code == 200

    answers = [service.http.delete(f"/api/scrubs/{scrub_id}/kept-out") for scrub_id in (running, ended, str(uuid4()), "x")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "CONFLICT"),
        (409, "CONFLICT"),
        (404, "SCRUB_NOT_FOUND"),
        (400, "VALIDATION_ERROR"),
    ]
    assert len(service.select("SELECT FROM kept_out_texts")) == len(fingerprints_of(TEXT, b"salt"))
