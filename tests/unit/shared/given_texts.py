"""Texts that a person gave to be scrubbed, and strings that hold them."""

import json
import random
from typing import Any

from hypothesis import strategies as st

SALT = b"salt"
ANY = st.text(max_size=30)
# As what a scrub is given; a part of the word that replaces it is refused (tests/integration/ingest/test_scrubs.py).
GIVEN = st.text(min_size=6, max_size=60).filter(lambda text: text not in "[redacted:text:")


def written(value: Any, chosen: random.Random) -> bytes:
    """JSON in which every character of a string is written in any of the ways that JSON allows."""
    if isinstance(value, dict):
        return b"{" + b",".join(written(key, chosen) + b":" + written(item, chosen) for key, item in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(written(item, chosen) for item in value) + b"]"
    return b'"' + b"".join(_character(each, chosen) for each in value) + b'"'


def _character(character: str, chosen: random.Random) -> bytes:
    ways = [json.dumps(character)[1:-1].encode()]
    if ord(character) < 0x10000:
        ways.append(f"\\u{ord(character):04x}".encode())
    if character == "/":
        ways.append(b"\\/")
    if character >= " " and character not in '"\\':
        ways += [character.encode()] * 3
    return chosen.choice(ways)


def strings_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [each for pair in value.items() for part in pair for each in strings_of(part)]
    return [each for item in value for each in strings_of(item)] if isinstance(value, list) else [value]
