"""What every answer tells a browser: show it to nobody else, guess nothing, keep nothing, run nothing."""

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
# Of what is no page: it has nothing to show, whatever somebody wrote into it.
_DATA: Final[list[Header]] = [
    *_EVERYWHERE,
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


def protection(headers: Sequence[Header]) -> list[Header]:
    """What is to be added to an answer's headers. A page brings its own Content-Security-Policy."""
    if JSON in headers:
        return _DATA
    present = {name.lower() for name, _ in headers}
    return [header for header in _DATA if header[0] not in present]
