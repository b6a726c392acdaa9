"""Pipelined requests are processed and answered in order, also before malformed HTTP. Trailers are ignored."""

import re
import time
from collections.abc import Iterator

import pytest

from shared.http.server import MAX_PIPELINED
from tests.integration.served_app import GET, LASTING, App, Served, rest, running


@pytest.fixture
def served() -> Iterator[Served]:
    app = App()
    with running(app, LASTING) as address:
        yield Served(app, address)


def statuses(answers: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1.1 (\d+)", answers)


def post(body: bytes) -> bytes:
    return b"POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_pipelined_requests_above_the_limit_are_400(served: Served) -> None:
    with served.connect() as client:
        client.sendall(GET * (MAX_PIPELINED * 10))
        answers = rest(client)
    assert MAX_PIPELINED <= len(served.app.asked) <= MAX_PIPELINED + 2
    assert statuses(answers) == [b"200"] * len(served.app.asked) + [b"400"]


def test_eighteen_pipelined_writes_are_processed_in_order(served: Served) -> None:
    bodies = [b"%d" % number for number in range(18)]
    with served.connect() as client:
        client.sendall(b"".join(map(post, bodies)) + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answers = rest(client)
    assert statuses(answers) == [b"200"] * 19
    assert served.app.bodies == bodies


@pytest.mark.parametrize("broken", [b"hello\r\n\r\n", b"POST /take HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
def test_requests_before_malformed_http_are_answered_first(served: Served, broken: bytes) -> None:
    with served.connect() as client:
        client.sendall(post(b"first") + post(b"second") + broken)
        answers = rest(client)
    assert served.app.bodies == [b"first", b"second"]
    assert statuses(answers) == [b"200", b"200", b"400"]


def test_trailers_are_not_headers(served: Served) -> None:
    with served.connect() as client:
        client.sendall(b"POST /take HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n")
        time.sleep(0.2)
        client.sendall(b"0\r\nAuthorization: Bearer x\r\nX-Trailer: 1\r\n\r\n")
        assert b"answer" in rest(client)
    assert served.app.bodies == [b"hello"]
    assert [name for name, _ in served.app.headers] == [b"host", b"transfer-encoding", b"connection"]
