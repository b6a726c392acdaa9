"""The cookie of a login: its name, its attributes, and the pages from which it is taken."""

from typing import Any

import pytest

from shared.auth.login_cookie import clear_cookie, presented_login, require_own_page, set_cookie
from shared.http.errors import OriginNotAllowed, Unauthorized

HOST = "tracker.lan:8000"
LINK = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


def request(method: str = "GET", host: str = HOST, cookies: tuple[str, ...] = (), scheme: str = "http", **headers: str) -> dict[str, Any]:
    """The ASGI scope of a request. Header names are given with underscores."""
    sent = [("host", host), *((name.replace("_", "-"), value) for name, value in headers.items()), *(("cookie", each) for each in cookies)]
    return {"type": "http", "method": method, "scheme": scheme, "headers": [(name.encode(), value.encode()) for name, value in sent]}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("tracker.lan:8000", "tracker_login_8000"),
        ("tracker.lan", "tracker_login"),
        ("[::1]:8001", "tracker_login_8001"),
        ("[::1]", "tracker_login"),
    ],
)
def test_each_port_has_a_cookie_of_its_own(host: str, name: str) -> None:
    made = set_cookie(request(host=host), "token", 60)
    assert made == f"{name}=token; Path=/api; HttpOnly; SameSite=Strict; Max-Age=60"
    assert clear_cookie(request(host=host)).startswith(f"{name}=; Path=/api;")
    assert presented_login(request(host=host, cookies=("tracker_login_1=b; " + made.partition(";")[0],))) == b"token"


@pytest.mark.parametrize(
    ("headers", "is_secure"),
    [
        ({"scheme": "https"}, True),
        ({"x_forwarded_proto": "https"}, True),
        ({"origin": "https://tracker.lan:8000"}, True),
        ({"origin": "http://tracker.lan:8000"}, False),
        ({"x_forwarded_proto": "http"}, False),
    ],
)
def test_the_cookie_is_secure_where_the_browser_uses_tls(headers: dict[str, str], is_secure: bool) -> None:
    assert set_cookie(request(**headers), "token", 60).endswith("; Secure") is is_secure


@pytest.mark.parametrize(
    "cookies", [(), ("",), ("other=1",), ("tracker_login=1; tracker_login_80=2",), ("xtracker_login_8000=1",), ("=", ";;")]
)
def test_other_cookies_are_no_login(cookies: tuple[str, ...]) -> None:
    assert presented_login(request(cookies=cookies)) is None


@pytest.mark.parametrize("cookies", [("tracker_login_8000=a; tracker_login_8000=b",), ("tracker_login_8000=a", "tracker_login_8000=a")])
def test_two_logins_are_refused(cookies: tuple[str, ...]) -> None:
    with pytest.raises(Unauthorized, match="two logins"):
        presented_login(request(cookies=cookies))


OWN, FOREIGN = "http://tracker.lan:8000", ("http://tracker.lan:8001", "https://evil.example", "http://tracker.lan", "null", "")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "same-site"} | LINK,
        {"sec_fetch_site": "cross-site"} | LINK,
        {},
        {"origin": OWN},
    ],
)
def test_reads_of_own_pages_and_links_are_let_in(method: str, headers: dict[str, str]) -> None:
    require_own_page(request(method, **headers))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers", [{"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "same-origin", "origin": "null"}, {"origin": OWN}]
)
def test_changes_by_own_pages_are_let_in(method: str, headers: dict[str, str]) -> None:
    require_own_page(request(method, **headers))


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": OWN},
        {"sec_fetch_site": "same-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
        *({"origin": origin} for origin in FOREIGN),
    ],
)
def test_other_pages_are_refused(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(OriginNotAllowed):
        require_own_page(request(method, **headers))


@pytest.mark.parametrize(
    "headers", [{}, {"sec_fetch_site": "none"}, {"sec_fetch_site": "same-site"} | LINK, {"sec_fetch_site": "cross-site"} | LINK]
)
def test_a_change_that_no_own_page_sent_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(OriginNotAllowed):
        require_own_page(request("POST", **headers))
