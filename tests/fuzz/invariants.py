"""A target of the fuzzer, and what holds of anything that a parser lets through."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from shared.events.messages import EARLIEST, LATEST


class Target(NamedTuple):
    """`check` raises where the contract is broken. `words` are worth trying inside the input."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()
    max_bytes: int = 4096


INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def assert_storable(value: Any) -> None:
    """Every text in it can be UTF-8 and go into Postgres, every time is aware and in range, every integer fits in 64 bits."""
    match value:
        case str():
            assert "\0" not in value, "NUL"
            value.encode()
        case bool() | None | UUID() | float() | msgspec.UnsetType():
            pass
        case int():
            assert INT64_MIN <= value <= INT64_MAX, "integer out of range"
        case datetime():
            assert value.tzinfo is not None, "naive time"
            assert EARLIEST <= value.astimezone(UTC) < LATEST, "time out of range"
        case _:
            for item in _parts_of(value):
                assert_storable(item)


def _parts_of(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, msgspec.Struct):
        return [getattr(value, name) for name in value.__struct_fields__]
    assert isinstance(value, (list, tuple)), f"unexpected {type(value).__name__}"
    return value


def depth_of(value: Any) -> int:
    """How deep arrays and objects are nested."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0
