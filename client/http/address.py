"""The address of a server and the header with its key, checked before anything is sent. Needs little: the shipper loads it too."""

from typing import NamedTuple
from urllib.parse import urlsplit


class InvalidUrl(ValueError):
    """Not the URL of a server."""


class InvalidKey(ValueError):
    """Not an API key. The text does not have it."""


class Address(NamedTuple):
    """`path`: a prefix of all paths, without a slash at its end."""

    host: str
    port: int | None
    is_https: bool
    path: str


def address_of(url: str) -> Address:
    """The parts of a URL, whose scheme may be missing. Raises InvalidUrl."""
    try:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        port = parts.port
    except ValueError as error:
        raise InvalidUrl(f"{url} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidUrl(f"{url} is not the URL of a server; it should look like http://127.0.0.1:8000")
    return Address(parts.hostname, port, parts.scheme == "https", parts.path.rstrip("/"))


def authorization(token: str | None) -> dict[str, str]:
    """The header with the key; none without one. A line end around the key is dropped: files and CI settings have it. Raises InvalidKey."""
    key = (token or "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        # http.client would name the whole header in its error.
        raise InvalidKey("The API key has characters that no key has. Check --token, TRACKER_TOKEN or config.json.")
    return {"Authorization": f"Bearer {key}"} if key else {}
