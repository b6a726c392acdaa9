"""Limits for JSON that goes into the journal, beyond being well-formed: storable text, depth, sizes of numbers.

Each check begins with a test in C that almost every body passes, so that most bodies cost a microsecond.
"""

import re
from itertools import accumulate
from math import isinf

from shared.http.errors import BadRequest, PayloadTooLarge
from shared.json_values import MAX_VALUES, has_too_many_values

MAX_DEPTH = 64
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_STEP = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_DIGIT_TO_9 = bytes.maketrans(b"012345678E", b"999999999e")
_HUGE_EXPONENT = re.compile(rb"9e9999*(?:[\s,\]}]|$)")
_BEFORE_NUMBER = frozenset(b" \t\r\n,:[")
# A sign, a point, and before and after it fewer than 19 digits; 19 are found by themselves.
_LONGEST_MANTISSA = 40
# Each costs half a microsecond. Beyond this many, searching number by number is as fast.
_MAX_LOOKS = 2_000


def storable(text: bytes) -> bytes:
    """The same JSON text with escaped NULs and lone surrogates, which Postgres and UTF-8 cannot hold, as U+FFFD."""
    if not _UNSTORABLE.search(text):
        return text
    return _ESCAPE.sub(_storable_escape, text)


def _storable_escape(escape: re.Match[bytes]) -> bytes:
    found = escape.group()
    if len(found) != 6:
        return found  # a surrogate pair, or an escape like \n or \\
    unit = int(found[2:], 16)
    return rb"\ufffd" if unit == 0 or 0xD800 <= unit <= 0xDFFF else found


def check_text(text: bytes) -> None:
    """BadRequest INVALID_JSON if the text is not UTF-8, ignored fields included; PayloadTooLarge if its values would fill the memory."""
    check_values(text)
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            raise BadRequest(f"The body is not UTF-8 (byte {error.start}); send JSON in UTF-8.", code="INVALID_JSON") from error


def check_values(text: bytes) -> None:
    """PayloadTooLarge if the text has more than MAX_VALUES values, before any of them is decoded."""
    if has_too_many_values(text):
        raise too_many_values()


def too_many_values() -> PayloadTooLarge:
    """The 413 for a body of many small values."""
    return PayloadTooLarge(f"The body has more than {MAX_VALUES:,} values; send it in parts.", details={"max_values": MAX_VALUES})


def lines_of(text: bytes) -> list[bytes]:
    """The lines of NDJSON that are not empty. PayloadTooLarge if they are more than MAX_VALUES."""
    if text.count(b"\n") > MAX_VALUES:
        raise too_many_values()
    return [line for line in map(bytes.strip, text.split(b"\n")) if line]


def check_depth(text: bytes) -> None:
    """BadRequest if arrays and objects are nested deeper than MAX_DEPTH. Takes well-formed JSON only."""
    if not may_be_too_deep(text):
        return
    brackets = _STRING.sub(b"", text).translate(None, delete=_NOT_BRACKETS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise too_deep()


def may_be_too_deep(text: bytes) -> bool:
    """False for most texts; then they are not."""
    return text.count(b"{") + text.count(b"[") > MAX_DEPTH


def too_deep() -> BadRequest:
    """The 400 for JSON that is nested too deep."""
    return BadRequest(f"The JSON is nested deeper than {MAX_DEPTH} levels; flatten it.", code="INVALID_JSON")


def check_numbers(text: bytes) -> None:
    """BadRequest for an integer outside 64 bits or a number beyond a double, anywhere. Takes well-formed JSON only."""
    if not may_have_huge_number(text):
        return
    for number in _NUMBER.findall(_STRING.sub(b"", text)):
        if not _fits(number):
            shown = number[:24].decode()
            raise BadRequest(
                f"The number {shown} does not fit in 64 bits; send it as a string.", details={"body": "number out of 64-bit range"}
            )


def may_have_huge_number(text: bytes) -> bool:
    """False for most texts; then no number in it is out of range. Without this scan a batch costs 37 % more CPU, with a pattern of RE2 17 % (ADR 43)."""
    shape = text.translate(_DIGIT_TO_9, b"+")
    return b"9999999999999999999" in shape or _may_have_huge_exponent(shape)


def _may_have_huge_exponent(shape: bytes) -> bool:
    """Hexadecimal ids, which most batches have, may look like one. But before or after their digits there is a letter or a quote."""
    for looks, found in enumerate(_HUGE_EXPONENT.finditer(shape)):
        before = shape[max(0, found.start() - _LONGEST_MANTISSA) : found.start()].rstrip(b"9.-")
        if not before or before[-1] in _BEFORE_NUMBER or looks > _MAX_LOOKS:
            return True
    return False


def _fits(number: bytes) -> bool:
    if number.isdigit() or number[1:].isdigit():
        return len(number) <= 20 and INT64_MIN <= int(number) <= INT64_MAX
    return not isinf(float(number))
