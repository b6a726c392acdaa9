"""The texts that a scrub was given, in two halves, while it runs: one in Postgres, one in Redis.

A half is random bytes without the other. So no file of either has a byte of the texts: no row, no write-ahead log, no append-only file, and no backup
of one of the two. When both halves are deleted, what files still have of them says nothing.
"""

import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

# Both halves are of whole blocks, so that their length does not tell how long the texts are.
BLOCK_BYTES: Final = 4096
# A scrub that no worker has run for so long has lost what it was given.
LIFE_SECONDS: Final = 7 * 86_400
KEY_PREFIX: Final = "scrub:half:"


class Given(Struct, frozen=True):
    """The texts of a scrub, and the salt of the words that replace them."""

    texts: list[str]
    salt: bytes


class Halves(NamedTuple):
    """The half that Postgres has, the name of the key that Redis has, and its value."""

    in_postgres: bytes
    redis_key: str
    in_redis: bytes


def divided(texts: Sequence[str]) -> Halves:
    """Texts in two halves, with a new salt."""
    data = msgspec.json.encode(Given(list(texts), secrets.token_bytes(32)))
    data += b" " * (-len(data) % BLOCK_BYTES)
    pad = secrets.token_bytes(len(data))
    return Halves(_exclusive_or(data, pad), KEY_PREFIX + secrets.token_hex(16), pad)


def joined(in_postgres: bytes, in_redis: bytes) -> Given:
    """The texts that were divided. ValueError if the halves do not belong together."""
    try:
        return msgspec.json.decode(_exclusive_or(in_postgres, in_redis), type=Given)
    except msgspec.MsgspecError as error:
        # Without its message, which could have a part of them.
        raise ValueError("these are not two halves of what a scrub was given") from error


def _exclusive_or(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(max(len(one), len(other)))
