"""Ids of events: the client's own, else from its Idempotency-Key, else a new one. The same id again is the same event."""

import os
import time
from uuid import UUID, uuid5

import msgspec

# Any constant. A change would make every key a new one.
_NAMESPACE = UUID("6f0d3c52-7a1e-4b55-9a0a-5f1c6f6f2b7e")


def new_id() -> UUID:
    """A UUIDv7: 48 bits of milliseconds, the version 7, 12 random bits, the variant 8, 60 random bits."""
    digits = os.urandom(9).hex()
    return UUID(f"{_milliseconds()}7{digits[:3]}8{digits[3:]}")


def new_ids(count: int) -> list[UUID]:
    """Many UUIDv7s at once. msgspec makes them: `uuid.UUID` and the package uuid_utils cost a batch 5 % more CPU (ADR 43)."""
    now, digits = _milliseconds(), os.urandom(9 * count).hex()
    return msgspec.convert([f"{now}7{digits[at : at + 3]}8{digits[at + 3 : at + 18]}" for at in range(0, len(digits), 18)], list[UUID])


def _milliseconds() -> str:
    return f"{time.time_ns() // 1_000_000:012x}"


def derived_id(*parts: str) -> UUID:
    """The UUIDv5 that the same parts always give."""
    return uuid5(_NAMESPACE, "\n".join(parts))
