"""Keyset cursors: opaque text with the row after which a list continues, and the filters of that list."""

import base64
import binascii
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import msgspec

from shared.http.errors import BadRequest

UNDATED = "-infinity"
MAX_WEIGHT = 10_000

Kind = Literal["time", "uuid", "int", "float", "text", "weights"]
Shape = tuple[Kind, ...]


class _Cursor(msgspec.Struct):
    k: list[str | int | float | None]
    f: str


def fingerprint(route: str, filters: dict[str, Any]) -> str:
    """A digest of everything that must stay the same from page to page."""
    return sha256(msgspec.json.encode([route, sorted(filters.items())])).hexdigest()[:16]


def encode(keys: Sequence[Any], filters: str) -> str:
    """`keys` are the sort keys of the last row shown; a time of None is an undated row's."""
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(list(keys), filters))).rstrip(b"=").decode()


def decode(cursor: str, filters: str, *shapes: Shape) -> tuple[Any, ...]:
    """The keys, ready to be parameters of SQL. A cursor that this service did not make for these filters is a 400."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        decoded = msgspec.json.decode(raw, type=_Cursor)
        shape = next(shape for shape in shapes if len(shape) == len(decoded.k))
        keys = tuple(_READERS[kind](key) for kind, key in zip(shape, decoded.k, strict=True))
    except (ValueError, TypeError, OverflowError, StopIteration, binascii.Error, RecursionError):
        raise BadRequest(
            "cursor: not one of ours; take it from next_cursor as it is, or leave it out to begin anew.",
            code="INVALID_CURSOR",
            details={"cursor": "not valid"},
        ) from None
    if decoded.f != filters:
        raise BadRequest(
            "cursor: it was made for other filters; repeat the filters of the first page, or leave the cursor out to begin anew.",
            code="INVALID_CURSOR",
            details={"cursor": "made for other filters"},
        )
    return keys


def _time(key: Any) -> datetime | str:
    if key is None:
        return UNDATED
    value = datetime.fromisoformat(key)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _integer(key: Any) -> int:
    if type(key) is not int or not -(2**63) <= key < 2**63:
        raise ValueError("not a bigint")
    return key


def _number(key: Any) -> float:
    if type(key) not in (int, float) or not math.isfinite(key):
        raise ValueError("not a number")
    return float(key)


def _text(key: Any) -> str:
    if type(key) is not str or "\0" in key:
        raise ValueError("not a text")
    return key


def _uuid(key: Any) -> UUID:
    return UUID(_text(key))


def _weights(key: Any) -> tuple[int, ...]:
    weights = tuple(map(int, _text(key).split()))
    if any(not 0 < weight <= MAX_WEIGHT for weight in weights):
        raise ValueError("no weights")
    return weights


_READERS: dict[Kind, Any] = {"time": _time, "uuid": _uuid, "int": _integer, "float": _number, "text": _text, "weights": _weights}
