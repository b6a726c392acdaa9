"""Security headers of every response: no other origin may read it; no sniffing, no caching, no scripts."""

from collections.abc import Sequence
from typing import Final

Header = tuple[bytes, bytes]

JSON: Final[Header] = (b"content-type", b"application/json")

_EVERYWHERE: Final[list[Header]] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
# For data: a browser that opens it must not run what a user wrote into it.
_DATA: Final[list[Header]] = [
    *_EVERYWHERE,
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


def security_headers(headers: Sequence[Header]) -> list[Header]:
    """The headers to add to a response's own. A page has its own Content-Security-Policy."""
    if JSON in headers:
        return _DATA
    present = {name.lower() for name, _ in headers}
    return [header for header in _DATA if header[0] not in present]
