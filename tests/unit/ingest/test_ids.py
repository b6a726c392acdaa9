"""New ids are ordered by time. Derived ids are the same for the same request."""

import time
from collections.abc import Callable
from uuid import UUID

import pytest

from services.ingest.events.event_ids import derived_id, new_id, new_ids
from services.ingest.events.idempotency_keys import read_key
from shared.http.errors import BadRequest


@pytest.mark.parametrize("mint", [lambda: [new_id() for _ in range(1000)], lambda: new_ids(1000)], ids=["one by one", "at once"])
def test_a_new_id_is_a_uuid7_with_the_current_time(mint: Callable[[], list[UUID]]) -> None:
    before = time.time_ns() // 1_000_000
    ids = mint()
    after = time.time_ns() // 1_000_000
    assert len(set(ids)) == 1000
    for minted in ids:
        assert (minted.version, minted.variant) == (7, UUID(int=0x8000 << 48).variant)
        assert before <= minted.int >> 80 <= after


def test_zero_ids_are_an_empty_list() -> None:
    assert new_ids(0) == []


def test_a_derived_id_depends_on_every_part() -> None:
    assert derived_id("/api/events", "key", "1") == derived_id("/api/events", "key", "1")
    others = [derived_id("/api/events", "key"), derived_id("/api/events", "key", "2"), derived_id("/api/activities", "key", "1")]
    assert len({derived_id("/api/events", "key", "1"), *others}) == 4


@pytest.mark.parametrize("key", [b"", b"with space", b"x" * 256, b"t\xe9l\xe9"])
def test_an_idempotency_key_must_be_1_to_255_visible_ascii_characters(key: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        read_key(key)
    assert list(refused.value.details) == ["Idempotency-Key"]


def test_an_idempotency_key_is_optional() -> None:
    assert read_key(None) is None
    assert read_key(b"order-66") == "order-66"
