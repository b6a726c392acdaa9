"""The cookie of a browser's login, and where a request with nothing but a cookie may come from (docs/adr/0061-a-login-is-a-cookie-of-its-own.md).

A browser sends a cookie to every port of a host, whichever page makes the request. So the cookie is never an API key, and is taken only from
the tracker's own pages.
"""

from typing import Final

from starlette.types import Scope

from shared.http.errors import OriginNotAllowed, Unauthorized
from shared.http.request_admission import READS, is_followed_link

_NAME: Final = "tracker_login"
# Only the API needs it: pages hold no data, and Flower behind the same gateway does not see it.
_ATTRIBUTES: Final = "Path=/api; HttpOnly; SameSite=Strict"


def presented_login(scope: Scope) -> bytes | None:
    """The token in the request's cookie; None without one. Unauthorized if there are two: a page on another port may have set one."""
    headers = [value for name, value in scope["headers"] if name == b"cookie"]
    if not headers:
        return None
    name = _name(scope).encode()
    pairs = [pair.strip().partition(b"=") for value in headers for pair in value.split(b";")]
    found = [value for each, _, value in pairs if each == name]
    if len(found) > 1:
        raise Unauthorized("There are two logins of this address; delete its cookies in the browser, and log in again.")
    return found[0] if found else None


def set_cookie(scope: Scope, token: str, seconds: int) -> str:
    """The value of Set-Cookie that logs in."""
    return f"{_name(scope)}={token}; {_ATTRIBUTES}; Max-Age={seconds}{'; Secure' if _came_over_tls(scope) else ''}"


def clear_cookie(scope: Scope) -> str:
    """The value of Set-Cookie that logs out."""
    return f"{_name(scope)}=; {_ATTRIBUTES}; Max-Age=0"


def require_own_page(scope: Scope) -> None:
    """OriginNotAllowed unless the tracker's own page sent the request, or a person follows a link. Origins in TRACKER_CORS_ORIGINS send keys.

    SameSite=Strict stops other sites. Pages on other ports of this host, and of other names of its domain, are of the same site.
    """
    headers = dict(scope["headers"])
    site, origin, is_read = headers.get(b"sec-fetch-site"), headers.get(b"origin"), scope["method"] in READS
    if site is None:
        # Over plain HTTP to another machine browsers do not send it, but Origin with everything that is not a plain read.
        is_own = is_read if origin is None else origin.partition(b"://")[2].lower() == headers.get(b"host", b"").lower()
    else:
        is_own = site == b"same-origin" or (is_read and (site == b"none" or is_followed_link(headers)))
    if is_own:
        return
    raise OriginNotAllowed("A login is only for the tracker's own pages; anything else sends an API key as Authorization: Bearer cct_….")


def _name(scope: Scope) -> str:
    """With the port of the address, so that two trackers on one host do not log each other out."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    name, colon, port = host.rpartition(":")
    return f"{_NAME}_{port}" if colon and name and port.isdecimal() and port.isascii() else _NAME


def _came_over_tls(scope: Scope) -> bool:
    """Whether the browser's connection is encrypted, as far as anything says so. A false word harms only the one who says it: the cookie is not kept."""
    headers = dict(scope["headers"])
    return b"https" in (scope.get("scheme", "").encode(), headers.get(b"x-forwarded-proto"), headers.get(b"origin", b"").partition(b":")[0])
