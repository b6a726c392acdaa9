"""Admission of requests by Host, Origin, local address and number of concurrent requests."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.bind_safety import HttpSettings
from shared.http.middleware import error_response
from shared.http.request_admission import Admission

HERE = {"sec_fetch_site": "same-origin"}
EVIL = "https://evil.example"
REFUSED_PAGE = (403, "ORIGIN_NOT_ALLOWED")
Headers = dict[str, str]


@dataclass
class Response:
    """The response."""

    status: int = 0
    code: str | None = None
    headers: Headers = field(default_factory=dict)


class Admitting:
    """An app behind Admission. `admitted` has the paths of the requests that reach it. Settings are given as in the environment."""

    def __init__(self, app: ASGIApp | None = None, **settings: Any) -> None:
        self.admitted: list[str] = []
        self._admission = Admission(app or self._record, HttpSettings(**settings), error_response)

    async def _record(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.admitted.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"in"})

    def ask(self, method: str = "GET", host: str | None = "localhost:8000", /, *, over: str = "127.0.0.1", **headers: str) -> Response:
        """Sends one request. Header names are given with underscores; `over`: the address on this side."""
        sent = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        return asyncio.run(self.send([(b"host", host.encode("latin-1")), *sent] if host is not None else sent, method, over))

    async def send(
        self, headers: list[tuple[bytes, bytes]], method: str = "GET", over: str = "127.0.0.1", path: str = "/api/projects"
    ) -> Response:
        """The same, with the headers as they are on the wire."""
        answer = Response()

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def record(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}

        scope = {"type": "http", "method": method, "path": path, "headers": headers, "server": (over, 8000)}
        await self._admission(scope, receive, record)
        answer.code = scope.get("error_code")  # type: ignore[assignment]
        return answer


def outcome(answer: Response) -> tuple[int, str | None]:
    return answer.status, answer.code


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:65535", "tracker.lan:80"])
def test_an_allowed_host_is_admitted_on_any_port(host: str) -> None:
    app = Admitting(allowed_hosts="tracker.lan, 10.0.0.5")
    assert [outcome(app.ask("GET", host)) for _ in range(2)] == [(200, None)] * 2


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8000", "localhost.evil.example", "evil.localhost", "127.0.0.1.nip.io", "127.0.0.2", "localhost:8000:80",
        "localhost:x", "localhost:", "localhost.", "user@localhost", "::1", "[::1", "[::ffff:127.0.0.1]", " localhost", "localhost,evil", "0x7f.1", "2130706433",
        "127.1", "0.0.0.0", "\xe9", "localhost\xb2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_an_unknown_host_is_421_whatever_its_other_headers_are(host: str, method: str) -> None:
    app = Admitting()
    assert outcome(app.ask(method, host, **HERE)) == (421, "HOST_NOT_ALLOWED")
    assert app.admitted == []


@pytest.mark.parametrize("headers", [[], [(b"host", b"")], [(b"host", b"localhost")] * 2, [(b"host", b"localhost"), (b"host", b"evil")]])
def test_a_request_without_exactly_one_host_is_400(headers: list[tuple[bytes, bytes]]) -> None:
    app = Admitting()
    assert outcome(asyncio.run(app.send(headers))) == (400, "VALIDATION_ERROR")
    assert app.admitted == []


def test_the_configured_address_is_an_allowed_host() -> None:
    app = Admitting(host="192.168.1.5", access="keys")
    assert outcome(app.ask("GET", "192.168.1.5:8000", over="192.168.1.5")) == (200, None)


@pytest.mark.parametrize(("host", "over"), [("172.18.0.5:8000", "172.18.0.5"), ("[fd00::5]:8000", "fd00::5")])
def test_a_service_behind_a_gateway_admits_its_own_address_as_host(host: str, over: str) -> None:
    """given a service that Prometheus finds by its address, then its requests are admitted, and none under another service's address."""
    assert outcome(Admitting(behind_gateway="on").ask("GET", host, over=over)) == (200, None)
    assert outcome(Admitting(behind_gateway="on").ask("GET", "172.18.0.6:8000", over=over)) == (421, "HOST_NOT_ALLOWED")
    assert outcome(Admitting(behind_gateway="on").ask("GET", "evil.example:8000", over=over)) == (421, "HOST_NOT_ALLOWED")
    assert outcome(Admitting(access="keys").ask("GET", host, over=over)) == (421, "HOST_NOT_ALLOWED")


# A browser or a program says where a request comes from, and whether it may change or read something.
CHANGES = [
    ({}, True),  # curl, the client, a hook
    ({"sec_fetch_site": "same-origin"}, True),
    ({"sec_fetch_site": "none"}, True),
    ({"sec_fetch_site": "same-origin", "origin": "http://localhost:8000"}, True),
    ({"origin": "http://localhost:8000"}, True),  # a browser of before 2023
    ({"sec_fetch_site": "cross-site"}, False),
    ({"sec_fetch_site": "same-site"}, False),  # another port of this machine
    ({"sec_fetch_site": "cross-site", "origin": EVIL}, False),
    ({"sec_fetch_site": "same-site", "origin": "http://localhost:8001"}, False),
    ({"sec_fetch_site": "cross-site", "origin": "null"}, False),
    ({"sec_fetch_site": "cross-site", "origin": "http://localhost:8000"}, False),
    ({"sec_fetch_site": "Same-Origin"}, False),
    ({"sec_fetch_site": ""}, False),
    ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document", "origin": EVIL}, False),  # a form
    ({"origin": EVIL}, False),
    ({"origin": "null"}, False),
    ({"origin": ""}, False),
    ({"origin": "http://localhost:8001"}, False),
    ({"origin": "http://localhost"}, False),
    ({"origin": "http://localhost:8000.evil.example"}, False),
    ({"origin": "http://127.0.0.1:8000"}, False),
    ({"origin": "localhost:8000"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "gets_in"), CHANGES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_a_cross_origin_write_is_refused(method: str, headers: dict[str, str], gets_in: bool) -> None:
    app = Admitting()
    assert outcome(app.ask(method, **headers)) == ((200, None) if gets_in else REFUSED_PAGE)
    assert len(app.admitted) == gets_in


READS = [
    ({}, True),
    ({"sec_fetch_site": "same-origin"}, True),
    ({"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, True),
    ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, True),  # a link to us
    ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}, False),
    ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"}, False),
    ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"}, False),
    ({"sec_fetch_site": "same-site", "sec_fetch_mode": "cors", "sec_fetch_dest": "empty", "origin": "http://localhost:8001"}, False),
    ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "websocket", "sec_fetch_dest": "websocket", "origin": EVIL}, False),
]


@pytest.mark.parametrize(("headers", "gets_in"), READS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_cross_origin_read_is_refused_but_navigation_is_allowed(method: str, headers: dict[str, str], gets_in: bool) -> None:
    assert outcome(Admitting().ask(method, **headers)) == ((200, None) if gets_in else REFUSED_PAGE)


def test_no_cors_headers_are_sent_by_default() -> None:
    preflight = Admitting().ask("OPTIONS", origin=EVIL, access_control_request_method="POST")
    assert outcome(preflight) == REFUSED_PAGE
    same = Admitting().ask("POST", origin="http://localhost:8000")
    for answer in (preflight, same):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("headers", [{}, {"sec_fetch_site": "cross-site"}])
def test_a_configured_origin_may_read_and_write_without_credentials(headers: dict[str, str]) -> None:
    app = Admitting(cors_origins="https://dash.example, http://localhost:3000")
    for method in ("GET", "POST"):
        answer = app.ask(method, origin="https://dash.example", **headers)
        assert outcome(answer) == (200, None)
        assert answer.headers["access-control-allow-origin"] == "https://dash.example"
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
    preflight = app.ask("OPTIONS", origin="http://localhost:3000", access_control_request_method="DELETE", **headers)
    assert (preflight.status, preflight.headers["access-control-allow-methods"]) == (204, "GET, HEAD, POST, PATCH, DELETE")
    assert len(app.admitted) == 2  # a preflight goes no further


@pytest.mark.parametrize("origin", [EVIL, "null", "https://dash.example.evil", "https://dash.example:444", "http://dash.example"])
def test_other_origins_stay_refused_beside_a_configured_one(origin: str) -> None:
    app = Admitting(cors_origins="https://dash.example")
    for method, more in (("POST", {}), ("OPTIONS", {"access_control_request_method": "POST"}), ("GET", {"sec_fetch_site": "cross-site"})):
        answer = app.ask(method, origin=origin, **more)
        assert outcome(answer) == REFUSED_PAGE
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("over", "gets_in"),
    [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("/run/api.sock", True), ("10.0.0.5", False), ("fe80::1", False)],
)
def test_open_access_admits_only_this_machine(over: str, gets_in: bool) -> None:
    app = Admitting()
    for _ in range(2):
        assert outcome(app.ask(over=over)) == ((200, None) if gets_in else (403, "FORBIDDEN"))
    assert outcome(Admitting(access="keys").ask(over=over)) == (200, None)
    assert outcome(Admitting(behind_gateway="on").ask(over=over)) == (200, None)


def test_requests_above_the_concurrency_limit_are_503() -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.set()
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def story() -> list[Response]:
        app, host = Admitting(slow, max_requests=1), [(b"host", b"localhost")]
        first = asyncio.create_task(app.send(host))
        await arrived.wait()
        refused = await app.send(host)
        go_on.set()
        health = await app.send(host, path="/healthz")
        return [refused, health, await first, await app.send(host)]

    refused, *others = asyncio.run(story())
    assert outcome(refused) == (503, "OVERLOADED")
    assert refused.headers["retry-after"] == "1"
    assert [outcome(answer) for answer in others] == [(200, None)] * 3


def test_websockets_are_refused() -> None:
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("let in")

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    asyncio.run(Admission(app, HttpSettings(), error_response)({"type": "websocket", "headers": [(b"host", b"localhost")]}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
